"""Remove old uploads that no run uses."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path

from psmatch_core.workspace.files import SEVERAL_REQUEST
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.small_files import read_plain

DAYS_VARIABLE = "PSMATCH_KEEP_UPLOADS_DAYS"
DAYS = 30.0
KINDS = ("runs", "deleted", "sweeps", "sweeps/deleted", "several", "several/deleted")
_UPLOAD = re.compile(r"uploads[/\\\\]+([0-9a-f]{32})[/\\\\]+([0-9a-f]{16})")
_STARTED = threading.Event()


def days_kept() -> float:
    """How long an unused upload is kept [days]; forever if negative."""
    with suppress(ValueError):
        return float(os.environ.get(DAYS_VARIABLE, DAYS))
    return DAYS


def rule() -> str:
    """The rule in words, for the help of the uploader."""
    days = days_kept()
    if days < 0:
        return "Uploads stay on the server until its administrator removes them."
    return f"Uploads that no run uses are removed from the server after {days:g} days."


def clean_once(root: Path) -> None:
    """Clean the uploads in the background, once per server."""
    if _STARTED.is_set():
        return
    _STARTED.set()
    threading.Thread(target=clean_uploads, args=(root,), name="psmatch-housekeeping", daemon=True).start()


def clean_uploads(root: Path, *, days: float | None = None, now: float | None = None) -> list[Path]:
    """Remove old uploads that no run or sweep uses, deleted ones included, and old samples of cells.

    Parameters
    ----------
    root
        The workspace folder.
    days
        Age at which they are removed; :func:`days_kept` by default.
    now
        Seconds since the epoch.

    Returns
    -------
    The removed folders; none while the settings of any run cannot be read.
    """
    days = days_kept() if days is None else days
    if days < 0 or not (root / "uploads").is_dir():
        return []
    limit = (time.time() if now is None else now) - days * 86_400
    folders = [each for kind in KINDS for each in (root / kind).glob("[0-9]*") if each.is_dir()]
    more = [each / SEVERAL_REQUEST.name for each in folders if SEVERAL_REQUEST.is_in(RunFolder(each))]
    recipes = [read_plain(path) for path in (*(each / "recipe.json" for each in folders), *more)]
    if None in recipes:  # nobody knows which uploads a damaged run used
        return []
    used = {match for recipe in recipes for match in _UPLOAD.findall(json.dumps(recipe))}
    removed = []
    for place in (root / "uploads").glob("*/*"):
        with suppress(OSError):  # another server may be cleaning the same workspace
            newest = max((each.stat().st_mtime for each in place.rglob("*")), default=place.stat().st_mtime)
            if (place.parent.name, place.name) not in used and newest < limit:
                shutil.rmtree(place) if place.is_dir() else place.unlink()
                removed.append(place)
                place.parent.rmdir()  # fails, and the folder stays, while the visitor has other files
    for sample in (root / "summaries").glob("*.npz"):  # made again when it is asked for
        with suppress(OSError):
            if sample.stat().st_mtime < limit:
                sample.unlink()
    return removed
