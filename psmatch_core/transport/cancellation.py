"""Between any two pieces of work: has the user stopped it, and has the page heard from us in the last second?"""

from __future__ import annotations

import time
from collections.abc import Callable

from psmatch_core.base.progress import Event, Progress

_EVERY = 0.3  # seconds between two reports


class Stopped(Exception):  # noqa: N818 - not an error: the user's wish, caught where the result is made
    """The caller's ``should_stop`` said so."""


class Watch:
    """Carries progress out and the wish to stop in.

    Parameters
    ----------
    progress
        Hears of the work at most every 0.3 s and, since no piece takes longer, at least once a second.
    should_stop
        Asked between any two pieces.
    """

    def __init__(self, progress: Progress, should_stop: Callable[[], bool] | None) -> None:
        self._progress = progress
        self._should_stop = should_stop
        self._reported = time.monotonic()
        self.fraction = 0.0
        self.message = ""

    def stage(self, fraction: float, message: str) -> None:
        """What begins now, and how much of the whole lies behind it (0 to 1)."""
        self.fraction = max(self.fraction, min(fraction, 1.0))
        self.message = message
        self.look()

    def look(self, error: float | None = None) -> None:
        """Raise :class:`Stopped` if asked to; report if it is time to."""
        if self._should_stop is not None and self._should_stop():
            raise Stopped
        now = time.monotonic()
        if now - self._reported >= _EVERY:
            self._reported = now
            values = {} if error is None else {"marginal_error": error}
            self._progress(Event("transport", self.fraction, self.message, values))
