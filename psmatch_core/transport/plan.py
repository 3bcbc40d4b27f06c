"""A transport plan held by its potentials, and what it answers without ever being formed.

A plan with a support is read from it; any other plan is computed a tile of rows at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.base.rowwise import RowwisePlan, SparsePlan, Tops
from psmatch_core.transport.context import MatrixBuffer
from psmatch_core.transport.kernels import tile_pass
from psmatch_core.transport.kernels.costs import distances
from psmatch_core.transport.kernels.full_pass import TileInputs, tile_inputs
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Potentials, Problem

_REMEMBERED = 32  # solutions of the sample, one for each epsilon of a slider
ENTRY_ERROR = 1e-5  # relative error of an entry computed in float32


@dataclass(frozen=True, eq=False)
class DenseReference:
    """The exponents ``(f + g − C) / epsilon`` of all pairs at the potentials of one plan.

    Parameters
    ----------
    exponents
        float32 ``(n, ≥ m)``.
    potentials
        f ``(n,)``, g ``(m,)`` and epsilon, units of cost.
    sampled
        Potentials g ``(m,)`` that solve the sample of the sources at each of the last epsilons.
    """

    exponents: Floats
    potentials: Potentials
    sampled: dict[float, Array] = field(default_factory=dict, repr=False)

    def remember(self, epsilon: float, g: Array) -> None:
        """Keep the sample's solution at an epsilon; the oldest of a few is forgotten."""
        self.sampled[epsilon] = g
        while len(self.sampled) > _REMEMBERED:
            del self.sampled[next(iter(self.sampled))]


@dataclass
class Reusable:
    """What a solve at a neighbouring epsilon takes over from a solved plan.

    Parameters
    ----------
    wide_support
        A support that reaches far beyond what this epsilon needs; None where the plan is too dense for one.
    dense_reference
        The exponents of all pairs, shared by all steps of a slider; None where the plan is sparse or they do not fit.
    is_searched
        Whether the search for a wide support has been made.
    buffer
        Memory of the dense kernel.
    """

    wide_support: Support | None = None
    dense_reference: DenseReference | None = None
    is_searched: bool = False
    buffer: MatrixBuffer = field(default_factory=MatrixBuffer)

    def release_matrices(self) -> None:
        """Give back the memory of matrices of all pairs."""
        self.buffer.array = None
        if self.dense_reference is not None:
            self.dense_reference, self.is_searched = None, False


@dataclass(frozen=True, eq=False)
class Plan:
    """A transport plan P ``(n, m)`` by its potentials.

    Parameters
    ----------
    problem
        Cost and marginals.
    potentials
        Dual variables, and epsilon.
    reusable
        What a solve at a neighbouring epsilon takes over.
    """

    problem: Problem
    potentials: Potentials
    reusable: Reusable = field(default_factory=Reusable, repr=False, kw_only=True)

    @property
    def shape(self) -> tuple[int, int]:
        return self.problem.shape


@dataclass(frozen=True, eq=False)
class TiledPlan(Plan, RowwisePlan):
    """A plan whose rows are computed on demand."""

    @cached_property
    def _inputs(self) -> TileInputs:
        return tile_inputs(self.problem, self.potentials, ENTRY_ERROR)

    def rows(self, start: int, stop: int) -> Array:
        return self.select_rows(slice(start, stop))

    def select_rows(self, places: NDArray[np.intp] | slice) -> Array:
        """Some rows of the plan, dense ``(r, m)``."""
        inputs = self._inputs.select(places)
        out = np.empty((len(inputs.points), inputs.width), dtype=inputs.points.dtype)
        tile_pass.dense_rows(
            inputs.points, inputs.leaves, inputs.rows, inputs.columns, inputs.scale, inputs.squared, out
        )
        return np.asarray(out[:, : self.shape[1]], dtype=np.float64)

    def cost(self) -> float:
        """``⟨P, C⟩`` in units of the problem's cost."""
        geometry = self.problem.geometry
        metric = "sqeuclidean" if geometry.squared else "euclidean"
        return sum(
            float((tile * distances(geometry.x[start:stop], geometry.y, metric)).sum())
            for start, stop, tile in self.row_tiles()
        )


@dataclass(frozen=True, eq=False)
class SupportPlan(Plan, SparsePlan):
    """A plan of which only the entries that matter are kept.

    Parameters
    ----------
    support
        These entries.
    """

    support: Support

    @cached_property
    def _matrix(self) -> sparse.csr_matrix:
        values = self.support.values(self.problem, self.potentials)
        return sparse.csr_matrix((values, self.support.indices, self.support.indptr), shape=self.problem.shape)

    def to_csr(self) -> sparse.csr_matrix:
        return self._matrix

    def select_rows(self, places: NDArray[np.intp] | slice) -> Array:
        """Some rows of the plan, dense ``(r, m)``."""
        return np.asarray(self._matrix[places].toarray(), dtype=np.float64)

    def top(self, k: int) -> Tops:
        n, m = self.shape
        index, share = np.full((n, min(k, m)), -1, dtype=np.int64), np.zeros((n, min(k, m)))
        tile_pass.largest_of_rows(self.support.indptr, self.support.indices, self._matrix.data, index, share)
        return index, share

    def cost(self) -> float:
        """``⟨P, C⟩`` in units of the problem's cost, from the reduced costs ``C − f − g`` of the entries."""
        return float(self._matrix.data.astype(np.float64) @ self.support.costs())
