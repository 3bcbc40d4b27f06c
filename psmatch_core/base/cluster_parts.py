"""Parts of the work on a cluster: what travels of one, and what a worker does with it."""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psmatch_core.base.cores import choose, on_a_core
from psmatch_core.base.errors import Cancelled
from psmatch_core.base.progress import Event

MOST_CHOSEN = 2  # matrices that a worker keeps because it may choose them again; they live no longer than their whole


@dataclass(frozen=True)
class StandIn:
    """Stands for a matrix on the way to a worker: the place of the whole among what is there, and the choices from it.

    Parameters
    ----------
    whole
        A place.
    choices
        Pairs of an axis and the place of the positions.
    """

    whole: int
    choices: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Order:
    """What a worker is to compute, and where its reports are heard: nowhere if ``topic`` is empty."""

    function: Callable[..., Any]
    data: tuple[StandIn, ...]
    arguments: tuple[Any, ...]
    topic: str
    part: str


_CHOSEN: OrderedDict[tuple[int, ...], tuple[weakref.ref[Any], Any]] = OrderedDict()
_CHOOSING, _LOADING = threading.Lock(), threading.Lock()


def compute_part(there: Sequence[Any], order: Order) -> tuple[Any, tuple[Event, ...]]:
    """What a worker does: the function of an order on a core, and everything that was reported.

    Parameters
    ----------
    there
        What has travelled.
    """
    with _LOADING:  # other threads fail on a torch that one is still importing
        import torch  # noqa: F401 - heavy: only where a cluster computes
    data = [_made(there, each) for each in order.data]
    report = _Report(order.topic, order.part) if order.topic else None
    result = on_a_core(order.function, (*data, *order.arguments), report)
    return result, tuple(report.events) if report is not None else ()


class _Report:
    """Progress that is heard where the run was started; stops the work when it was cancelled there."""

    def __init__(self, topic: str, part: str) -> None:
        from distributed import get_worker

        self.topic, self.part, self.events = topic, part, list[Event]()
        self.worker: Any = get_worker()
        self.task = self.worker.get_current_task()

    def __call__(self, event: Event, /) -> None:
        task = self.worker.state.tasks.get(self.task)
        if task is not None and task.state == "cancelled":
            raise Cancelled
        values = {name: float(value) for name, value in event.values.items()}
        words = (self.part, len(self.events), event.stage, float(event.fraction), event.message, values)
        self.worker.log_event(self.topic, words)
        self.events.append(event)


def _made(there: Sequence[Any], stand_in: StandIn) -> Any:
    """The matrix that a stand-in describes; one that was chosen lately is not chosen again."""
    whole = there[stand_in.whole]
    if not stand_in.choices:
        return whole
    choices = [(axis, there[at]) for axis, at in stand_in.choices]
    key = (id(whole), *(number for axis, chosen in choices for number in (axis, id(chosen))))
    with _CHOOSING:
        found = _CHOSEN.get(key)
        if found is not None and found[0]() is whole:
            _CHOSEN.move_to_end(key)
            return found[1]
    made = choose(whole, choices)
    with _CHOOSING:
        _CHOSEN[key] = (weakref.ref(whole), made)
        while len(_CHOSEN) > MOST_CHOSEN:
            _CHOSEN.popitem(last=False)
    for each in (whole, *(chosen for _, chosen in choices)):  # their identities may be given to others
        weakref.finalize(each, _CHOSEN.pop, key, None)
    return made
