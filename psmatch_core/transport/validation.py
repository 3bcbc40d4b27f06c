"""Checks of points, weights and numbers before any work, and the form in which the engine solves the problem."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.transport.geometry import Geometry
from psmatch_core.transport.ordering import neighbors_together, rotate_widest_first
from psmatch_core.transport.problem import Potentials, Problem

Cost = Literal["euclidean", "sqeuclidean"]

_SMALL = 2.0**-20  # coordinates from this to its inverse are left as they are
LARGEST_RATIO = 1e13
_LARGEST = 1e140  # coordinates up to which squared distances are finite, with room for sums


@dataclass(frozen=True, eq=False)
class PreparedProblem:
    """A checked problem in the engine's form, and the way back to the cells as they were given.

    Parameters
    ----------
    problem
        The cells with weight, centred and reordered; the engine's potentials belong to it.
    sources, targets
        Positions of these cells among the given ones, ``(n',)`` and ``(m',)``, in the order of the problem.
    x, y
        All cells in the coordinates of the problem (its unit included), in the given order, ``(n, T)`` and ``(m, T)``.
    a, b
        All weights, ``(n,)`` and ``(m,)``, summing to one.
    offset_x, offset_y
        Difference between the given cost and that of the problem, units of cost: C = unit C' + offset_x_i + offset_y_j.
    unit
        Unit of the problem's cost, potentials and epsilon, a power of two; 1 unless costs are so small or so large that
        single precision would not hold their squares.
    cost
        ``euclidean`` or ``sqeuclidean``.
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
    unit: float
    cost: Cost

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.size, self.b.size

    @property
    def all_have_weight(self) -> bool:
        return self.sources.size == self.a.size and self.targets.size == self.b.size

    @cached_property
    def positions(self) -> NDArray[np.intp]:
        """Position of each given source in the problem, ``(n,)``; −1 for one without weight."""
        positions = np.full(self.a.size, -1, dtype=np.intp)
        positions[self.sources] = np.arange(self.sources.size)
        return positions

    def inner_epsilon(self, epsilon: float) -> float:
        """Epsilon in units of the problem's cost.

        An epsilon so far above the costs that the plan is a bᵀ to 10⁻¹² is lowered to where numbers stay comparable.
        Potentials are measured in it, so that f / epsilon stays the same.
        """
        scale = self.problem.geometry.scale
        return min(epsilon / self.unit, LARGEST_RATIO * scale) if scale > 0 else 1.0

    def to_problem(self, f: Array, g: Array, epsilon: float) -> Potentials:
        """The engine's potentials that correspond to potentials of all given cells."""
        inner = self.inner_epsilon(epsilon)
        unit = epsilon / inner
        return Potentials((f - self.offset_x)[self.sources] / unit, (g - self.offset_y)[self.targets] / unit, inner)


def prepare_problem(
    x: ArrayLike,
    y: ArrayLike,
    *,
    cost: str,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    shift_together: bool = False,
) -> PreparedProblem:
    """Check points and weights, and centre the clouds so that coordinates and their roundings are small.

    Distances do not change when both clouds are shifted by the same vector. Squared distances change by a function of
    i plus a function of j when each cloud is shifted on its own, and the potentials absorb that.

    Parameters
    ----------
    shift_together
        Shift both clouds by the same vector, whatever the cost.

    Raises
    ------
    PsmatchError
        If the arrays do not fit together, hold NaN or infinity, or a side has no weight.
    """
    if cost not in ("euclidean", "sqeuclidean"):
        raise PsmatchError(
            f"The cost must be 'euclidean' or 'sqeuclidean', not {cost!r}.", hint="Choose one of the two."
        )
    sources, targets = _check_points(x, "source"), _check_points(y, "target")
    if sources.shape[1] != targets.shape[1]:
        raise PsmatchError(
            f"Source points have {sources.shape[1]} coordinates and target points {targets.shape[1]}.",
            hint="Both sides must be logits over the same labels.",
        )
    weights_a, weights_b = _check_weights(a, len(sources), "source"), _check_weights(b, len(targets), "target")
    some_x, some_y = np.flatnonzero(weights_a), np.flatnonzero(weights_b)
    center_x, center_y = _center(sources[some_x]), _center(targets[some_y])
    if cost == "sqeuclidean" and not shift_together:
        difference = center_x - center_y
        sources, targets = sources - center_x, targets - center_y
        offset_x, offset_y = 2 * sources @ difference + difference @ difference, -2 * targets @ difference
    else:
        middle = (center_x + center_y) / 2
        sources, targets = sources - middle, targets - middle
        offset_x, offset_y = np.zeros(len(sources)), np.zeros(len(targets))
    stretch = stretch_of(sources[some_x], targets[some_y])
    sources, targets = sources / stretch, targets / stretch
    sources, targets = rotate_widest_first(np.ascontiguousarray(sources), np.ascontiguousarray(targets))
    some_x, some_y = some_x[neighbors_together(sources[some_x])], some_y[neighbors_together(targets[some_y])]
    geometry = Geometry(
        np.ascontiguousarray(sources[some_x]), np.ascontiguousarray(targets[some_y]), cost == "sqeuclidean"
    )
    for array in (sources, targets, weights_a, weights_b, offset_x, offset_y):
        array.flags.writeable = False
    return PreparedProblem(
        problem=Problem(geometry, weights_a[some_x], weights_b[some_y]),
        sources=some_x,
        targets=some_y,
        x=sources,
        y=targets,
        a=weights_a,
        b=weights_b,
        offset_x=offset_x,
        offset_y=offset_y,
        unit=stretch**2 if cost == "sqeuclidean" else stretch,
        cost="sqeuclidean" if cost == "sqeuclidean" else "euclidean",
    )


def _center(points: Array) -> Array:
    """The mean of the points ``(n, T)``; of equal points the point itself, from which rounding moves their mean."""
    return points[0] if (points == points[0]).all() else points.mean(0)


def stretch_of(x: Array, y: Array) -> float:
    """The power of two by which coordinates are divided; dividing by it rounds nothing.

    Coordinates so small that their squares underflow stay as they are, and their distances count as 0.
    """
    largest = float(max(np.abs(x).max(), np.abs(y).max()))
    if largest < 1 / _LARGEST or _SMALL <= largest <= 1 / _SMALL:
        return 1.0
    return float(2.0 ** np.round(np.log2(largest)))


def _check_points(points: ArrayLike, side: str) -> Array:
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[0] < 1 or array.shape[1] < 1:
        raise PsmatchError(
            f"{side.capitalize()} points must be a matrix of cells × coordinates with at least one of each, "
            f"not of shape {array.shape}.",
            hint="Give one row per cell.",
        )
    if not np.issubdtype(array.dtype, np.number) or np.issubdtype(array.dtype, np.complexfloating):
        raise PsmatchError(f"{side.capitalize()} points must be real numbers, not {array.dtype}.", hint="Give floats.")
    array = np.asarray(array, dtype=np.float64)
    bad = int((~np.isfinite(array)).any(axis=1).sum())
    if bad:
        raise PsmatchError(
            f"{side.capitalize()} points: {bad:,} of {plural(len(array), 'cell')} hold NaN or infinite values.",
            hint="Drop or correct these cells before matching.",
        )
    largest = float(np.abs(array).max())
    if largest > _LARGEST:
        raise PsmatchError(
            f"{side.capitalize()} points have coordinates up to {largest:.2g}; the limit is {_LARGEST:.0g}.",
            hint="Divide the points of both sides and epsilon by the same number.",
        )
    return array


def _check_weights(weights: ArrayLike | None, size: int, side: str) -> Array:
    if weights is None:
        return np.full(size, 1 / size)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (size,):
        raise PsmatchError(
            f"{side.capitalize()} weights have shape {array.shape} for {plural(size, 'cell')}.",
            hint="Give one weight per cell.",
        )
    if not np.isfinite(array).all() or (array < 0).any() or not array.sum() > 0:
        raise PsmatchError(
            f"{side.capitalize()} weights must be finite, at least 0, and not all 0.",
            hint="Correct the weights, or omit them to weight all cells equally.",
        )
    # below 1e-300 of the largest a weight counts as 0: masses underflow there while logarithms stay finite
    array = np.where(array > array.max() * 1e-300, array, 0.0)
    scaled: Array = array / array.max()
    return np.asarray(scaled / scaled.sum())
