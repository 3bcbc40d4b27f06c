"""What a folder or an archive holds: a run, the job of the app, modalities matched together, or nothing of ours."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.data.modality_names import SEVERAL_FILE
from psmatch_core.data.readers import shown_name

OF_JOB = ("recipe.json", "job.json", "status.json")  # every run has them
SIGNS_OF_JOB = ("manifest.json", "job.json", "status.json", "events.jsonl")
DEEPEST = 3  # folders within each other, in which a result is looked for
HOLDERS = "Open the folder that psmatch match --out or psmatch match-many --out wrote, or a zip of it."


class ResultKind(StrEnum):
    """What was found: a job with its files, or the files of ``match-many``."""

    JOB = "job"
    SEVERAL = "several"


@dataclass(frozen=True)
class FoundResult:
    """A result in its folder."""

    path: Path
    kind: ResultKind


def holds_result(place: Path) -> bool:
    """Whether a folder or a zip archive holds a result, perhaps a damaged one, and is not a file of cells."""
    if place.is_dir():
        return any((place / name).is_file() for name in (*OF_JOB[1:], SEVERAL_FILE))
    try:
        with zipfile.ZipFile(place) as packed:
            names = {PurePosixPath(name.replace("\\", "/")).name for name in packed.namelist()}
    except (OSError, zipfile.BadZipFile, ValueError):
        return False
    return set(OF_JOB) <= names or SEVERAL_FILE in names


def find_result(place: Path, *, shown: str = "") -> FoundResult:
    """The one result in a folder, or in a folder inside it.

    Parameters
    ----------
    shown
        What the folder is called in messages; its own name unless given.

    Raises
    ------
    PsmatchError
        If there is none, or more than one.
    """
    shown = shown_name(shown or place.name)
    if not place.is_dir():
        raise PsmatchError(
            f"There is no folder {shown}.", hint="Check the path; it starts from the current folder.", code="PM-R10"
        )
    found = list(_results_in(place, DEEPEST))
    if len(found) == 1:
        return found[0]
    if found:
        names = some((shown_name(str(each.path.relative_to(place))) for each in found), 3)
        raise PsmatchError(f"{shown} holds {len(found)} results: {names}.", hint="Open one of them.", code="PM-R10")
    raise _nothing_in(place, shown)


def _results_in(place: Path, depth: int) -> Iterator[FoundResult]:
    """Results in a folder; what lies inside one belongs to it."""
    if all((place / name).is_file() for name in OF_JOB):
        yield FoundResult(place, ResultKind.JOB)
    elif (place / SEVERAL_FILE).is_file():
        yield FoundResult(place, ResultKind.SEVERAL)
    elif depth > 0:
        for each in sorted(place.iterdir()):
            if each.is_dir() and not each.is_symlink() and not each.name.startswith("."):
                yield from _results_in(each, depth - 1)


def _nothing_in(place: Path, shown: str) -> PsmatchError:
    """The error of a folder without a result, which says what is there instead."""
    found = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    names = {PurePosixPath(each).name for each in found}
    homes = sorted(str(PurePosixPath(each).parent) for each in found if PurePosixPath(each).name in SIGNS_OF_JOB)
    if homes:  # the outermost is the run, others are jobs inside it
        home = place / min(homes, key=len)
        missing = [name for name in OF_JOB if not (home / name).is_file()]
        return PsmatchError(
            f"{shown} is an incomplete run: it lacks {', '.join(missing)}.",
            hint="Copy the whole folder, or match the files again.",
            code="PM-R11",
        )
    if any(name == "matched.h5mu" or name.startswith("coupling_") for name in names):
        return PsmatchError(
            f"{shown} is an incomplete result of match-many: it lacks {SEVERAL_FILE}, which is written last.",
            hint="Copy the whole folder, or match the files again.",
            code="PM-R11",
        )
    if "pairs.csv" in names:
        return PsmatchError(f"{shown} holds the exports of a run, and not the run itself.", hint=HOLDERS, code="PM-R10")
    return PsmatchError(f"{shown} holds no result of psmatch.", hint=HOLDERS, code="PM-R10")
