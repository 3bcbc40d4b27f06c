"""The entries of a plan that matter, with what the rest can amount to at most."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import in_memory
from psmatch_core.transport.problem import Problem


@dataclass(frozen=True, eq=False)
class Support:
    """Sparse rows of reduced costs ``C_ij − f_i − g_j`` at reference potentials.

    Parameters
    ----------
    indptr, indices
        Rows and columns of the entries, as in scipy's CSR.
    reduced
        Reduced costs, units of cost; float32 is plenty, since they are small where there is mass.
    f, g
        The reference potentials, ``(n,)`` and ``(m,)``.
    epsilon, theta
        Where ``dropped`` was worked out, and the threshold: what lies outside has less than e^−theta of its row's
        and of its column's mass.
    dropped
        Upper bound of each row's mass outside the support at the reference, ``(n,)``.
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    reduced: NDArray[np.floating]
    f: Array
    g: Array
    epsilon: float
    theta: float
    dropped: Array

    @property
    def n_entries(self) -> int:
        return int(self.indices.size)

    @property
    def n_bytes(self) -> int:
        return self.indices.nbytes + self.reduced.nbytes + self.indptr.nbytes

    def values(self, problem: Problem, f: Array, g: Array, epsilon: float) -> NDArray[np.floating]:
        """The plan's mass on the support at any potentials and epsilon."""
        out = np.empty_like(self.reduced)
        rows, columns, scale = self._moved(problem, f, g, epsilon)
        in_memory.kernel_values(self.indptr, self.unsigned, self.reduced, rows, columns, scale, out)
        return out

    def _moved(
        self, problem: Problem, f: Array, g: Array, epsilon: float
    ) -> tuple[NDArray[np.floating], NDArray[np.floating], np.floating]:
        """What to add to an entry's exponent for its row and its column, and 1 / epsilon, in the entries' type."""
        kind = self.reduced.dtype.type
        rows = ((f - self.f) / epsilon + problem.log_a).astype(kind)
        return rows, ((g - self.g) / epsilon + problem.log_b).astype(kind), kind(1 / epsilon)

    def balanced(self, problem: Problem, f: Array, g: Array, epsilon: float) -> tuple[Array, Array]:
        """Potentials after one Sinkhorn iteration in logarithms on the support, from whatever they were."""
        rows, columns = (f - self.f) / epsilon, (g - self.g) / epsilon
        in_memory.sparse_soft_minima(
            self.indptr,
            self.unsigned,
            self.reduced,
            rows,
            columns,
            problem.log_a,
            problem.log_b,
            self.reduced.dtype.type(1 / epsilon),
        )
        return self.f + epsilon * rows, self.g + epsilon * columns

    @property
    def unsigned(self) -> NDArray[np.uint32]:
        """The column indices as compiled loops like them."""
        return self.indices.view(np.uint32)

    def narrowed(self, problem: Problem, f: Array, g: Array, epsilon: float, theta: float) -> Support:
        """The entries with more than e^−theta of their row's or column's weight at f, g and epsilon.

        What lies outside is then no longer bounded.
        """
        kind = self.reduced.dtype.type
        support = self.indptr, self.unsigned, self.reduced
        exponents = self._moved(problem, f, g, epsilon)
        floors = (problem.log_a - theta).astype(kind), (problem.log_b - theta).astype(kind)
        indptr = np.empty_like(self.indptr)
        in_memory.count_above(*support, *exponents, *floors, indptr)
        n_kept = int(indptr[-1])
        indices = np.empty(n_kept + 1, dtype=self.indices.dtype)
        reduced = np.empty(n_kept + 1, dtype=kind)
        in_memory.narrow(*support, *exponents, *floors, indices.view(np.uint32), reduced)
        return replace(
            self,
            indptr=indptr,
            indices=indices[:n_kept],
            reduced=reduced[:n_kept],
            dropped=np.full_like(self.dropped, np.inf),
        )

    def leakage(self, problem: Problem, f: Array, g: Array, epsilon: float) -> Array:
        """Upper bound of each row's mass outside the support at other potentials and another epsilon, ``(n,)``.

        Let s be an entry's reduced cost and x = exp(−s / ε₀), so that ``dropped_i`` = a_i Σ_j b_j x_j over the
        entries outside. At new potentials the row holds at most a_i exp((Δf_i + max Δg) / ε) Σ_j b_j x_j^r with
        r = ε₀ / ε. For r ≤ 1, x ↦ x^r is concave and Σ_j b_j x_j^r ≤ (Σ_j b_j x_j)^r by Jensen; for r > 1, x_j^r is
        at most x_j times the largest x to the power r − 1, and theta bounds that. So what a neighbouring epsilon
        loses follows from the sum at hand, without a pass over all pairs.
        """
        ratio = self.epsilon / epsilon
        share = np.maximum(self.dropped / problem.a, 1e-300)  # Σ_j b_j x_j, (n,)
        largest = -self.theta - np.maximum(problem.log_a, problem.log_b.min())  # log x at most
        logs = ratio * np.log(share) if ratio <= 1 else np.log(share) + (ratio - 1) * largest
        exponent = (f - self.f) / epsilon + float(((g - self.g) / epsilon).max()) + logs
        bound: Array = problem.a * np.exp(np.minimum(exponent, 300.0))
        return bound
