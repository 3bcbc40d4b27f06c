"""Waiting for other processes and threads: as long as they take, so that no machine is too slow for a test."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from psmatch_core.workspace.run_folder import RunFolder, RunStatus

HANG = 900.0  # seconds that only what hangs takes, with twenty processes on two cores too; pytest ends a test later


def until(is_so: Callable[[], object], what: Callable[[], object] | str) -> None:
    """Wait until something is so; ``what`` says what was not."""
    deadline = time.monotonic() + HANG
    while not is_so():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(0.05)


def ended(folder: RunFolder, *, state: str = "") -> RunStatus:
    """The status of a run once nobody works on it any more; its state where one is asked for."""
    until(lambda: not folder.status().is_active, lambda: f"{folder.status()}\n{log_of(folder)}")
    status = folder.status()
    assert state in ("", status.state), f"{status}\n{log_of(folder)}"
    return status


def reached(folder: RunFolder, states: Sequence[str]) -> RunStatus:
    """The status of a run once it is one of these."""
    until(lambda: folder.status().state in states, lambda: f"still {folder.status()}\n{log_of(folder)}")
    return folder.status()


def log_of(folder: RunFolder) -> str:
    log = folder.path / "log.txt"
    return log.read_text(encoding="utf-8")[-2000:] if log.exists() else ""
