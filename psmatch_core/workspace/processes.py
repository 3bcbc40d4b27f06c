"""The processes of workers: who they are, whether they live, and how they end with everything that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

from psmatch_core.base.cores import CORES_VARIABLE, background_cores

PROC = Path("/proc")  # on Linux; elsewhere `ps` says when a process started
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True)
class WorkerProcess:
    """A worker's process.

    Parameters
    ----------
    pid
        Its number, which another process may get after its end.
    started
        When it started, in the system's own words, and the start of the machine that it runs on: together they name no
        other process. Empty where the system does not say it.
    boot
        Which start of the machine, see :func:`boot_id`.
    """

    pid: int
    started: str = ""
    boot: str = ""

    @classmethod
    def of_pid(cls, pid: int) -> WorkerProcess:
        """The process that has this number now."""
        return cls(pid, _start_of(pid), boot_id())

    @property
    def is_alive(self) -> bool:
        """Whether it is still there: working, waiting or stopped."""
        if self.pid <= 1 or (self.boot and self.boot != boot_id()):
            return False
        started = _start_of(self.pid)
        return bool(started) and self.started in ("", started)

    @property
    def n_ticks(self) -> int:
        """How much it has computed so far, in ticks of the system; 0 where the system does not say it."""
        facts = _facts(self.pid)
        return int(facts[11]) + int(facts[12]) if facts else 0

    def send(self, number: int) -> None:
        """Send a signal to it and to its group; if it is to be killed, also to whatever it started elsewhere."""
        if not self.is_alive:
            return
        others = _descendants(self.pid) if number == KILL else []
        with suppress(ProcessLookupError, PermissionError):
            if os.name == "nt":
                os.kill(self.pid, number)
            else:
                os.killpg(os.getpgid(self.pid), number)
        for other in others:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(other, number)


def start_process(command: Sequence[str], folder: Path, log: BinaryIO) -> WorkerProcess:
    """Start a process of its own, which outlives this one, in a folder; what it prints goes to a log."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    environment[CORES_VARIABLE] = str(background_cores())  # the one left is for whoever looks at the pages
    package = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([package, environment.get("PYTHONPATH", "")]).strip(os.pathsep)
    command = [sys.executable, "-m", "psmatch_core", *command]
    if os.name != "nt":
        command = ["nice", "-n", "5", *command]  # the pages must stay quick while a run computes
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True
    )
    # Somebody must wait for the child, or it would stay as a zombie of a long-lived server.
    threading.Thread(target=process.wait, name="psmatch-reaper", daemon=True).start()
    return WorkerProcess.of_pid(process.pid)


@cache
def boot_id() -> str:
    """Which start of the machine this is, or of the container; empty where the system does not say it."""
    try:
        machine = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    facts = _facts(1)  # a container that is restarted has another first process on the same machine
    return f"{machine}.{facts[19] if facts else ''}"


def _start_of(pid: int) -> str:
    """When a process started, in the system's own words; empty if it is not there or has ended."""
    if PROC.is_dir():
        facts = _facts(pid)
        return facts[19] if facts and facts[0] not in "ZX" else ""
    if os.name == "nt":
        return str(pid)
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout.strip()


def _facts(pid: int) -> list[str]:
    """State, parent … of a process, as ``/proc/PID/stat`` lists them after the name; empty if there is none."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _descendants(pid: int) -> list[int]:
    """Processes that a process has started, and those that they have started."""
    parents = {int(each.name): _facts(int(each.name)) for each in PROC.glob("[0-9]*")} if PROC.is_dir() else {}
    found = [pid]
    for each in found:
        found += [child for child, facts in parents.items() if facts and int(facts[1]) == each]
    return found[1:]
