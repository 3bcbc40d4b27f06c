"""Progress by callbacks. The default callback ignores all events, so no function must check for one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
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

    def begin(self, message: str) -> StagePart:
        """The part under this message, which is told at once."""
        self.progress(Event(self.stage, self.start, message))
        return replace(self, message=message)

    def tell(self, done: int, total: int, what: str = "cells") -> None:
        """So many of its cells are done. The end of the part is not told: the caller tells what follows."""
        if done < total:
            share = self._share(done / total)
            so_far = f"{done:,} of {total:,} {what}"
            self.progress(Event(self.stage, share, f"{self.message}: {so_far}" if self.message else so_far))

    def split(self, n_parts: int) -> tuple[StagePart, ...]:
        """Parts of it that follow one another and are equally long."""
        edges = [self._share(at / max(n_parts, 1)) for at in range(n_parts + 1)]
        return tuple(replace(self, start=low, stop=high) for low, high in pairwise(edges))

    def hear(self, event: Event, /) -> None:
        """Tell an event of another stage as progress of this part."""
        share = self._share(event.fraction)
        message = ", ".join(each for each in (self.message, event.message) if each)
        self.progress(Event(self.stage, share, message, event.values))

    def _share(self, done: float) -> float:
        """The share of the whole stage when so much of the part is done (0 to 1), never past its end."""
        return min(self.stop, self.start + (self.stop - self.start) * done)


UNHEARD = StagePart(silent, "", "")


def never_falling(progress: Progress) -> Progress:
    """A listener whose share never falls, for what tells its parts in the order in which they end."""
    highest, lock = 0.0, threading.Lock()

    def hear(event: Event, /) -> None:
        nonlocal highest
        with lock:
            highest = max(highest, event.fraction)
            progress(replace(event, fraction=highest))

    return hear


def told_together(
    progress: Progress,
    stage: str,
    names: Sequence[str],
    *,
    sizes: Sequence[float] = (),
    words: Callable[[str], str] = str,
) -> dict[str, Progress]:
    """A listener for each of several computations side by side; the stage's share is the mean of theirs.

    Parameters
    ----------
    sizes
        How much work each is, in any unit; all the same unless given.
    words
        What each is called in messages.
    """
    weights = dict(zip(names, sizes or [1.0] * len(names), strict=True))
    shares, whole, lock = dict.fromkeys(names, 0.0), sum(weights.values()), threading.Lock()

    def listener(name: str) -> Progress:
        def hear(event: Event, /) -> None:
            with lock:  # else a share could be told after a larger one
                shares[name] = max(shares[name], event.fraction)
                done = sum(weights[each] * share for each, share in shares.items()) / whole if whole else 1.0
                message = f"{words(name)}, {event.message}" if event.message else words(name)
                progress(Event(stage, min(done, 1.0), message, event.values))

        return hear

    return {name: listener(name) for name in names}


def duration(seconds: float) -> str:
    """A time for a reader, rounded to s, min or h: ``12 s``, ``4 min``, ``1.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
