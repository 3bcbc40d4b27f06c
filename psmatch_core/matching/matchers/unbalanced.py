"""Unbalanced entropic transport within a label: cells that fit nothing need not be matched in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import plural
from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import Block, PotentialBlock, uniform_block
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.matchers.base import Answer, LabelMatcher, LabelProblem, aligned
from psmatch_core.matching.matchers.entropic import ONE_CELL, announce_compiling, solved_status
from psmatch_core.matching.matchers.options import iterations_option, memory_option, tolerance_option
from psmatch_core.transport.options import SolveOptions

HARDLY = 0.1  # of the mass that a cell would have if all were matched alike: below it, it is named in the status


@dataclass(frozen=True)
class UnbalancedMatcher(
    LabelMatcher, title="Unbalanced transport: cells without a good partner may stay unmatched", place=6
):
    """Entropic optimal transport that leaves cells without a counterpart unmatched, wholly or in part.

    min ⟨C, P⟩ + ε KL(P ‖ a bᵀ) + ρ KL(P1 ‖ a) + ρ KL(Pᵀ1 ‖ b), a and b uniform. The plan is scaled to mass 1, as
    every plan is; the status tells what share of the cells' mass was matched and how many cells got hardly any.

    Source: Chizat, Peyré, Schmitzer & Vialard, Math. Comp. 87 (2018), section 3; solved by
    :func:`psmatch_core.transport.solve_unbalanced`.
    """

    costs_its_points: ClassVar[bool] = True

    epsilon: float = option(
        0.05,
        above=0,
        maximum=1e6,
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth.",
        unit="× mean cost",
    )
    rho: float = option(
        1.0,
        above=0,
        maximum=1e6,
        help="What a missing unit of mass costs on either side: small leaves cells without counterpart unmatched, "
        "large matches all.",
        unit="× mean cost",
    )
    align: bool = option(True, help="Centre and scale both sides within the label by one scalar each.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )
    tolerance: float = tolerance_option(
        "Misfit of both sides' sums to those of the optimum (L1, of mass 1) at which iteration ends."
    )
    max_iterations: int = iterations_option(5000)
    memory_mb: int = memory_option()

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        from psmatch_core.transport import mean_cost, solve_unbalanced  # brings numba, which a config must not

        n, m = problem.x.shape[0], problem.y.shape[0]
        if n == 1 and m == 1:
            return uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, ONE_CELL)
        x, y = self._points(problem)
        announce_compiling(progress)
        typical = mean_cost(x, y, self.cost)
        if typical == 0:
            message = "all scores are equal: every pair is as good as any other"
            return uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, message)
        epsilon = self.epsilon * typical
        result = solve_unbalanced(
            x,
            y,
            epsilon,
            rho1=self.rho * typical,
            rho2=self.rho * typical,
            cost=self.cost,
            options=SolveOptions(
                tolerance=self.tolerance,
                max_iterations=self.max_iterations,
                memory_budget_mb=self.memory_mb,
                seed=problem.seed,
                progress=progress,
            ),
        )
        rows, columns = result.marginals()
        mass = float(rows.sum())
        if not (np.isfinite(mass) and mass > 0):
            message = "no mass is matched; raise rho or epsilon"
            return None, problem.status(Outcome.FAILED, message, iterations=result.iterations, epsilon=epsilon)
        f = result.f - epsilon * np.log(mass)  # scales the plan to mass 1, and leaves the weights alone
        block = PotentialBlock(x, y, f, result.g, epsilon, result.a, result.b, cost=self.cost)
        converged = (result.converged, result.marginal_error, result.iterations, epsilon)
        return block, relaxed_status(problem, rows, columns, *converged)

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        return block.mean_cost(*self._points(problem), self.cost)

    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        return aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)


def relaxed_status(
    problem: LabelProblem,
    rows: np.ndarray,
    columns: np.ndarray,
    converged: bool,
    error: float,
    iterations: int,
    epsilon: float,
    *more: str,
) -> Status:
    """Status of a plan with relaxed marginals: what is matched, and which cells hardly are.

    Parameters
    ----------
    rows, columns
        Sums of the plan before it was scaled, ``(n,)`` and ``(m,)``; 1 / n and 1 / m where all is matched.
    more
        What else there is to say.
    """
    parts = [f"{float(rows.sum()):.0%} of mass is matched"]
    lost = [int((sums * sums.size < HARDLY).sum()) for sums in (rows, columns)]
    for count, side in zip(lost, ("source", "target"), strict=True):
        if count:
            parts.append(f"{plural(count, f'{side} cell')} with under {HARDLY:.0%} of their share")
    parts += [each for each in more if each]
    status = solved_status(problem, converged, error, iterations, epsilon, "; ".join(parts))
    if converged and any(lost):
        return problem.status(
            Outcome.PARTIAL, status.message, iterations=iterations, marginal_error=error, epsilon=epsilon
        )
    return status
