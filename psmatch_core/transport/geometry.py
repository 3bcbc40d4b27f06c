"""Two clouds of points as the engine reads them: centred, in leaves of 64, in single or double precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.kernels.leaves import LEAF

# log weight of a padding lane: its exponential is 0, and it is far from overflow in float32
PADDING = -1e30

# Largest relative error of one kernel entry, in units of 2⁻²⁴ (float32) or 2⁻⁵³ (float64) × cost scale / epsilon:
# three roundings of numbers as large as the cost (potentials, cost, their sum) and the sum over dimensions.
_ROUNDINGS = 8.0
# The same for parts that do not grow with the cost: logarithms of weights, the exponential, sums.
_EXPONENTIAL = 24.0

_SINGLE: np.dtype[np.floating] = np.dtype(np.float32)
_DOUBLE: np.dtype[np.floating] = np.dtype(np.float64)


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[np.floating]) -> Floats:
    """An empty array on a 64-byte boundary, since a vector load across two cache lines costs two loads."""
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.empty(n_bytes + 64, dtype=np.uint8)
    offset = -raw.ctypes.data % 64
    return raw[offset : offset + n_bytes].view(dtype).reshape(shape)


def to_leaves(points: Floats, dtype: np.dtype[np.floating]) -> Floats:
    """Points ``(n, T)`` as leaves ``(ceil(n / 64), T, 64)``, the last one padded with zeros."""
    n, dimensions = points.shape
    n_leaves = -(-n // LEAF)
    leaves = aligned_empty((n_leaves, dimensions, LEAF), dtype)
    whole = n // LEAF
    leaves[:whole] = points[: whole * LEAF].reshape(whole, LEAF, dimensions).transpose(0, 2, 1)
    if whole < n_leaves:
        leaves[whole] = 0
        leaves[whole, :, : n - whole * LEAF] = points[whole * LEAF :].T
    return leaves


def to_lanes(values: Array, dtype: np.dtype[np.floating], padding: float = PADDING) -> Floats:
    """One value per point ``(n,)`` in the layout of the leaves, ``(n_leaves, 64)``."""
    n_leaves = -(-values.size // LEAF)
    lanes = aligned_empty((n_leaves, LEAF), dtype)
    flat = lanes.reshape(-1)
    flat[: values.size] = values
    flat[values.size :] = padding
    return lanes


@dataclass(frozen=True, eq=False)
class Geometry:
    """The cost between two clouds, never stored.

    Parameters
    ----------
    x
        Source points, ``(n, T)``, float64, centred.
    y
        Target points, ``(m, T)``, float64, centred.
    squared
        Whether the cost is the squared Euclidean distance; otherwise it is the distance itself.
    """

    x: Array
    y: Array
    squared: bool

    @property
    def shape(self) -> tuple[int, int]:
        return self.x.shape[0], self.y.shape[0]

    @property
    def n_pairs(self) -> int:
        return int(self.x.shape[0] * self.y.shape[0])

    @cached_property
    def scale(self) -> float:
        """An upper bound of all costs."""
        reach = float(np.sqrt((self.x**2).sum(1).max()) + np.sqrt((self.y**2).sum(1).max()))
        return float(reach**2) if self.squared else reach

    def rounding_bound(self, epsilon: float, dtype: np.dtype[np.floating] = _SINGLE, *, reach: float = 0.0) -> float:
        """Upper bound of the relative error of a kernel entry computed in one precision, to first order.

        Potentials are as large as costs, or up to ``reach``, units of cost.
        """
        per_cost = (_ROUNDINGS + self.x.shape[1] / 4) * max(self.scale, reach) / epsilon
        return float((per_cost + _EXPONENTIAL) * (2.0**-24 if dtype == np.float32 else 2.0**-53))

    def is_resolved(self, epsilon: float) -> bool:
        """Whether float64 gives the entries of a plan at this epsilon any digits."""
        return self.scale == 0 or self.rounding_bound(epsilon, _DOUBLE) < 1

    def leaves(self, dtype: np.dtype[np.floating]) -> Floats:
        """The targets in leaves, ``(n_leaves, T, 64)``."""
        return self._leaves_single if dtype == np.float32 else self._leaves_double

    def sources(self, dtype: np.dtype[np.floating]) -> Floats:
        """The sources in one precision, ``(n, T)``, contiguous."""
        return self._sources_single if dtype == np.float32 else self.x

    @cached_property
    def _leaves_single(self) -> Floats:
        return to_leaves(self.y, np.dtype(np.float32))

    @cached_property
    def _leaves_double(self) -> Floats:
        return to_leaves(self.y, np.dtype(np.float64))

    @cached_property
    def _sources_single(self) -> Floats:
        return np.ascontiguousarray(self.x, dtype=np.float32)

    @cached_property
    def transposed(self) -> Geometry:
        """The same cost with the sides exchanged."""
        return Geometry(self.y, self.x, self.squared)

    def select_rows(self, rows: NDArray[np.intp]) -> Geometry:
        """The cost between some sources and all targets, which share the leaves of the targets."""
        self.leaves(np.dtype(np.float32))  # the other rows will need them too
        some = Geometry(np.ascontiguousarray(self.x[rows]), self.y, self.squared)
        for name in ("_leaves_single", "_leaves_double", "scale"):
            if name in self.__dict__:
                some.__dict__[name] = self.__dict__[name]
        return some

    def subset(self, rows: NDArray[np.intp] | slice, columns: NDArray[np.intp] | slice) -> Geometry:
        """The cost between some of the points."""
        return Geometry(np.ascontiguousarray(self.x[rows]), np.ascontiguousarray(self.y[columns]), self.squared)
