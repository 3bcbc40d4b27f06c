"""The queue of a workspace: how many jobs work at once, and which waits. The workers keep it themselves, by file locks.

A worker takes a ticket: a file that it keeps locked as long as it wants a place. Its name says when it came, who it is
and how long its work will take. The order of the tickets (``queue_order.py``) says who works. The lock of a worker that
dies ends with its process, and the next worker that looks removes its ticket. So the queue survives a restart of the
server, and a crash blocks nothing.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from psmatch_core.base import disk, locks
from psmatch_core.workspace.queue_order import UNKNOWN_SECONDS, Ticket, n_ahead_of

LOOK_SECONDS = 0.5  # between two looks of a worker that waits
CORES_PER_RUN = 2  # a run trains on one core and reads, writes and draws on another; memory is what runs out first
AT_ONCE_VARIABLE = "PSMATCH_RUNS_AT_ONCE"
WORKS = ".works"  # suffix of the file beside the ticket of a job that works
_NAME = re.compile(r"(\d+)-(.+?)(?:\.(\d+)s)?\.ticket")  # arrival in milliseconds, name, expected seconds


def runs_at_once() -> int:
    """How many runs may work at once on this machine: ``PSMATCH_RUNS_AT_ONCE``, or one for every two cores."""
    asked = os.environ.get(AT_ONCE_VARIABLE, "")
    return max(1, int(asked) if asked.isdecimal() else (os.cpu_count() or 1) // CORES_PER_RUN)


@dataclass
class Turn:
    """A place among the jobs that work; :meth:`release` gives it to the next job before this one has ended."""

    queue: RunQueue
    path: Path
    _lock: locks.Lock

    def release(self) -> None:
        """Let the next job work; a second call does nothing."""
        if self._lock.is_released:
            return
        with self.queue.locked():
            self._lock.release()
            _remove(self.path)


@dataclass(frozen=True)
class RunQueue:
    """The tickets in a folder.

    Parameters
    ----------
    at_once
        How many jobs may work at the same time; one more may if it is short.
    """

    root: Path
    at_once: int = field(default_factory=runs_at_once)

    @contextmanager
    def turn(self, name: str, show: Callable[[int], None], *, seconds: float = UNKNOWN_SECONDS) -> Iterator[Turn]:
        """Take a ticket, wait for a place, and keep it until the block ends or :meth:`Turn.release` is called.

        Parameters
        ----------
        name
            The name of the job that waits, unique in the queue.
        show
            Called with the number of jobs that must end first, whenever it changes. If it raises, the ticket is given
            back.
        seconds
            How long the work is expected to take.
        """
        turn = self._take_ticket(name, seconds)
        try:
            last = 0
            while (n_ahead := self._begin_or_count(turn.path)) > 0:
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
            tickets = list(self._valid_tickets().values())
        mine = next((each for each in tickets if each.name == name), None)
        if mine is None:
            mine = Ticket(name, arrived=float("inf"))
            tickets.append(mine)
        return n_ahead_of(mine, tickets, self.at_once)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the queue while tickets are taken, counted or given back."""
        self.root.mkdir(parents=True, exist_ok=True)
        with locks.acquire(self.root / "lock"):
            yield

    def _take_ticket(self, name: str, seconds: float) -> Turn:
        with self.locked():
            last = max((int(each.name.partition("-")[0]) for each in self.root.glob("*.ticket")), default=0)
            arrived = max(last + 1, int(time.time() * 1000))  # a clock that was set back changes no order
            path = self.root / f"{arrived:015d}-{name}.{max(0, round(seconds))}s.ticket"
            return Turn(self, path, locks.acquire(path))

    def _begin_or_count(self, path: Path) -> int:
        """How many jobs must end first; at 0 the job counts as one that works."""
        with self.locked():
            tickets = self._valid_tickets()
            n_ahead = n_ahead_of(tickets[path], tickets.values(), self.at_once)
            if n_ahead == 0:
                disk.write_text(path.with_suffix(WORKS), "")
        return n_ahead

    def _valid_tickets(self) -> dict[Path, Ticket]:
        """Tickets of living processes; those of dead ones are removed. Only while locked."""
        valid = {}
        for path in sorted(self.root.glob("*.ticket")):
            if not locks.is_held(path):
                _remove(path)
            elif (read := _NAME.fullmatch(path.name)) is not None:
                arrived, name, seconds = read.groups()
                # an earlier version wrote no seconds, and no file for who works
                works = seconds is None or path.with_suffix(WORKS).exists()
                valid[path] = Ticket(name, int(arrived) / 1000, float(seconds or UNKNOWN_SECONDS), works)
        return valid


def _remove(ticket: Path) -> None:
    ticket.with_suffix(WORKS).unlink(missing_ok=True)
    ticket.unlink(missing_ok=True)
