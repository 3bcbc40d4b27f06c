"""Progress by callbacks. The default callback ignores all events, so no function must check for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Event:
    """One report on the progress of a computation.

    Parameters
    ----------
    stage
        The current stage, such as ``propensity: RNA``.
    fraction
        The part of the stage that is done, 0 to 1.
    message
        One line for the user.
    values
        Numbers that a page can plot, such as ``{"epoch": 3, "validation_loss": 1.2}`` (nats per cell).
    """

    stage: str
    fraction: float
    message: str = ""
    values: Mapping[str, float] = field(default_factory=dict)


class Progress(Protocol):
    """A callback for events; it may raise :class:`~psmatch_core.base.errors.Cancelled`."""

    def __call__(self, event: Event, /) -> None: ...


def silent(event: Event, /) -> None:
    """Ignore the event."""


def duration(seconds: float) -> str:
    """A time for a reader, rounded to s, min or h: ``12 s``, ``4 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
