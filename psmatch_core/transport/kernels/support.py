"""The entries of a plan that matter, and an upper bound of the mass of all others."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array, Floats
from psmatch_core.transport.kernels import in_memory
from psmatch_core.transport.problem import Potentials, Problem


@dataclass(frozen=True, eq=False)
class Support:
    """Sparse rows of reduced costs ``C_ij − f_i − g_j`` at reference potentials.

    Parameters
    ----------
    indptr, indices
        Rows and columns of the entries, as in scipy's CSR.
    reduced
        Reduced costs, units of cost; float32 is sufficient, since they are small where there is mass.
    reference
        The potentials f and g of the reduced costs, and the epsilon to which ``dropped`` belongs.
    theta
        Threshold: an entry outside the support holds less than e^−theta of the mass of its row and of its column.
    dropped
        Upper bound of each row's mass outside the support at the reference, ``(n,)``.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    reduced: Floats
    reference: Potentials
    theta: float
    dropped: Array

    @property
    def n_entries(self) -> int:
        return int(self.indices.size)

    @property
    def unsigned(self) -> NDArray[np.uint32]:
        """The column indices as compiled loops need them."""
        return self.indices.view(np.uint32)

    @property
    def row_of_entry(self) -> NDArray[np.intp]:
        """The row of each entry."""
        return np.repeat(np.arange(self.indptr.size - 1), np.diff(self.indptr))

    def costs(self) -> Array:
        """Costs of the entries, float64, units of cost."""
        f, g = self.reference.f, self.reference.g
        return np.asarray(self.reduced + f[self.row_of_entry] + g[self.indices])

    def values(self, problem: Problem, potentials: Potentials) -> Floats:
        """The plan's mass on the support at any potentials and epsilon."""
        out = np.empty_like(self.reduced)
        rows, columns, scale = self._exponent_shifts(problem, potentials)
        in_memory.kernel_values(self.indptr, self.unsigned, self.reduced, rows, columns, scale, out)
        return out

    def marginals(self, problem: Problem, potentials: Potentials) -> tuple[Array, Array]:
        """Row sums ``(n,)`` and column sums ``(m,)`` of the plan on the support."""
        rows, columns = np.empty(problem.a.size), np.empty(problem.b.size)
        in_memory.sparse_marginals(self.indptr, self.unsigned, self.values(problem, potentials), rows, columns)
        return rows, columns

    def _exponent_shifts(self, problem: Problem, potentials: Potentials) -> tuple[Floats, Floats, np.floating]:
        """What the exponents gain by row and by column since the reference, and 1 / epsilon, in the entries' type."""
        kind, epsilon = self.reduced.dtype.type, potentials.epsilon
        rows = ((potentials.f - self.reference.f) / epsilon + problem.log_a).astype(kind)
        columns = ((potentials.g - self.reference.g) / epsilon + problem.log_b).astype(kind)
        return rows, columns, kind(1 / epsilon)

    def log_sinkhorn(self, problem: Problem, potentials: Potentials) -> Potentials:
        """Potentials after one Sinkhorn iteration in logarithms on the support; any start will do."""
        epsilon, reference = potentials.epsilon, self.reference
        rows, columns = (potentials.f - reference.f) / epsilon, (potentials.g - reference.g) / epsilon
        in_memory.sparse_log_sinkhorn(
            self.indptr,
            self.unsigned,
            self.reduced,
            rows,
            columns,
            problem.log_a,
            problem.log_b,
            self.reduced.dtype.type(1 / epsilon),
        )
        return Potentials(reference.f + epsilon * rows, reference.g + epsilon * columns, epsilon)

    def narrow(self, problem: Problem, potentials: Potentials, theta: float) -> Support:
        """The entries that hold more than e^−theta of the weight of their row or column at these potentials.

        The mass outside is then no longer bounded.
        """
        kind = self.reduced.dtype.type
        support = self.indptr, self.unsigned, self.reduced
        exponents = self._exponent_shifts(problem, potentials)
        floors = (problem.log_a - theta).astype(kind), (problem.log_b - theta).astype(kind)
        indptr = np.empty_like(self.indptr)
        indices = np.empty(self.n_entries + 1, dtype=self.indices.dtype)
        reduced = np.empty(self.n_entries + 1, dtype=kind)
        in_memory.narrow_support(*support, *exponents, *floors, indptr, indices.view(np.uint32), reduced)
        n_kept = int(indptr[-1])
        return replace(
            self,
            indptr=indptr,
            indices=indices[:n_kept].copy(),
            reduced=reduced[:n_kept].copy(),
            dropped=np.full_like(self.dropped, np.inf),
        )

    def leakage(self, problem: Problem, potentials: Potentials) -> Array:
        """Upper bound of each row's mass outside the support at other potentials and another epsilon, ``(n,)``.

        Let s be the reduced cost of an entry and x = exp(−s / ε₀), so that ``dropped_i`` = a_i Σ_j b_j x_j over the
        entries outside. At new potentials the row holds at most a_i exp((Δf_i + max Δg) / ε) Σ_j b_j x_j^r there, with
        r = ε₀ / ε. For r ≤ 1, x ↦ x^r is concave and Σ_j b_j x_j^r ≤ (Σ_j b_j x_j)^r by Jensen. For r > 1, x_j^r is
        at most x_j times the largest x to the power r − 1, and theta bounds that. So the loss at a neighbouring
        epsilon follows from the known sum, without a pass over all pairs.
        """
        reference, epsilon = self.reference, potentials.epsilon
        ratio = reference.epsilon / epsilon
        share = np.maximum(self.dropped / problem.a, 1e-300)  # Σ_j b_j x_j, (n,)
        largest = -self.theta - np.maximum(problem.log_a, problem.log_b.min())  # upper bound of log x
        logs = ratio * np.log(share) if ratio <= 1 else np.log(share) + (ratio - 1) * largest
        shift_f = (potentials.f - reference.f) / epsilon
        shift_g = float(((potentials.g - reference.g) / epsilon).max())
        bound: Array = problem.a * np.exp(np.minimum(shift_f + shift_g + logs, 300.0))
        return bound
