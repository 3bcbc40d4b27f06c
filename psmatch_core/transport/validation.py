"""What may be asked: points, weights and numbers checked before any work, and brought to the engine's form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.transport.geometry import Array, Geometry
from psmatch_core.transport.ordering import near_together, widest_first
from psmatch_core.transport.problem import Problem

Cost = Literal["euclidean", "sqeuclidean"]


@dataclass(frozen=True, eq=False)
class Question:
    """A checked problem, and the way back from it to what was asked.

    Parameters
    ----------
    problem
        The cells with weight, centred; the engine's potentials belong to it.
    sources, targets
        Which of the given cells those are, ``(n',)`` and ``(m',)``, in the problem's order.
    x, y
        All cells in the problem's coordinates, in the order given, ``(n, T)`` and ``(m, T)``.
    a, b
        All weights, ``(n,)`` and ``(m,)``, summing to one.
    offset_x, offset_y
        What the given cost exceeds the problem's by: C = C' + offset_x_i + offset_y_j, units of cost.
    """

    problem: Problem
    sources: NDArray[np.intp]
    targets: NDArray[np.intp]
    x: Array
    y: Array
    a: Array
    b: Array
    offset_x: Array
    offset_y: Array
    cost: Cost

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.size, self.b.size

    @property
    def is_whole(self) -> bool:
        """Whether every cell has weight."""
        return self.sources.size == self.a.size and self.targets.size == self.b.size

    @cached_property
    def places(self) -> NDArray[np.intp]:
        """Where every given source stands in the problem, ``(n,)``; −1 for one without weight."""
        places = np.full(self.a.size, -1, dtype=np.intp)
        places[self.sources] = np.arange(self.sources.size)
        return places


def ask(
    x: ArrayLike, y: ArrayLike, a: ArrayLike | None, b: ArrayLike | None, cost: str, *, together: bool = False
) -> Question:
    """Check points and weights and centre the clouds; ``together`` moves both alike, whatever the cost.

    Distances do not change when both clouds move together, and squared ones change by a function of i plus one of
    j when each moves alone, which the potentials take up: so coordinates, and their roundings, stay small.

    Raises
    ------
    PsmatchError
        Where the arrays do not fit together, hold NaN or infinity, or a side has no weight.
    """
    if cost not in ("euclidean", "sqeuclidean"):
        raise PsmatchError(
            f"The cost must be 'euclidean' or 'sqeuclidean', not {cost!r}.", hint="Choose one of the two."
        )
    sources, targets = _points(x, "source"), _points(y, "target")
    if sources.shape[1] != targets.shape[1]:
        raise PsmatchError(
            f"Source points have {sources.shape[1]} coordinates and target points {targets.shape[1]}.",
            hint="Both sides must be logits over the same labels.",
        )
    weights_a, weights_b = _weights(a, len(sources), "source"), _weights(b, len(targets), "target")
    some_x, some_y = np.flatnonzero(weights_a), np.flatnonzero(weights_b)
    centre_x, centre_y = sources[some_x].mean(0), targets[some_y].mean(0)
    if cost == "sqeuclidean" and not together:
        apart = centre_x - centre_y
        sources, targets = sources - centre_x, targets - centre_y
        offset_x, offset_y = 2 * sources @ apart + apart @ apart, -2 * targets @ apart
    else:
        middle = (centre_x + centre_y) / 2
        sources, targets = sources - middle, targets - middle
        offset_x, offset_y = np.zeros(len(sources)), np.zeros(len(targets))
    sources, targets = widest_first(np.ascontiguousarray(sources), np.ascontiguousarray(targets))
    some_x, some_y = some_x[near_together(sources[some_x])], some_y[near_together(targets[some_y])]
    geometry = Geometry(
        np.ascontiguousarray(sources[some_x]), np.ascontiguousarray(targets[some_y]), cost == "sqeuclidean"
    )
    for array in (sources, targets, weights_a, weights_b, offset_x, offset_y):
        array.flags.writeable = False
    return Question(
        problem=Problem(geometry, weights_a[some_x], weights_b[some_y]),
        sources=some_x,
        targets=some_y,
        x=sources,
        y=targets,
        a=weights_a,
        b=weights_b,
        offset_x=offset_x,
        offset_y=offset_y,
        cost="sqeuclidean" if cost == "sqeuclidean" else "euclidean",
    )


def positive(value: float, name: str) -> float:
    """A number that must be finite and above zero."""
    if not (np.isfinite(value) and value > 0):
        raise PsmatchError(f"{name} must be a finite number above 0, not {value!r}.", hint=f"Give a positive {name}.")
    return float(value)


def _points(points: ArrayLike, side: str) -> Array:
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[0] < 1 or array.shape[1] < 1:
        raise PsmatchError(
            f"{side.capitalize()} points must be a matrix of cells × coordinates with at least one of each, "
            f"not of shape {array.shape}.",
            hint="Give one row for every cell.",
        )
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise PsmatchError(f"{side.capitalize()} points must be real numbers, not {array.dtype}.", hint="Give floats.")
    array = np.asarray(array, dtype=np.float64)
    bad = int((~np.isfinite(array)).any(axis=1).sum())
    if bad:
        raise PsmatchError(
            f"{side.capitalize()} points: {bad:,} of {plural(len(array), 'cell')} hold NaN or infinite values.",
            hint="Drop these cells or mend them before matching.",
        )
    return array


def _weights(weights: ArrayLike | None, size: int, side: str) -> Array:
    if weights is None:
        return np.full(size, 1 / size)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (size,):
        raise PsmatchError(
            f"{side.capitalize()} weights have shape {array.shape} for {plural(size, 'cell')}.",
            hint="Give one weight for every cell.",
        )
    if not np.isfinite(array).all() or (array < 0).any() or not array.sum() > 0:
        raise PsmatchError(
            f"{side.capitalize()} weights must be finite, at least 0, and not all 0.",
            hint="Mend the weights, or leave them out to weigh all cells alike.",
        )
    # a weight under 1e-300 of the largest is no weight: its logarithm would outlive its mass
    array = np.where(array > array.max() * 1e-300, array, 0.0)
    scaled: Array = array / array.max()
    return np.asarray(scaled / scaled.sum())
