"""The results of a finished job that is done again: kept until the new ones stand, else put back."""

from __future__ import annotations

import shutil
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.workspace.manifest import MANIFEST, result_files_in

EARLIER = "earlier"  # in the folder of a job that is done again: its files as they were


def keep_earlier(folder: Path) -> None:
    """Give each result of a finished job a second name, before the job is done again.

    Files are replaced and never written in place, so the second name keeps the earlier content and takes no space.

    Raises
    ------
    PsmatchError
        If the disk is full.
    """
    _drop(folder)
    for path in _files(folder):
        disk.link(path, folder / EARLIER / path.relative_to(folder))


def holds_earlier(folder: Path) -> bool:
    """Whether a folder keeps earlier results: the job that would replace them has not ended."""
    return (folder / EARLIER).is_dir()


def settle_earlier(folder: Path, *, new_ones_stand: bool) -> None:
    """Remove the earlier results, or put them back in the place of what an unfinished job has written."""
    if new_ones_stand or not holds_earlier(folder):
        _drop(folder)
        return
    earlier = _files(folder / EARLIER)  # the manifest is the last: until then no file is checked against it
    names = {path.relative_to(folder / EARLIER) for path in earlier}
    for path in _files(folder):
        if path.relative_to(folder) not in names:
            path.unlink(missing_ok=True)
    for path in earlier:
        disk.move(path, folder / path.relative_to(folder / EARLIER))
    _drop(folder)


def _drop(folder: Path) -> None:
    shutil.rmtree(folder / EARLIER, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    manifest = folder / MANIFEST
    return [*result_files_in(folder), *([manifest] if manifest.is_file() else [])]
