"""The queue of a workspace: how many jobs work at once, and which wait. The workers keep it themselves, by file locks.

A worker takes a numbered ticket: a file that it keeps locked as long as it wants a place. The first tickets work, the
others wait. The lock of a worker that dies ends with its process, and the next worker that looks removes its ticket. So
the queue survives a restart of the server, and a crash blocks nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psmatch_core.base import locks

LOOK_SECONDS = 0.5  # between two looks of a worker that waits
CORES_PER_RUN = 2  # a run trains on one core and reads, writes and draws on another; memory is what runs out first
AT_ONCE_VARIABLE = "PSMATCH_RUNS_AT_ONCE"


def runs_at_once() -> int:
    """How many runs may work at once on this machine: ``PSMATCH_RUNS_AT_ONCE``, or one for every two cores."""
    asked = os.environ.get(AT_ONCE_VARIABLE, "")
    return max(1, int(asked) if asked.isdecimal() else (os.cpu_count() or 1) // CORES_PER_RUN)


@dataclass
class Turn:
    """A place among the jobs that work; :meth:`release` gives it to the next job before this one has ended."""

    queue: RunQueue
    ticket: Path
    _lock: locks.Lock

    def release(self) -> None:
        """Let the next job work; a second call does nothing."""
        if self._lock.is_released:
            return
        with self.queue.locked():
            self._lock.release()
            self.ticket.unlink(missing_ok=True)


@dataclass(frozen=True)
class RunQueue:
    """The tickets in a folder.

    Parameters
    ----------
    at_once
        How many jobs may work at the same time.
    """

    root: Path
    at_once: int = field(default_factory=runs_at_once)

    @contextmanager
    def turn(self, name: str, show: Callable[[int], None]) -> Iterator[Turn]:
        """Take a ticket, wait for a place, and keep it until the block ends or :meth:`Turn.release` is called.

        Parameters
        ----------
        name
            The name of the job that waits, unique in the queue.
        show
            Called with the number of jobs that must end first, whenever it changes. If it raises, the ticket is given
            back.
        """
        turn = self._take_ticket(name)
        try:
            last = 0
            while (n_ahead := self._n_ahead_of(turn.ticket)) > 0:
                if n_ahead != last:
                    show(n_ahead)
                    last = n_ahead
                time.sleep(LOOK_SECONDS)
            yield turn
        finally:
            turn.release()

    def n_ahead(self, name: str) -> int:
        """How many jobs must end before this one may work; 0 if it works or is next.

        A job without a ticket comes after all that have one.
        """
        if not self.root.is_dir():
            return 0
        with self.locked():
            tickets = self._valid_tickets()
        place = next((place for place, each in enumerate(tickets) if _name_on(each) == name), len(tickets))
        return max(0, place - self.at_once + 1)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the queue while tickets are taken, counted or given back."""
        self.root.mkdir(parents=True, exist_ok=True)
        with locks.acquire(self.root / "lock"):
            yield

    def _take_ticket(self, name: str) -> Turn:
        with self.locked():
            last = max((int(each.name.partition("-")[0]) for each in self.root.glob("*.ticket")), default=0)
            ticket = self.root / f"{last + 1:012d}-{name}.ticket"
            return Turn(self, ticket, locks.acquire(ticket))

    def _n_ahead_of(self, ticket: Path) -> int:
        with self.locked():
            tickets = self._valid_tickets()
        return max(0, tickets.index(ticket) - self.at_once + 1)

    def _valid_tickets(self) -> list[Path]:
        """Tickets of living processes, first come first; those of dead ones are removed. Only while locked."""
        valid = []
        for ticket in sorted(self.root.glob("*.ticket")):
            if locks.is_held(ticket):
                valid.append(ticket)
            else:
                ticket.unlink(missing_ok=True)
        return valid


def _name_on(ticket: Path) -> str:
    return ticket.name.partition("-")[2].removesuffix(".ticket")
