"""The answer to a transport problem: potentials, how far they can be trusted, and what can be asked of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from psmatch_core.transport.geometry import Array
from psmatch_core.transport.plan import SupportPlan, TiledPlan
from psmatch_core.transport.validation import Question

SolveStatus = Literal["converged", "not converged", "stopped"]


@dataclass(frozen=True, eq=False)
class TransportResult:
    """A solved (or not quite solved) entropic transport problem.

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
        ``converged``, ``not converged`` (with the error reached) or ``stopped`` by the caller.
    row_error, column_error
        Upper bounds of the L1 errors of the plan's row and column sums, all pairs counted.
    dropped_mass
        Upper bound of the plan's mass outside the support (0 where the plan is not held sparse).
    tolerance
        What was asked for.
    iterations
        Passes over the kernel, dense or sparse; each costs what a Sinkhorn iteration costs.
    full_passes
        Passes over all pairs, those of coarser levels included.
    seconds
        Wall time.
    path
        How the plan was held at the end: ``sparse``, ``sparse, slid`` (a step from another epsilon that needed no
        pass over all pairs), ``dense`` or ``unstored``.
    question, plan
        What was asked, and the plan in the engine's form.
    rho1, rho2
        What missing mass costs where the marginals are relaxed, units of cost; else infinite.
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
    path: str
    question: Question
    plan: SupportPlan | TiledPlan
    rho1: float = np.inf
    rho2: float = np.inf

    @property
    def converged(self) -> bool:
        return self.status == "converged"

    @property
    def marginal_error(self) -> float:
        """The certificate: an upper bound of the L1 error of both marginals of the full plan together."""
        return self.row_error + self.column_error

    @property
    def shape(self) -> tuple[int, int]:
        return self.a.size, self.b.size

    @property
    def support(self) -> sparse.csr_matrix | None:
        """The plan's entries that matter, ``(n, m)``; None where the plan is not sparse."""
        if not isinstance(self.plan, SupportPlan):
            return None
        wide = self.plan.to_csr().tocoo()
        rows, columns = self.question.sources[wide.row], self.question.targets[wide.col]
        return sparse.csr_matrix((wide.data, (rows, columns)), shape=self.shape)

    def rows(self, start: int, stop: int) -> Array:
        """Rows start to stop of the plan, ``(stop − start, m)``."""
        places = self.question.places[start:stop]
        out = np.zeros((places.size, self.b.size))
        here = np.flatnonzero(places >= 0)
        out[np.ix_(here, self.question.targets)] = self.plan.select_rows(places[here])
        return out

    def pull(self, values: ArrayLike) -> Array:
        """``P values``: features of the targets ``(m,)`` or ``(m, d)``, summed at the sources by mass."""
        array = np.asarray(values, dtype=np.float64)
        flat = array.reshape(self.b.size, -1)
        out = np.zeros((self.a.size, flat.shape[1]))
        out[self.question.sources] = self.plan.pull(flat[self.question.targets])
        return out.reshape(self.a.size, *array.shape[1:])

    def push(self, values: ArrayLike) -> Array:
        """``Pᵀ values``: features of the sources ``(n,)`` or ``(n, d)``, summed at the targets by mass."""
        array = np.asarray(values, dtype=np.float64)
        flat = array.reshape(self.a.size, -1)
        out = np.zeros((self.b.size, flat.shape[1]))
        out[self.question.targets] = self.plan.push(flat[self.question.sources])
        return out.reshape(self.b.size, *array.shape[1:])

    def marginals(self) -> tuple[Array, Array]:
        """Row and column sums of the plan, ``(n,)`` and ``(m,)``."""
        rows, columns = np.zeros(self.a.size), np.zeros(self.b.size)
        rows[self.question.sources], columns[self.question.targets] = self.plan.sums()
        return rows, columns

    @cached_property
    def n_effective(self) -> Array:
        """Effective matches of every source cell, exp(row entropy), ``(n,)``; 0 for a cell without weight."""
        out = np.zeros(self.a.size)
        out[self.question.sources] = self.plan.count_effective()
        out.flags.writeable = False
        return out

    @property
    def row_entropies(self) -> Array:
        """Entropy of every normalised row, nats, ``(n,)``; 0 for a cell without weight."""
        return np.asarray(np.log(np.maximum(self.n_effective, 1.0)))

    def top(self, k: int) -> tuple[NDArray[np.int64], Array]:
        """The k best targets of every source and their shares of its row, ``(n, k)`` each, largest first.

        Where there are fewer, the target is −1 and the share 0.
        """
        indices, shares = np.full((self.a.size, k), -1, dtype=np.int64), np.zeros((self.a.size, k))
        found, mass = self.plan.top(k)  # no more columns than there are targets
        here = np.ix_(self.question.sources, np.arange(found.shape[1]))
        indices[here] = np.where(found >= 0, self.question.targets[found], -1)
        shares[here] = mass
        return indices, shares

    def sample(self, rng: np.random.Generator, count: int = 1) -> NDArray[np.int64]:
        """Targets drawn for every source with probability by mass, ``(n, count)``; −1 for a cell without weight."""
        out = np.full((self.a.size, count), -1, dtype=np.int64)
        drawn = self.plan.sample(rng, count)
        out[self.question.sources] = np.where(drawn >= 0, self.question.targets[drawn], -1)
        return out

    @cached_property
    def transport_cost(self) -> float:
        """``⟨P, C⟩``, units of cost."""
        sums = self.marginals()
        return self.plan.cost() + float(sums[0] @ self.question.offset_x + sums[1] @ self.question.offset_y)

    @cached_property
    def dual_value(self) -> float:
        """The dual objective at f and g, units of cost: at most the optimum of the entropic problem."""
        mass = self.marginals()[0].sum()
        rows = _conjugate(self.f, self.a, self.rho1)
        columns = _conjugate(self.g, self.b, self.rho2)
        return float(rows + columns - self.epsilon * (mass - 1))


def _conjugate(potentials: Array, weights: Array, rho: float) -> float:
    """What potentials are worth: ⟨f, a⟩ for a marginal that is kept, rho ⟨1 − exp(−f / rho), a⟩ for a relaxed one."""
    worth = potentials if np.isinf(rho) else -rho * np.expm1(-potentials / rho)
    return float(worth @ weights)
