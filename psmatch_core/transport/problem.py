"""One transport problem, cost and marginals, and the potentials that stand for a plan of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.transport.geometry import Geometry

Positions = NDArray[np.intp]  # of cells among others

_SAMPLE_ROWS = 32


@dataclass(frozen=True, eq=False)
class Potentials:
    """Dual variables f ``(n,)`` and g ``(m,)``, units of cost; with epsilon, also units of cost, they give a plan.

    ``P_ij = a_i b_j exp((f_i + g_j − C_ij) / epsilon)``.
    """

    f: Array
    g: Array
    epsilon: float

    def copy(self) -> Potentials:
        """A copy that later changes do not reach."""
        return Potentials(self.f.copy(), self.g.copy(), self.epsilon)


@dataclass(frozen=True, eq=False)
class Problem:
    """Cost and marginals; every weight is positive.

    Parameters
    ----------
    geometry
        The cost between n sources and m targets.
    a, b
        Marginals, ``(n,)`` and ``(m,)``.
    """

    geometry: Geometry
    a: Array
    b: Array

    @property
    def shape(self) -> tuple[int, int]:
        return self.geometry.shape

    @cached_property
    def log_a(self) -> Array:
        return np.log(self.a)

    @cached_property
    def log_b(self) -> Array:
        return np.log(self.b)

    @cached_property
    def transposed(self) -> Problem:
        """The same problem with the sides exchanged."""
        return Problem(self.geometry.transposed, self.b, self.a)

    @cached_property
    def sampled_rows(self) -> Positions:
        """At most 32 sources spread evenly, for estimates of what holds for all."""
        n, _ = self.shape
        return np.linspace(0, n - 1, min(n, _SAMPLE_ROWS)).astype(np.intp)

    @cached_property
    def row_sample(self) -> Problem:
        """The problem between the sampled sources and all targets."""
        return self.select_rows(self.sampled_rows)

    def select_rows(self, rows: Positions) -> Problem:
        """The problem between some of the sources, with the weights they have, and all targets."""
        return Problem(self.geometry.select_rows(rows), self.a[rows], self.b)

    def subset(self, rows: Positions, columns: Positions) -> Problem:
        """The problem between some of the cells, their weights scaled to sum to one."""
        a, b = self.a[rows], self.b[columns]
        return Problem(self.geometry.subset(rows, columns), a / a.sum(), b / b.sum())
