"""The manifest of a finished job: length and hash of every file, written last and checked when one is opened.

A file that was cut, changed or lost on disk is thus told by name instead of being read as something else. The result of
a check is kept as long as size and time of the file stay the same, so a page pays for it once: 2 s for each GB. Jobs of
earlier versions have no manifest, and their files open unchecked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from psmatch_core.base import disk, locks
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.workspace.small_files import read_plain

MANIFEST = "manifest.json"
MANIFEST_LOCK = "manifest.lock"
VERSION_OF_MANIFEST = 1
EXPORTS = "exports"
# What processes leave in a folder while they work.
OF_PROCESSES = ("worker.lock", "worker.json", "start.lock", "resumed", MANIFEST_LOCK)
# What changes after the end: read with checks of its own, made anew when it is asked for, or read by people only.
NOT_LISTED = frozenset(
    {
        *OF_PROCESSES, MANIFEST, "job.json", "owner.json", "status.json", "log.txt", "traceback.txt", "curve.csv",
        "report.html", "feature_matches.csv", "user_note.json",
    }
)  # fmt: skip


def write_manifest(folder: Path) -> None:
    """List every file of a finished job; files of other jobs in its folder have manifests of their own.

    Raises
    ------
    PsmatchError
        If the disk is full.
    """
    _write(folder, {_name(folder, path): _facts(path) for path in result_files_in(folder)})


def result_files_in(folder: Path) -> list[Path]:
    """The files that a manifest lists: those of a job and its exports that do not change after its end."""
    places = [place for place in (folder, folder / EXPORTS) if place.is_dir()]
    found = [path for place in places for path in sorted(place.iterdir()) if path.is_file()]
    return [path for path in found if path.name not in NOT_LISTED and not path.name.startswith(".")]


def remove_manifest(folder: Path) -> None:
    """Remove the manifest of a job that is done again: its files will change."""
    (folder / MANIFEST).unlink(missing_ok=True)


@contextmanager
def listed_anew(folder: Path, path: Path) -> Iterator[None]:
    """Keep the manifest right while a file of a finished job is written in the block, such as a selection.

    Until the block ends, nobody knows the content, so the file is not listed; if the block fails, the earlier file is
    still there, and still listed.
    """
    if not (folder / MANIFEST).exists():
        yield
        return
    with locks.acquire(folder / MANIFEST_LOCK):
        name, files = _name(folder, path), dict(_listed(folder))
        earlier = files.pop(name, None)
        _write(folder, files)
        try:
            yield
            earlier = _facts(path) if path.is_file() else None
        finally:
            if earlier is not None:
                _write(folder, {**files, name: earlier})


def checked_file(folder: Path, path: Path) -> Path:
    """The path of a file that is there and, if it is listed, as it was written.

    Raises
    ------
    PsmatchError
        If it is missing or damaged.
    """
    facts = _listed(folder).get(_name(folder, path))
    if facts is None and path.is_file():
        return path
    problem = _damage(path, facts)
    if problem:
        raise PsmatchError(
            f"{path.name} of this run is {problem}.", hint="Compute the run again, or restore the file from a backup."
        )
    return path


def is_listed(folder: Path, path: Path) -> bool:
    """Whether a file belongs to a finished job, and must be there."""
    return _name(folder, path) in _listed(folder)


def damage_in(folder: Path) -> PsmatchError | None:
    """What is missing or has another length among the files of a finished job, told in one error; no file is read."""
    if (folder / MANIFEST).exists() and not _listed(folder):
        damaged = [MANIFEST]
    else:
        damaged = [name for name, facts in _listed(folder).items() if _length(folder / name) != facts["bytes"]]
    if not damaged:
        return None
    return PsmatchError(
        f"{plural(len(damaged), 'file')} of this run {'is' if len(damaged) == 1 else 'are'} missing or damaged: "
        f"{some(damaged)}.",
        hint="Compute the run again, or restore its folder from a backup.",
    )


def _damage(path: Path, facts: dict[str, Any] | None) -> str:
    length = _length(path)
    if length is None:
        return "missing"
    if facts is None:
        return "damaged: it is no file"
    if length != facts["bytes"]:
        return f"damaged: it has {length:,} bytes instead of {facts['bytes']:,}"
    stat = path.stat()
    digest = _digest(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    return "" if digest == facts["sha256"] else "damaged: its content has changed since it was written"


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.exists() else None
    except OSError:
        return None


def _facts(path: Path) -> dict[str, Any]:
    stat = path.stat()
    return {"bytes": stat.st_size, "sha256": _digest(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)}


@lru_cache(maxsize=8192)
def _digest(path: str, size: int, time: int, inode: int) -> str:
    """SHA-256 of a file; the other arguments say which version of it was read."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _listed(folder: Path) -> dict[str, dict[str, Any]]:
    """Length and hash of each listed file; empty if there is no manifest, or it cannot be read."""
    path = folder / MANIFEST
    try:
        stat = path.stat()
    except OSError:
        return {}
    return _read(str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=256)
def _read(path: str, size: int, time: int, inode: int) -> dict[str, dict[str, Any]]:
    return listed_files(read_plain(Path(path)) or {})


def listed_files(manifest: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Length and hash of each file that the content of a manifest lists; empty if that is damaged itself."""
    files = manifest.get("files")
    if not isinstance(files, dict) or manifest.get("sha256") != _digest_of_list(files):
        return {}
    return files


def _write(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    content = {"version": VERSION_OF_MANIFEST, "files": files, "sha256": _digest_of_list(files)}
    disk.write_json(folder / MANIFEST, content)


def _digest_of_list(files: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps([VERSION_OF_MANIFEST, files], sort_keys=True).encode()).hexdigest()


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
