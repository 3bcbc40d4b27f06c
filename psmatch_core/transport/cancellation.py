"""Checks between two pieces of work: has the user stopped the solve, and is a progress report due?"""

from __future__ import annotations

import time
from collections.abc import Callable

from psmatch_core.base.progress import Event, Progress

_REPORT_INTERVAL = 0.3  # seconds


class StopRequested(Exception):  # noqa: N818 - not an error: the caller's wish, caught where the result is made
    """The caller's ``should_stop`` returned True."""


class ProgressMonitor:
    """Sends progress reports, and ends the work when the caller asks for it.

    Parameters
    ----------
    progress
        Receives a report every 0.3 s at most; and at least once a second, since no piece of work takes longer.
    should_stop
        Called between any two pieces of work.
    """

    def __init__(self, progress: Progress, should_stop: Callable[[], bool] | None) -> None:
        self._progress = progress
        self._should_stop = should_stop
        self._last_report = time.monotonic()
        self.fraction = 0.0
        self.message = ""

    def start_stage(self, fraction: float, message: str) -> None:
        """Name the stage that starts now, and the fraction of the whole work done before it (0 to 1)."""
        self.fraction = max(self.fraction, min(fraction, 1.0))
        self.message = message
        self.check()

    def check(self, error: float | None = None) -> None:
        """Raise :class:`StopRequested` if the caller asked for it; report progress if a report is due."""
        if self._should_stop is not None and self._should_stop():
            raise StopRequested
        now = time.monotonic()
        if now - self._last_report >= _REPORT_INTERVAL:
            self._last_report = now
            values = {} if error is None else {"marginal_error": error}
            self._progress(Event("transport", self.fraction, self.message, values))
