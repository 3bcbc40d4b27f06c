"""What must hold after every fault: nothing acknowledged is lost or changed, nothing partial, stuck or left behind."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.workspace import files
from psmatch_core.workspace.files import RunFile
from psmatch_core.workspace.processes import WorkerProcess
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore

STUCK_SECONDS = 90.0
LEAVING_SECONDS = 10.0
VARYING = {"events.jsonl", "status.json", "job.json", "recipe.json", "log.txt", "manifest.json", "traceback.txt"}
OF_PROCESSES = {"worker.lock", "worker.json", "start.lock", "resumed", "manifest.lock"}
ALL = [each for each in vars(files).values() if isinstance(each, RunFile)]


@dataclass
class Row:
    """The faults of one kind, and what was found after them."""

    name: str
    n: int = 0
    lost: int = 0
    partial: int = 0
    stuck: int = 0
    orphans: int = 0
    silent: int = 0
    seconds: list[float] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def n_bad(self) -> int:
        return self.lost + self.partial + self.stuck + self.orphans + self.silent


def result_of(folder: RunFolder) -> dict[str, str]:
    """The hash of every result of a run."""
    found = [path for path in folder.path.rglob("*") if path.is_file() and path.name not in VARYING | OF_PROCESSES]
    return {str(path.relative_to(folder.path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def n_partial(folder: RunFolder, right: dict[str, str]) -> int:
    """Files under a final name that are not whole: neither absent nor as they should be."""
    found = {name: digest for name, digest in result_of(folder).items() if not Path(name).name.startswith(".")}
    earlier = {"observables.json"}  # written twice: the first version is whole too
    return sum(right.get(name) != digest and name not in earlier for name, digest in found.items())


def wait_until(is_so: Callable[[], bool], limit: float = STUCK_SECONDS) -> float | None:
    """How long it took until something was so [s]; None if it was not within the limit."""
    started = time.monotonic()
    while not is_so():
        if time.monotonic() - started > limit:
            return None
        time.sleep(0.01)
    return time.monotonic() - started


def is_left_behind(worker: WorkerProcess | None) -> bool:
    """Whether a process stays after its run has ended: one that has told its end needs a moment to leave."""
    return worker is not None and wait_until(lambda: not worker.is_alive, LEAVING_SECONDS) is None


def check_ended(row: Row, folder: RunFolder, right: dict[str, str]) -> None:
    """After a fault: the run is told to have ended, its process is gone, and no file is partial."""
    seconds = wait_until(lambda: not folder.status().is_active)
    if seconds is None:
        row.stuck += 1
        row.remarks.append(f"stuck: {folder.status()}")
    else:
        row.seconds.append(seconds)
    row.orphans += is_left_behind(folder.worker)
    row.partial += n_partial(folder, right) if folder.path.is_dir() else 0


def check_resumed(row: Row, store: RunStore, folder: RunFolder, right: dict[str, str]) -> None:
    """Started again, the run ends with the result of an undisturbed one."""
    with suppress(PsmatchError):
        if folder.status().state != DONE:
            store.start_again(folder)
    check_done(row, folder, right)


def check_done(row: Row, folder: RunFolder, right: dict[str, str]) -> None:
    """The run ends by itself with the result of an undisturbed one."""
    if wait_until(lambda: not folder.status().is_active) is None:
        row.stuck += 1
    if folder.status().state != DONE or result_of(folder) != right:
        row.lost += 1
        row.remarks.append(f"not as undisturbed: {folder.status().state} {folder.status().problem}")


def read_all(folder: RunFolder) -> int:
    """Read every file of a run; how many were refused in words."""
    refused = 0
    for each in ALL:
        for which in each.which:
            if not each.refers_to:
                try:
                    each.read(folder, which=which)
                except PsmatchError:
                    refused += 1
    return refused
