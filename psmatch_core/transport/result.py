"""The result of an entropic transport problem: potentials, certificate, and what the plan answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from psmatch_core.base.arrays import Array
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.transport.plan import SupportPlan, TiledPlan
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import PreparedProblem


@dataclass(frozen=True, eq=False)
class TransportResult:
    """An entropic transport problem, solved or as far as the solve came.

    Parameters
    ----------
    f, g
        Potentials, ``(n,)`` and ``(m,)``, units of cost; the plan is
        ``P_ij = a_i b_j exp((f_i + g_j − C_ij) / epsilon)``.
    a, b
        Marginals, ``(n,)`` and ``(m,)``, each summing to one.
    epsilon
        Regularisation, units of cost.
    status
        Converged, not converged (with the error reached), or stopped by the caller.
    row_error, column_error
        Upper bounds of the L1 errors of the plan's row and column sums, all pairs counted.
    dropped_mass
        Upper bound of the plan's mass outside the support (0 where the plan is not held sparse).
    tolerance
        Required L1 error of both marginals together.
    iterations
        Kernel passes, dense or sparse; each takes as long as a Sinkhorn iteration.
    full_passes
        Passes over all pairs, including those of coarser levels.
    seconds
        Wall time.
    path
        How the plan was held at the end.
    prepared, plan
        The problem and the plan in the engine's form.
    rho1, rho2
        Cost of missing mass where the marginals are relaxed, units of cost; otherwise infinite.
    """

    f: Array
    g: Array
    a: Array
    b: Array
    epsilon: float
    status: SolveStatus
    row_error: float
    column_error: float
    dropped_mass: float
    tolerance: float
    iterations: int
    full_passes: int
    seconds: float
    path: SolvePath
    prepared: PreparedProblem
    plan: SupportPlan | TiledPlan
    rho1: float = np.inf
    rho2: float = np.inf

    @property
    def converged(self) -> bool:
        return self.status == SolveStatus.CONVERGED

    @property
    def marginal_error(self) -> float:
        """The certificate: an upper bound of the L1 error of both marginals together, all pairs counted."""
        return self.row_error + self.column_error

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.size, self.b.size

    @property
    def support(self) -> sparse.csr_matrix | None:
        """The entries of the plan that matter, ``(n, m)``; None if the plan is not sparse."""
        if not isinstance(self.plan, SupportPlan):
            return None
        entries = self.plan.to_csr().tocoo()
        rows, columns = self.prepared.sources[entries.row], self.prepared.targets[entries.col]
        return sparse.csr_matrix((entries.data, (rows, columns)), shape=self.shape)

    def rows(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop`` of the plan, ``(stop − start, m)``."""
        positions = self.prepared.positions[start:stop]
        out = np.zeros((positions.size, self.b.size))
        weighted = np.flatnonzero(positions >= 0)
        out[np.ix_(weighted, self.prepared.targets)] = self.plan.select_rows(positions[weighted])
        return out

    def pull(self, values: ArrayLike, *, part: StagePart = UNHEARD) -> Array:
        """P y: features of the targets ``(m,)`` or ``(m, d)``, summed at the sources by mass; ``part`` hears of it."""
        array = np.asarray(values, dtype=np.float64)
        flat = array.reshape(self.b.size, -1)
        out = np.zeros((self.a.size, flat.shape[1]))
        out[self.prepared.sources] = self.plan.pull(flat[self.prepared.targets], part=part)
        return out.reshape(self.a.size, *array.shape[1:])

    def push(self, values: ArrayLike, *, part: StagePart = UNHEARD) -> Array:
        """Pᵀ x: features of the sources ``(n,)`` or ``(n, d)``, summed at the targets by mass; ``part`` hears of it."""
        array = np.asarray(values, dtype=np.float64)
        flat = array.reshape(self.a.size, -1)
        out = np.zeros((self.b.size, flat.shape[1]))
        out[self.prepared.targets] = self.plan.push(flat[self.prepared.sources], part=part)
        return out.reshape(self.b.size, *array.shape[1:])

    def marginals(self) -> tuple[Array, Array]:
        """Row and column sums of the plan, ``(n,)`` and ``(m,)``."""
        rows, columns = np.zeros(self.a.size), np.zeros(self.b.size)
        rows[self.prepared.sources], columns[self.prepared.targets] = self.plan.sums()
        return rows, columns

    @cached_property
    def n_effective(self) -> Array:
        """Effective matches of each source cell, exp(row entropy), ``(n,)``; 0 for a cell without weight."""
        out = np.zeros(self.a.size)
        out[self.prepared.sources] = self.plan.count_effective()
        out.flags.writeable = False
        return out

    @property
    def row_entropies(self) -> Array:
        """Entropy of each normalised row, nats, ``(n,)``; 0 for a cell without weight."""
        return np.asarray(np.log(np.maximum(self.n_effective, 1.0)))

    def top(self, k: int) -> tuple[NDArray[np.int64], Array]:
        """The k best targets of each source and their shares of its row, ``(n, k)`` each, largest first.

        Where a row has fewer targets, the index is −1 and the share 0.
        """
        indices, shares = np.full((self.a.size, k), -1, dtype=np.int64), np.zeros((self.a.size, k))
        found, mass = self.plan.top(k)  # no more columns than there are targets
        here = np.ix_(self.prepared.sources, np.arange(found.shape[1]))
        indices[here] = np.where(found >= 0, self.prepared.targets[found], -1)
        shares[here] = mass
        return indices, shares

    def sample(self, rng: np.random.Generator, n_draws: int = 1, *, part: StagePart = UNHEARD) -> NDArray[np.int64]:
        """Targets drawn for each source with probability by mass, ``(n, n_draws)``; −1 for a cell without weight."""
        out = np.full((self.a.size, n_draws), -1, dtype=np.int64)
        drawn = self.plan.sample(rng, n_draws, part=part)
        out[self.prepared.sources] = np.where(drawn >= 0, self.prepared.targets[drawn], -1)
        return out

    @cached_property
    def transport_cost(self) -> float:
        """``⟨P, C⟩``, units of cost."""
        sums = self.marginals()
        prepared = self.prepared
        return prepared.unit * self.plan.cost() + float(sums[0] @ prepared.offset_x + sums[1] @ prepared.offset_y)

    @cached_property
    def dual_value(self) -> float:
        """The dual objective at f and g, units of cost: never above the optimum of the entropic problem."""
        mass = self.marginals()[0].sum()
        rows = _dual_term(self.f, self.a, self.rho1)
        columns = _dual_term(self.g, self.b, self.rho2)
        return float(rows + columns - self.epsilon * (mass - 1))


def _dual_term(potentials: Array, weights: Array, rho: float) -> float:
    """A marginal's term of the dual: ⟨f, a⟩ if the marginal is kept, rho ⟨1 − exp(−f / rho), a⟩ if it is relaxed."""
    values = potentials if np.isinf(rho) else -rho * np.expm1(-potentials / rho)
    return float(values @ weights)
