"""Progress by callbacks. The default callback ignores all events, so no function must check for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
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


@dataclass(frozen=True)
class StagePart:
    """A part of a stage, such as one large label, that says how much of it is done as a share of the whole stage.

    Parameters
    ----------
    message
        What it is, such as ``label STAT1``.
    start, stop
        The shares of the stage before it and with it, 0 to 1.
    """

    progress: Progress
    stage: str
    message: str
    start: float = 0.0
    stop: float = 1.0

    def tell(self, done: int, total: int, what: str = "cells") -> None:
        """So many of its cells are done. The end of the part is not told: the caller tells what follows."""
        if done < total:
            share = self.start + (self.stop - self.start) * done / total
            self.progress(Event(self.stage, share, f"{self.message}: {done:,} of {total:,} {what}"))

    def split(self, n_parts: int) -> tuple[StagePart, ...]:
        """Parts of it that follow one another and are equally long."""
        edges = [self.start + (self.stop - self.start) * at / max(n_parts, 1) for at in range(n_parts + 1)]
        return tuple(replace(self, start=low, stop=high) for low, high in pairwise(edges))

    def hear(self, event: Event, /) -> None:
        """Tell an event of another stage as progress of this part."""
        share = self.start + (self.stop - self.start) * min(event.fraction, 1.0)
        message = f"{self.message}, {event.message}" if event.message else self.message
        self.progress(Event(self.stage, share, message, event.values))


UNHEARD = StagePart(silent, "", "")


def told_together(progress: Progress, stage: str, names: Sequence[str]) -> dict[str, Progress]:
    """A listener for each of several computations side by side; the stage's share is the mean of theirs."""
    shares = dict.fromkeys(names, 0.0)

    def listener(name: str) -> Progress:
        def hear(event: Event, /) -> None:
            shares[name] = max(shares[name], event.fraction)
            message = f"{name.replace('_', ' ')}, {event.message}"
            progress(Event(stage, sum(shares.values()) / len(shares), message, event.values))

        return hear

    return {name: listener(name) for name in names}


def duration(seconds: float) -> str:
    """A time for a reader, rounded to s, min or h: ``12 s``, ``4 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
