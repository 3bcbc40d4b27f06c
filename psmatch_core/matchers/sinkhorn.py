"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.blocks import PotentialBlock, uniform_block
from psmatch_core.config import option
from psmatch_core.coupling import Outcome
from psmatch_core.matchers.base import Answer, LabelMatcher, LabelProblem, aligned
from psmatch_core.progress import Event, Progress

COMPILING = "compiling the transport engine: once on this machine, some 15 s"


@dataclass(frozen=True)
class SinkhornMatcher(LabelMatcher):
    """Entropic optimal transport with uniform marginals between the cells of a label.

    Solved by :mod:`psmatch_core.transport`; the marginal error in the status is a certified upper bound.

    Source: Xi et al. 2024, section 4; epsilon relative to the mean cost is ours (docs/method.md).
    """

    epsilon: float = option(
        0.05,
        above=0,
        maximum=1e6,
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth.",
        unit="× mean cost",
    )
    epsilon_unit: str = option(
        "mean cost",
        choices=("mean cost", "absolute"),
        help="Whether epsilon counts in mean costs of the label's block or in nats.",
        advanced=True,
    )
    align: bool = option(True, help="Centre and scale both sides within the label by one scalar each.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )
    tolerance: float = option(
        1e-3,
        above=0,
        maximum=0.5,
        help="Error of the marginals (L1, of mass 1) at which iteration ends.",
        advanced=True,
    )
    max_iterations: int = option(
        5000, minimum=1, help="Iterations after which a label is reported as not converged.", advanced=True
    )
    memory_mb: int = option(
        1024, minimum=16, unit="MB", help="Memory that the solver of one label may use.", advanced=True
    )

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        from psmatch_core.transport import is_compiled, mean_cost, solve  # brings numba, which a config must not

        n, m = problem.x.shape[0], problem.y.shape[0]
        if n == 1 or m == 1:
            return uniform_block(n, m), problem.status(
                Outcome.CLOSED_FORM, "one cell on a side: it goes with all others"
            )
        x, y = aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
        if not is_compiled():
            progress(Event("transport", 0.0, COMPILING))
        typical = mean_cost(x, y, self.cost)
        if typical == 0:
            return uniform_block(n, m), problem.status(
                Outcome.CLOSED_FORM, "all scores are equal: every pair is as good as any other"
            )
        epsilon = self.epsilon * typical if self.epsilon_unit == "mean cost" else self.epsilon
        result = solve(
            x,
            y,
            epsilon,
            cost=self.cost,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            memory_budget_mb=self.memory_mb,
            seed=problem.seed,
            progress=progress,
        )
        block = PotentialBlock(x, y, result.f, result.g, epsilon, np.full(n, 1 / n), np.full(m, 1 / m), cost=self.cost)
        outcome = Outcome.CONVERGED if result.converged else Outcome.NOT_CONVERGED
        message = (
            "" if result.converged else f"error {result.marginal_error:.2g} after {result.iterations:,} iterations"
        )
        return block, problem.status(
            outcome, message, iterations=result.iterations, marginal_error=result.marginal_error, epsilon=epsilon
        )
