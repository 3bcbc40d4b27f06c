"""Progress on a terminal: one line that moves, with rate and time left; in a pipe plain lines, two for each stage."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from psmatch_core.base.progress import Event, duration

DRAW_SECONDS = 0.1  # between two drawings of the line that moves
LEAST_SHARE = 0.05  # of a stage, below which its rate says little
FEWEST_EPOCHS = 2  # the first epoch loads libraries


@dataclass
class StagePace:
    """How fast one stage goes.

    Parameters
    ----------
    began
        When it was first heard of [s], with the share that was done by then.
    epochs, first_epoch
        Epochs of its networks so far, and when the first one ended [s].
    """

    began: float
    share: float
    epochs: int = 0
    first_epoch: float = 0.0
    is_done: bool = False

    def note(self, event: Event, now: float) -> None:
        """Count an epoch, if the event is one."""
        if "epoch" in event.values:
            self.epochs += 1
            self.first_epoch = self.first_epoch or now

    def in_words(self, event: Event, now: float) -> str:
        """Rate and time left, as far as they can be told: ``12 s, 8.3 epochs/s, about 14 s left``."""
        spent = now - self.began
        words = [duration(spent)]
        if self.epochs > FEWEST_EPOCHS and now > self.first_epoch:
            words.append(f"{(self.epochs - 1) / (now - self.first_epoch):.3g} epochs/s")
        done = event.fraction - self.share
        if done >= LEAST_SHARE and event.fraction < 1:
            words.append(f"about {duration(spent * (1 - event.fraction) / done)} left")
        return ", ".join(words)


class TerminalProgress:
    """Shows progress on the standard error output, so that results can be piped.

    Parameters
    ----------
    stream
        Where to; a line moves only if it is a terminal.
    clock
        Tells the time [s].
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream or sys.stderr
        self.clock = clock
        self.is_live = self.stream.isatty()
        self.paces: dict[str, StagePace] = {}
        self.drawn = -DRAW_SECONDS

    def __call__(self, event: Event, /) -> None:
        now = self.clock()
        is_new = event.stage not in self.paces
        pace = self.paces.setdefault(event.stage, StagePace(now, event.fraction))
        pace.note(event, now)
        if is_new:
            self._line(f"· {event.stage}")
        if event.fraction >= 1 and not pace.is_done:
            pace.is_done = True
            self._line(f"  {event.stage}: done in {pace.in_words(event, now)}")
        elif self.is_live and not pace.is_done and now - self.drawn >= DRAW_SECONDS:
            self.drawn = now
            message = f"{event.message} · " if event.message else ""
            self._write(f"\r\033[K  {event.stage} {event.fraction:4.0%} {message}{pace.in_words(event, now)}")

    def _line(self, text: str) -> None:
        self._write(("\r\033[K" if self.is_live else "") + text + "\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
