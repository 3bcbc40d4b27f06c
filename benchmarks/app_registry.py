"""The cases of the benchmark of the app: their names, units and targets, and the functions that measure them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.app_server import Bench

Measure = Callable[[Bench], list[float]]


@dataclass(frozen=True)
class Case:
    """One case."""

    name: str
    unit: str
    target: str
    measure: Measure
    sent: str  # target of what it sends over the web socket; empty where that is not counted


CASES: list[Case] = []


def case(name: str, *, unit: str, target: str, sent: str = "") -> Callable[[Measure], Measure]:
    """Add a function to the cases."""

    def added(measure: Measure) -> Measure:
        CASES.append(Case(name, unit, target, measure, sent))
        return measure

    return added


def every(words: list[str]) -> Iterator[Case]:
    """The cases whose name contains one of the words; all cases without words."""
    return (each for each in CASES if not words or any(word in each.name for word in words))
