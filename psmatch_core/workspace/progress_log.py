"""The progress of a job, written into its folder while it works: ``events.jsonl`` and ``status.json``."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base.progress import Event, Progress
from psmatch_core.workspace.new_folder import removed_error
from psmatch_core.workspace.run_folder import FAILED, RunFolder, RunStatus

EVENTS = "events.jsonl"
STATUS_SECONDS = 0.3  # pages look once per second; writing more often serves nobody


class ProgressLog:
    """Writes progress to a job's folder, from any thread: every event that has numbers, other events less often.

    Parameters
    ----------
    also
        Receives every event too, for a command line.
    """

    def __init__(self, folder: RunFolder, also: Progress) -> None:
        self.folder, self.also = folder, also
        self.current = RunStatus()
        self._lock = threading.Lock()
        self._last = 0.0
        self._seen: set[str] = set()
        (folder.path / EVENTS).unlink(missing_ok=True)  # the earlier ones may have a second name, and stay under it
        self._events = open(folder.path / EVENTS, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the job works

    def __call__(self, event: Event, /) -> None:
        with self._lock:
            now = time.time()
            line = {
                "time": round(now, 3),
                "stage": event.stage,
                "fraction": round(event.fraction, 4),
                "message": event.message,
            }
            is_new = event.stage not in self._seen  # else pages would show the previous stage until this one ends
            self._seen.add(event.stage)
            is_due = is_new or event.fraction >= 1.0 or now - self._last > STATUS_SECONDS
            if event.values or is_due:
                line["values"] = {key: float(value) for key, value in event.values.items() if np.isfinite(value)}
                self._events.write(json.dumps(line) + "\n")
            if is_due:
                self._events.flush()
                self._last = now
                self._write(stage=event.stage, fraction=event.fraction, message=event.message)
            self.also(event)

    def flush(self) -> None:
        """Write the events so far to their file."""
        with self._lock:
            self._events.flush()

    def status(self, **changes: Any) -> None:
        """Change the status; if the job failed, its partial files go first: on a full disk they leave room for it."""
        with self._lock:
            with suppress(OSError):  # what the last events cannot say, the status says
                self._events.flush()
            if changes.get("state") == FAILED:
                remove_partial_files(self.folder.path)
            self._write(**changes)

    def _write(self, **changes: Any) -> None:
        if not self._is_there():
            raise removed_error(self.folder.path)
        self.current = replace(self.current, **changes)
        self.folder.write_status(self.current)

    def _is_there(self) -> bool:
        """Whether the folder is still the one in which this log was opened: not removed, nor made anew."""
        try:
            return os.path.samestat(os.fstat(self._events.fileno()), os.stat(self.folder.path / EVENTS))
        except OSError:
            return False


def remove_partial_files(folder: Path) -> None:
    """Remove files that a process began to write and did not finish."""
    for partial in folder.rglob(".*.partial"):
        partial.unlink(missing_ok=True)
