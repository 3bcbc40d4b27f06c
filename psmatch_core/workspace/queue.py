"""The queue of a workspace: how many runs work at once, and which wait. No server keeps it: the workers do, by locks.

Each worker draws a numbered ticket, a file that it holds locked as long as it wants a place. The first tickets work,
the others wait. A worker that dies lets go of its lock, and whoever looks next removes its ticket: a queue survives the
server, and no crash blocks it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psmatch_core.base import locks

LOOK_SECONDS = 0.5
CORES_A_RUN = 2  # a run trains on one core and reads, writes and draws on another; memory is what truly runs out
AT_ONCE = "PSMATCH_RUNS_AT_ONCE"


def runs_at_once() -> int:
    """Runs that may work at the same time on this machine: ``PSMATCH_RUNS_AT_ONCE``, else one for two cores."""
    asked = os.environ.get(AT_ONCE, "")
    return max(1, int(asked) if asked.isdecimal() else (os.cpu_count() or 1) // CORES_A_RUN)


@dataclass
class Turn:
    """A place among those that work; :meth:`release` gives it to the next before its holder has ended."""

    queue: RunQueue
    ticket: Path
    _lock: locks.Lock

    def release(self) -> None:
        """Let the next one work; nothing if that is done already."""
        if self._lock.is_released:
            return
        with self.queue.held():
            self._lock.release()
            self.ticket.unlink(missing_ok=True)


@dataclass(frozen=True)
class RunQueue:
    """The tickets in a folder.

    Parameters
    ----------
    at_once
        How many may work at the same time.
    """

    root: Path
    at_once: int = field(default_factory=runs_at_once)

    @contextmanager
    def turn(self, name: str, waiting: Callable[[int], None]) -> Iterator[Turn]:
        """Draw a ticket, wait for its turn, and hold it for the length of the block or until it is released.

        Parameters
        ----------
        name
            Who waits, such as a run's id.
        waiting
            Told how many go first, each time that this changes; it may raise, which gives the ticket back.
        """
        turn = self._draw(name)
        try:
            last = 0
            while (first := self._before(turn.ticket)) > 0:
                if first != last:
                    waiting(first)
                    last = first
                time.sleep(LOOK_SECONDS)
            yield turn
        finally:
            turn.release()

    def ahead(self, name: str) -> int:
        """How many runs must end before this one may work: 0 where it works or is next.

        One that has not drawn its ticket yet stands behind all that have.
        """
        if not self.root.is_dir():
            return 0
        with self.held():
            alive = self._alive()
        place = next((at for at, each in enumerate(alive) if _name(each) == name), len(alive))
        return max(0, place - self.at_once + 1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the queue for the moment in which tickets are drawn, counted or given back."""
        self.root.mkdir(parents=True, exist_ok=True)
        with locks.acquire(self.root / "lock"):
            yield

    def _draw(self, name: str) -> Turn:
        with self.held():
            last = max((int(each.name.partition("-")[0]) for each in self.root.glob("*.ticket")), default=0)
            ticket = self.root / f"{last + 1:012d}-{name}.ticket"
            return Turn(self, ticket, locks.acquire(ticket))

    def _before(self, ticket: Path) -> int:
        with self.held():
            alive = self._alive()
        return max(0, alive.index(ticket) - self.at_once + 1)

    def _alive(self) -> list[Path]:
        """Tickets whose holders live, first come first; those of the dead are removed. Only while held."""
        alive = []
        for ticket in sorted(self.root.glob("*.ticket")):
            if locks.is_held(ticket):
                alive.append(ticket)
            else:
                ticket.unlink(missing_ok=True)
        return alive


def _name(ticket: Path) -> str:
    return ticket.name.partition("-")[2].removesuffix(".ticket")
