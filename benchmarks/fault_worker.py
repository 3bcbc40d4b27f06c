"""The worker of the fault suite: the machinery of a real one around work of a second that is known byte for byte.

It can be told to fail: `python -m benchmarks.fault_worker FOLDER QUEUE`, with PSMATCH_FAULT=CALL:N:HOW, where CALL is
write, fsync or replace, N counts its calls, and HOW is full, error or killed.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.progress import Event
from psmatch_core.workspace import files
from psmatch_core.workspace.files import Inputs, InputSummary
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.worker import execute

PAUSE = "PSMATCH_FAULT_PAUSE"  # seconds between two files
FAULT = "PSMATCH_FAULT"
ERRORS = {"full": errno.ENOSPC, "error": errno.EIO}


class KnownWork(Job):
    """Writes one file of each kind, always with the same content."""

    kind = "run"
    noun = "run"
    place = "runs"
    title = "Known work"

    def do(self, work: Work) -> None:
        with work.turn():
            writes = writes_of(self.folder)
            for index, write in enumerate(writes):
                work.log(Event("write", index / len(writes), f"file {index}"))
                write()
                time.sleep(float(os.environ.get(PAUSE, "0.05")))


def writes_of(folder: RunFolder) -> list[Callable[[], object]]:
    """What the work writes, in order."""
    table = pd.DataFrame({"cell": [f"cell {i}" for i in range(500)], "label": "A", "rank": np.arange(500.0)})
    inputs = Inputs(*(InputSummary(name, 500, 20, 3, 0, "f") for name in ("RNA", "ADT")))
    values = np.random.default_rng(0).normal(size=(500, 20))
    return [
        lambda: files.INPUTS.write(folder, inputs),
        lambda: files.NOTES.write(folder, ("a note", "another")),
        *(lambda side=side: files.MEASURED.write(folder, values, which=side) for side in files.BOTH_SIDES),
        *(lambda way=way: files.PREDICTED.write(folder, values + 1, which=way) for way in files.DIRECTIONS),
        *(lambda way=way: files.TRANSLATION_R2.write(folder, table, which=way) for way in files.DIRECTIONS),
        lambda: files.EVALUATION_CELLS.write(folder, table),
        lambda: files.RUN_FIGURES.write(folder, {"loss_source": 0.5}),
        *(lambda n=n: disk.write_text(folder.exports / f"part{n}.csv", table.to_csv()) for n in range(6)),
        lambda: files.RUN_FIGURES.write(folder, {"loss_source": 0.5, "loss_target": 0.25}),
    ]


def fail_as_told(told: str) -> None:
    """Let the n-th call of a system function fail, as a full or broken disk or a killed process would."""
    name, number, how = told.split(":")
    left = [int(number)]

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and how == "killed":
                os._exit(9)
            if left[0] == 0:
                raise OSError(ERRORS[how], os.strerror(ERRORS[how]))
            return real(*given, **named)

        return call

    if name == "write":
        disk.open = failing(open)  # type: ignore[attr-defined]
    else:
        setattr(os, name, failing(getattr(os, name)))


def work_in(folder: Path, queue: Path | None) -> None:
    """Do the work in a folder, and fail as the environment says."""
    if os.environ.get(FAULT):
        fail_as_told(os.environ[FAULT])
    execute(KnownWork(RunFolder(folder)), queue=queue)


if __name__ == "__main__":
    work_in(Path(sys.argv[1]), Path(sys.argv[2]))
