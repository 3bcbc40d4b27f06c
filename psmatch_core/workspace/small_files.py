"""The small files that say what a folder is, read so that damage in one of them is an answer and never an error.

Anything may lie under their names: a torn file, another program's, a folder, a pipe. Whoever lists many runs must not
fail for all of them because of one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event

LARGEST = 2**24  # bytes; ours have a few thousand
LATEST = 1e11  # seconds since the epoch; a later time cannot be shown as a date
WHAT_IS_LOST = {
    "recipe.json": ("its settings are lost", "Start a new run with the same files, then delete this one."),
    "status.json": ("how it ended is unknown", "Start it again; finished stages are kept. If that fails, delete it."),
    "job.json": ("its name is lost", "Give it a name again, or delete it."),
}


def read_plain(path: Path) -> dict[str, Any] | None:
    """The plain data of a JSON file; None if it is missing, damaged, or no mapping."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:  # a pipe would never answer
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write_plain(path: Path, data: Mapping[str, Any]) -> None:
    """Write a mapping as a JSON file, whole or not at all.

    Raises
    ------
    PsmatchError
        If the disk is full, or the place cannot be written to.
    """
    try:
        disk.write_json(path, data)
    except OSError as error:
        raise PsmatchError(
            f"{path.name} of run {path.parent.name} cannot be written: {error.strerror}.",
            hint="Start a new run, and delete this one.",
        ) from error


def is_time(value: object) -> bool:
    """Whether a value can be a time in seconds since the epoch."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LATEST


def read_events(path: Path) -> list[tuple[float, Event]]:
    """The progress in a file with its times [seconds since the epoch]; lines that are no progress are left out."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []  # the last line may still be written
    except OSError:
        return []
    return [event for line in lines if (event := _event(line)) is not None]


def _event(line: bytes) -> tuple[float, Event] | None:
    try:
        found = json.loads(line)
        time, fraction = float(found["time"]), float(found["fraction"])
        values = {str(name): float(value) for name, value in found.get("values", {}).items()}
        event = Event(str(found["stage"]), fraction, str(found["message"]), values)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError):
        return None
    return (time, event) if is_time(time) and math.isfinite(fraction) else None


def damage_error(damaged: Mapping[str, bool]) -> PsmatchError | None:
    """The error of files that cannot be read, with what to do; None if there are none.

    Parameters
    ----------
    damaged
        Their names, and whether each exists; the file whose loss matters most comes first.
    """
    if not damaged:
        return None
    first = next(iter(damaged))
    lost, hint = WHAT_IS_LOST[first]
    names = " and ".join(damaged)
    how = "damaged" if damaged[first] else "missing"
    return PsmatchError(f"{names} of this run {'is' if len(damaged) == 1 else 'are'} {how}: {lost}.", hint=hint)
