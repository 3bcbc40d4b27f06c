"""Which tabs have been closed for so long that nobody will come back to them with the same session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

KEPT_SECONDS = 30.0  # a browser that lost its connection comes back within seconds


@dataclass
class ClosedTabs:
    """Since when sessions have had no connection [s]."""

    since: dict[str, float] = field(default_factory=dict)

    def closed_for_long(self, sessions: Iterable[str], is_open: Callable[[str], bool], now: float) -> list[str]:
        """Sessions that were closed at every look of the last :data:`KEPT_SECONDS`.

        Parameters
        ----------
        sessions
            Those that still hold something.
        now
            Seconds of a clock that never goes back.
        """
        closed = [each for each in sessions if not is_open(each)]
        self.since = {each: self.since.get(each, now) for each in closed}
        return [each for each in closed if now - self.since[each] >= KEPT_SECONDS]
