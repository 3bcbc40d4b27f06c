"""The watch over a workspace: ends silent workers, resumes runs once after a restart, puts earlier results back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace.earlier_result import holds_earlier, settle_earlier
from psmatch_core.workspace.heartbeat import ENDED_SECONDS
from psmatch_core.workspace.processes import boot_id
from psmatch_core.workspace.run_folder import DONE, LOST, RESUMED, RunFolder
from psmatch_core.workspace.store import RunStore

LOOK_SECONDS = 5.0
# Where jobs lie in a workspace: runs, what is measured of them and their labels; sweeps and their runs; several
# modalities; demos.
PLACES = ("runs/*", "runs/*/monitor", "runs/*/*/[0-9]*", "sweeps/*", "sweeps/*/runs/*", "several/*", "demos/*/runs/*")
_STARTED = threading.Event()


def watch_once(root: Path) -> None:
    """Watch a workspace from a thread, once per server."""
    if _STARTED.is_set():
        return
    _STARTED.set()
    threading.Thread(target=_watch, args=(RunStore(root),), name="psmatch-watch", daemon=True).start()


def resume_after_restart(store: RunStore) -> list[RunFolder]:
    """Start what worked or waited when the machine went down, once: what ends so a second time waits for its user.

    Returns
    -------
    The jobs that were started.
    """
    resumed = []
    for folder in jobs_in(store.root):
        with suppress(PsmatchError):  # told in its status
            worker = folder.worker
            is_cut = folder.was_active and worker is not None and worker.boot not in ("", boot_id())
            if not is_cut or folder.status().state != LOST or (folder.path / RESUMED).exists():
                continue
            disk.write_text(folder.path / RESUMED, boot_id())
            store.resume(folder)
            resumed.append(folder)
    return resumed


def end_silent(store: RunStore) -> list[RunFolder]:
    """End the workers that have shown no sign of life for so long that they block others; they can be started again.

    Returns
    -------
    The jobs whose workers were ended.
    """
    ended = []
    for folder in jobs_in(store.root):
        with suppress(PsmatchError):
            if _was_active(folder) and folder.silent_seconds() >= ENDED_SECONDS:
                store.end_worker(folder)
                ended.append(folder)
    return ended


def put_back_results(store: RunStore) -> None:
    """Put the earlier results of jobs back whose worker died while it did them again."""
    for folder in jobs_in(store.root):
        if not holds_earlier(folder.path):
            continue
        with suppress(PsmatchError), folder.starting():
            status = folder.worker_status()
            if not status.is_active:
                with folder.locked():  # else its worker is about to do it
                    settle_earlier(folder.path, new_ones_stand=status.state == DONE)


def jobs_in(root: Path) -> Iterator[RunFolder]:
    """The folders of all jobs in a workspace, the jobs in a run's folder before the run itself."""
    found = {path for place in PLACES for path in root.glob(place) if path.is_dir()}
    yield from (RunFolder(path) for path in sorted(found, key=lambda path: (-len(path.parts), path.name)))


def _was_active(folder: RunFolder) -> bool:
    """As the folder says it, read again only when its status has changed: there are hundreds."""
    try:
        stat = (folder.path / "status.json").stat()
    except OSError:
        return False
    return _read_active(str(folder.path), stat.st_mtime_ns, stat.st_ino)


@lru_cache(maxsize=8192)
def _read_active(path: str, time: int, inode: int) -> bool:
    return RunFolder(Path(path)).was_active


def _watch(store: RunStore) -> None:
    with suppress(OSError):
        resume_after_restart(store)
    while True:
        with suppress(OSError):
            end_silent(store)
            put_back_results(store)
        threading.Event().wait(LOOK_SECONDS)
