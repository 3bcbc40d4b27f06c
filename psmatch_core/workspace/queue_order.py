"""Who works next: short work first, and nobody waits for ever.

A job is *due* at the time it came plus three times the seconds that its work is expected to take, and jobs that wait
work in the order in which they are due. Short work that comes later goes before long work; but work of 10 minutes that
came half an hour ago goes before everything that comes now. One place is kept beside the others for short work, so that
a match of known scores need not wait for the training of somebody else that has begun.

Source: ordering by a due time that grows with the work, as in earliest-due-date scheduling: Jackson, Scheduling a
production line to minimize maximum tardiness (1955).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PATIENCE = 3.0  # a job lets others pass that come up to so many times its own seconds later
SHORT_SECONDS = 30.0  # work up to this may take the place beside the others
UNKNOWN_SECONDS = 120.0  # what work is taken to need if nothing like it was measured


@dataclass(frozen=True)
class Ticket:
    """A job in the queue.

    Parameters
    ----------
    name
        Of the job, unique in the queue.
    arrived
        Seconds since the epoch.
    seconds
        How long its work is expected to take.
    works
        Whether it has begun.
    """

    name: str
    arrived: float
    seconds: float = UNKNOWN_SECONDS
    works: bool = False

    @property
    def due(self) -> float:
        """Seconds since the epoch; who is due first goes first."""
        return self.arrived + PATIENCE * self.seconds

    @property
    def is_short(self) -> bool:
        return self.seconds <= SHORT_SECONDS


def in_order(tickets: Iterable[Ticket]) -> list[Ticket]:
    """Those that work, then those that wait in the order in which they will begin."""
    return sorted(tickets, key=lambda each: (not each.works, each.due, each.arrived, each.name))


def n_ahead_of(ticket: Ticket, tickets: Iterable[Ticket], at_once: int) -> int:
    """How many jobs must end before this one may begin; 0 if it may, or has begun.

    Parameters
    ----------
    tickets
        All of the queue, this one included.
    at_once
        Number of places for any work; short work has one more.
    """
    if ticket.works:
        return 0
    order = in_order(tickets)
    before = order[: order.index(ticket)]
    n_short = sum(each.is_short for each in before)
    in_the_place_beside = any(each.is_short and each.works for each in before)
    n_ahead = max(0, len(before) - in_the_place_beside - at_once + 1)
    return min(n_ahead, n_short) if ticket.is_short else n_ahead
