"""Unbalanced entropic transport within a label: cells without a counterpart need not be matched in full."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import Block, PotentialBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher, announce_compiling
from psmatch_core.matching.matchers.options import (
    align_option,
    cost_option,
    epsilon_option,
    iterations_option,
    memory_option,
    rho_option,
    tolerance_option,
)
from psmatch_core.matching.matchers.problem import SINGLE_CELL, Answer, LabelProblem
from psmatch_core.transport.options import SolveOptions


@dataclass(frozen=True)
class UnbalancedMatcher(
    LabelMatcher, title="Unbalanced transport: cells without a good partner may stay unmatched", place=6
):
    """Entropic optimal transport that leaves cells without a counterpart unmatched, wholly or in part.

    min ⟨C, P⟩ + ε KL(P ‖ a bᵀ) + ρ KL(P1 ‖ a) + ρ KL(Pᵀ1 ‖ b), a and b uniform. Like every plan, it is scaled to
    mass 1; the status gives the share of the cells' mass that was matched and the number of cells that got hardly any.

    Source: Chizat, Peyré, Schmitzer & Vialard, Math. Comp. 87 (2018), section 3; solved by
    :func:`psmatch_core.transport.solve_unbalanced`.
    """

    has_cost_of_points: ClassVar[bool] = True

    epsilon: float = epsilon_option()
    rho: float = rho_option()
    align: bool = align_option()
    cost: str = cost_option()
    tolerance: float = tolerance_option(
        "Distance of both marginals from those of the optimum (L1, of mass 1) at which iteration ends."
    )
    max_iterations: int = iterations_option(5000)
    memory_mb: int = memory_option()

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        from psmatch_core.transport import mean_cost, solve_unbalanced  # brings numba, which a config must not

        if problem.sizes == (1, 1):
            return problem.uniform_answer(SINGLE_CELL)
        x, y = problem.scores(align=self.align)
        announce_compiling(progress)
        typical = mean_cost(x, y, self.cost)
        if typical == 0:
            return problem.uniform_answer("all scores are equal, so every pair fits as well as any other")
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
        status = problem.relaxed_status(
            rows,
            columns,
            converged=result.converged,
            error=result.marginal_error,
            iterations=result.iterations,
            epsilon=epsilon,
        )
        return block, status

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        return block.mean_cost(*problem.scores(align=self.align), self.cost)
