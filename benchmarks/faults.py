"""What is lost when things go wrong? Faults are injected into real workers and files, and what is left is checked.

`python -m benchmarks.faults [--times 50] [--only NAME]` prints one line for each kind of fault: how many were injected,
and how many results were lost or changed, files partial, runs stuck, processes left behind, damages not told.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from benchmarks.fault_check import (
    Row,
    check_done,
    check_ended,
    check_resumed,
    is_left_behind,
    n_partial,
    read_all,
    result_of,
    wait_until,
)
from benchmarks.fault_worker import FAULT, PAUSE, work_in
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import manifest, store as store_module
from psmatch_core.workspace.processes import WorkerProcess
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.watch import resume_after_restart

ROOT = Path(__file__).parents[1]
WORK_SECONDS = 2.5  # in which a fault may come: a worker takes about a second to start and one to work
CALLS = {"write": 30, "fsync": 30, "replace": 30}


class Bench:
    """A workspace with known work, and the result of that work undisturbed."""

    def __init__(self, root: Path, draw: random.Random) -> None:
        self.store, self.draw = RunStore(root), draw
        self.children: list[subprocess.Popen[bytes]] = []
        store_module.start_process = self._start_process
        folder = self.store.start(Recipe())
        wait_until(lambda: not folder.status().is_active)
        assert folder.status().state == DONE, folder.status()
        self.finished, self.right = folder, result_of(folder)

    def start(self) -> RunFolder:
        return self.store.start(Recipe())

    def somewhere(self, folder: RunFolder) -> None:
        """Wait for a moment that is drawn: while it starts, works or has ended."""
        time.sleep(self.draw.uniform(0, WORK_SECONDS))

    def _start_process(self, command: list[str], folder: Path, log: BinaryIO) -> WorkerProcess:
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fault_worker", str(folder), str(self.store.queue.root)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=child.wait, daemon=True).start()
        return WorkerProcess.of_pid(child.pid)


def killed(number: int) -> Callable[[Bench, Row], None]:
    def fault(bench: Bench, row: Row) -> None:
        folder = bench.start()
        bench.somewhere(folder)
        if folder.worker is not None and folder.worker.is_alive:
            os.kill(folder.worker.pid, number)
        check_ended(row, folder, bench.right)
        check_resumed(row, bench.store, folder, bench.right)

    return fault


def cancelled(bench: Bench, row: Row) -> None:
    folder = bench.start()
    bench.somewhere(folder)
    started = time.monotonic()
    state = bench.store.cancel(folder).state
    row.seconds.append(time.monotonic() - started)
    row.stuck += state not in (CANCELLED, DONE)
    worker = folder.worker
    row.orphans += is_left_behind(worker) if state == DONE else worker is not None and worker.is_alive
    row.partial += n_partial(folder, bench.right)
    check_resumed(row, bench.store, folder, bench.right)


def two_clicks(bench: Bench, row: Row) -> None:
    """Two tabs start, and one of them cancels and starts again, all at once."""
    folder = bench.start()
    bench.store.cancel(folder)
    clicks = [bench.store.start_again, bench.store.start_again, bench.store.cancel, bench.store.start_again]
    bench.draw.shuffle(clicks)
    threads = [threading.Thread(target=click, args=(folder,)) for click in clicks]
    for each in threads:
        each.start()
        time.sleep(bench.draw.uniform(0, 0.2))
    for each in threads:
        each.join()
    check_resumed(row, bench.store, folder, bench.right)


def folder_removed(bench: Bench, row: Row) -> None:
    folder = bench.start()
    bench.somewhere(folder)
    worker = folder.worker
    shutil.rmtree(folder.path, ignore_errors=True)
    shutil.rmtree(folder.path, ignore_errors=True)
    row.stuck += folder.status().is_active
    seconds = wait_until(lambda: worker is None or not worker.is_alive)
    row.orphans += seconds is None
    row.seconds += [seconds] if seconds is not None else []
    row.partial += folder.path.exists()
    bench.store.entries()


def deleted_and_restored(bench: Bench, row: Row) -> None:
    folder = bench.start()
    bench.somewhere(folder)
    worker = folder.worker
    bench.store.delete(folder)
    row.orphans += is_left_behind(worker)
    folder = bench.store.restore(folder.id)
    row.partial += n_partial(folder, bench.right)
    check_resumed(row, bench.store, folder, bench.right)


def machine_restarted(bench: Bench, row: Row) -> None:
    folders = [bench.start(), bench.start()]
    bench.somewhere(folders[0])
    for folder in folders:
        worker = folder.worker
        assert worker is not None
        worker.send(signal.SIGKILL)
        # Its last thread may hold the lock for a moment longer; after a restart of the machine nobody does.
        wait_until(lambda worker=worker, folder=folder: not worker.is_alive and not folder.is_worked_on())
        folder.keep_worker(replace(worker, boot="before"))
    resume_after_restart(bench.store)
    for folder in folders:
        check_done(row, folder, bench.right)


def server_killed(bench: Bench, row: Row) -> None:
    """The process that started two runs is killed; the runs go on."""
    before = {each.id for each in bench.store.entries()}
    server = multiprocessing.get_context("fork").Process(
        target=lambda: [bench.start(), bench.start(), time.sleep(1000)]
    )
    server.start()
    wait_until(lambda: len({each.id for each in bench.store.entries()} - before) == 2)
    bench.somewhere(bench.finished)
    os.kill(server.pid or 0, bench.draw.choice([signal.SIGKILL, signal.SIGTERM]))
    server.join()
    for run_id in {each.id for each in bench.store.entries()} - before:
        check_done(row, bench.store.open(run_id), bench.right)


def disk_fails(how: str) -> Callable[[Bench, Row], None]:
    """The n-th write, fsync or rename fails, or the process dies there; a finished run is done again, or a new one."""

    def fault(bench: Bench, row: Row) -> None:
        folder = RunFolder.create(bench.store.runs, Recipe())
        call = bench.draw.choice(list(CALLS))
        os.environ[PAUSE] = "0"
        _forked(folder, f"{call}:{bench.draw.randrange(1, CALLS[call])}:{how}")
        status = folder.status()
        row.stuck += status.is_active and folder.is_worked_on()
        row.silent += status.state in (FAILED, LOST) and not status.problem
        row.partial += n_partial(folder, bench.right)
        row.silent += status.state == DONE and result_of(folder) != bench.right
        _forked(folder, "")
        check_done(row, folder, bench.right)
        del os.environ[PAUSE]

    return fault


def _forked(folder: RunFolder, told: str) -> None:
    os.environ[FAULT] = told

    def work() -> None:
        with suppress(PsmatchError):  # no status can be written to a full disk
            work_in(folder.path, None)

    worker = multiprocessing.get_context("fork").Process(target=work)
    worker.start()
    worker.join()
    del os.environ[FAULT]


def file_harmed(bench: Bench, row: Row) -> None:
    """A file of a finished run is cut, changed, emptied, removed or another's: told when it is listed or read."""
    folder = bench.store.adopt(bench.finished)
    found = [each for each in folder.path.iterdir() if each.is_file() and each.suffix != ".lock"]
    path = bench.draw.choice(sorted(found))
    data = path.read_bytes()
    harms = {
        "cut": data[: bench.draw.randrange(max(1, len(data)))],
        "zeros": bytes(len(data)),
        "empty": b"",
        "foreign": b"<!DOCTYPE html>",
        "bit": _flipped(data, bench.draw),
    }
    harm, content = bench.draw.choice(sorted(harms.items()))
    path.write_bytes(content)
    if bench.draw.random() < 0.2 and path.name != manifest.MANIFEST:  # without one it is a run of an earlier version
        path.unlink()
    manifest._digest.cache_clear()
    is_small = path.name in ("job.json", "status.json", "log.txt", "worker.json")  # read with checks of their own
    is_unread = path.name in ("events.jsonl", "recipe.json", "environment.json")
    is_told = bool(read_all(folder) or manifest.damage_in(folder.path) or folder.damage())
    is_same = path.is_file() and path.read_bytes() == data
    row.silent += not (is_told or is_same or is_small or (is_unread and harm in ("bit", "zeros")))
    if not (is_told or is_same or is_small or is_unread):
        row.remarks.append(f"not told: {path.name} {harm}")
    listed = {each.id for each in bench.store.entries()}
    row.lost += not {folder.id, bench.finished.id} <= listed or result_of(bench.finished) != bench.right
    shutil.rmtree(folder.path)


def _flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data or b" ")
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def table_harmed(bench: Bench, row: Row) -> None:
    """The list of runs is torn: it is made again from the folders."""
    before = {(each.id, each.name, each.state) for each in bench.store.entries()}
    for path in bench.store.root.glob("runs.sqlite*"):
        data = path.read_bytes()
        path.write_bytes(bench.draw.choice([data[: len(data) // 2], b"", bench.draw.randbytes(len(data)), b"x" + data]))
    row.lost += {(each.id, each.name, each.state) for each in bench.store.entries()} != before


ROWS: dict[str, tuple[int, Callable[[Bench, Row], None]]] = {
    "worker killed (SIGKILL)": (1, killed(signal.SIGKILL)),
    "worker crashed (SIGSEGV)": (1, killed(signal.SIGSEGV)),
    "cancelled": (1, cancelled),
    "two clicks at once": (1, two_clicks),
    "folder removed": (1, folder_removed),
    "deleted and restored": (1, deleted_and_restored),
    "server killed": (1, server_killed),
    "machine restarted": (1, machine_restarted),
    "disk full at any call": (8, disk_fails("full")),
    "disk error at any call": (8, disk_fails("error")),
    "killed at any call": (8, disk_fails("killed")),
    "file of a run harmed": (20, file_harmed),
    "list of runs harmed": (5, table_harmed),
}


def run_row(bench: Bench, name: str, times: int) -> Row:
    """Inject the faults of one row; each starts from a sound workspace."""
    row = Row(name)
    for _ in range(times):
        try:
            ROWS[name][1](bench, row)
        except PsmatchError as error:
            row.silent += 1
            row.remarks.append(f"refused: {error}")
        row.n += 1
        for entry in bench.store.entries():
            if entry.id != bench.finished.id:
                shutil.rmtree(bench.store.runs / entry.id, ignore_errors=True)
        if result_of(bench.finished) != bench.right:
            row.lost += 1
            row.remarks.append("the finished run has changed")
    return row


@contextmanager
def bench_of(seed: int) -> Iterator[Bench]:
    """A bench in a temporary workspace."""
    with tempfile.TemporaryDirectory(prefix="psmatch-faults-", ignore_cleanup_errors=True) as root:
        yield Bench(Path(root), random.Random(seed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="faults for each row; cheap rows take more (default: 50)")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    total = Row("all")
    heads = f"{'n':>6}{'lost':>6}{'partial':>9}{'stuck':>7}{'left':>6}{'untold':>8}{'slowest':>10}"
    print(f"{'fault':<28}{heads}", flush=True)
    with bench_of(options.seed) as bench:
        for name, (factor, _) in ROWS.items():
            if options.only not in name:
                continue
            row = run_row(bench, name, options.times * factor)
            slowest = f"{max(row.seconds):.1f} s" if row.seconds else ""
            counts = f"{row.lost:>6}{row.partial:>9}{row.stuck:>7}{row.orphans:>6}{row.silent:>8}"
            print(f"{name:<28}{row.n:>6}{counts}{slowest:>10}", *row.remarks[:3], flush=True)
            for each in ("n", "lost", "partial", "stuck", "orphans", "silent"):
                setattr(total, each, getattr(total, each) + getattr(row, each))
    print(f"{total.n} faults, {total.n_bad} times something was lost, partial, stuck, left behind or not told")
    return int(total.n_bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
