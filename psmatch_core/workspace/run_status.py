"""The state of a run or of another job, with its progress."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

UNEXPECTED = "Unexpected error"  # how the problem begins if the program itself is at fault


class RunState(StrEnum):
    """The state of a run or of another job; it is lost if its process has died."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"


QUEUED, RUNNING, DONE, FAILED, CANCELLED, LOST = RunState


class LastStage(StrEnum):
    """The stage after which a run stops; ``MATCH`` is everything, with exports and maps."""

    PROPENSITY = "propensity"
    EVALUATION = "evaluation"
    MATCH = "match"


@dataclass(frozen=True)
class RunStatus:
    """The state of a run or of another job, with its progress.

    Parameters
    ----------
    state
        Whether it waits, works or has ended.
    stage, fraction, message
        What it does now, and how much of that is done, 0 to 1.
    problem, hint
        What went wrong and what to change, if it failed.
    pid
        Process id of the worker.
    started, updated
        Seconds since the epoch.
    """

    state: RunState = QUEUED
    stage: str = ""
    fraction: float = 0.0
    message: str = ""
    problem: str = ""
    hint: str = ""
    pid: int = 0
    started: float = 0.0
    updated: float = 0.0

    @property
    def is_active(self) -> bool:
        """Whether it waits or works."""
        return self.state in (QUEUED, RUNNING)
