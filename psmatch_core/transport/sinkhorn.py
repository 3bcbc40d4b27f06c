"""Entropic optimal transport by Sinkhorn's iteration in the log domain.

minimise over P ≥ 0 with row sums a and column sums b:  ⟨C, P⟩ + ε KL(P ‖ a bᵀ)

whose solution is P_ij = a_i b_j exp((f_i + g_j − C_ij) / ε) with potentials f, g. Potentials are float64 and
in units of cost; no kernel exp(−C/ε) is ever formed on its own, so no epsilon underflows.

Source: Cuturi 2013; Peyré and Cuturi 2019, Computational Optimal Transport, section 4.4 (log domain).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from psmatch_core.errors import PsmatchError
from psmatch_core.progress import Event, Progress, silent
from psmatch_core.transport.costs import BYTES, DEFAULT_BUDGET_MB, distances, row_chunks

REPORT_EVERY = 20


@dataclass(frozen=True, eq=False)
class SinkhornResult:
    """Potentials ``f (n,)``, ``g (m,)`` in units of cost, and how far the plan is from its marginals.

    ``marginal_error`` is the L1 error of the column sums; the row sums are exact up to rounding.
    """

    f: np.ndarray
    g: np.ndarray
    epsilon: float
    iterations: int
    marginal_error: float
    converged: bool


def solve(
    x: np.ndarray,
    y: np.ndarray,
    epsilon: float,
    a: np.ndarray | None = None,
    b: np.ndarray | None = None,
    *,
    cost: str = "euclidean",
    tolerance: float = 1e-3,
    max_iterations: int = 5000,
    memory_budget_mb: float = DEFAULT_BUDGET_MB,
    progress: Progress = silent,
) -> SinkhornResult:
    """Solve entropic transport between the points ``x (n, d)`` and ``y (m, d)``.

    Parameters
    ----------
    epsilon
        Regularisation, units of cost.
    a, b
        Masses ``(n,)`` and ``(m,)``, each summing to 1; uniform unless given; zeros are allowed.
    tolerance
        L1 error of the marginals at which the iteration ends.
    memory_budget_mb
        The cost matrix is kept where it fits in, else computed again a chunk of rows at a time.

    Raises
    ------
    PsmatchError
        For NaN or infinite points, an epsilon that is not above 0, or masses that do not sum to 1.
    """
    n, m = x.shape[0], y.shape[0]
    a, b = _masses(a, n, "source"), _masses(b, m, "target")
    _check(x, y, epsilon)
    costs = _Costs(np.asarray(x, np.float64), np.asarray(y, np.float64), cost, epsilon, memory_budget_mb)
    with np.errstate(divide="ignore"):
        log_a, log_b = np.log(a), np.log(b)
    f, g = np.zeros(n), np.zeros(m)  # here in units of epsilon
    error = np.inf
    for iteration in range(1, max_iterations + 1):
        columns = np.full(m, -np.inf)  # log Σ_i a_i exp(f_i − C_ij / ε)
        for start, stop, scaled in costs.chunks():
            f[start:stop] = -_logsumexp_rows((g + log_b) - scaled)
            columns = np.logaddexp(columns, _logsumexp_columns((f[start:stop] + log_a[start:stop])[:, None] - scaled))
        error = float(np.abs(b * np.expm1(g + columns)).sum())
        if iteration % REPORT_EVERY == 0:
            progress(Event("transport", 0.0, f"iteration {iteration}", {"marginal_error": error}))
        if error <= tolerance:
            break
        if iteration < max_iterations:
            g = -columns
    return SinkhornResult(f * epsilon, g * epsilon, epsilon, iteration, error, error <= tolerance)


class _Costs:
    """C / ε in row chunks: stored where it fits in the budget, computed anew each pass where it does not."""

    def __init__(self, x: np.ndarray, y: np.ndarray, cost: str, epsilon: float, budget_mb: float) -> None:
        self.x, self.y, self.cost, self.epsilon = x, y, cost, epsilon
        fits = 3 * BYTES * x.shape[0] * y.shape[0] <= budget_mb * 2**20
        self.stored = distances(x, y, cost) / epsilon if fits else None
        self.ranges = [(0, x.shape[0])] if fits else list(row_chunks(x.shape[0], y.shape[0], budget_mb / 2))

    def chunks(self) -> Iterator[tuple[int, int, np.ndarray]]:
        if self.stored is not None:
            yield 0, self.x.shape[0], self.stored
            return
        for start, stop in self.ranges:
            yield start, stop, distances(self.x[start:stop], self.y, self.cost) / self.epsilon


def _logsumexp_rows(z: np.ndarray) -> np.ndarray:
    top = z.max(axis=1)
    return np.asarray(top + np.log(np.exp(z - top[:, None]).sum(axis=1)))


def _logsumexp_columns(z: np.ndarray) -> np.ndarray:
    top = z.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(top + np.log(np.exp(z - top).sum(axis=0)))


def _masses(masses: np.ndarray | None, size: int, side: str) -> np.ndarray:
    if masses is None:
        return np.full(size, 1 / size)
    masses = np.asarray(masses, dtype=np.float64)
    if masses.shape != (size,) or not np.isfinite(masses).all() or (masses < 0).any() or abs(masses.sum() - 1) > 1e-9:
        raise PsmatchError(
            f"The {side} masses must be {size:,} numbers of at least 0 that sum to 1, got {masses.size:,} with sum "
            f"{float(np.nansum(masses)):.6g}.",
            hint="Divide the masses by their sum.",
        )
    return masses


def _check(x: np.ndarray, y: np.ndarray, epsilon: float) -> None:
    if not (np.isfinite(epsilon) and epsilon > 0):
        raise PsmatchError(
            f"epsilon must be above 0 and finite, got {epsilon}.", hint="Choose epsilon above 0, such as 0.05."
        )
    for side, points in (("source", x), ("target", y)):
        if not np.isfinite(points).all():
            raise PsmatchError(
                f"{int((~np.isfinite(points).all(axis=1)).sum()):,} {side} points hold NaN or infinite values.",
                hint="Mend the scores that these points come from; no plan is computed from them.",
            )
