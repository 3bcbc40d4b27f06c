"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.blocks import PotentialBlock, uniform_block
from psmatch_core.config import option
from psmatch_core.coupling import Outcome
from psmatch_core.matchers.base import Answer, LabelMatcher, LabelProblem, aligned, of_label
from psmatch_core.progress import Event, Progress, silent

if TYPE_CHECKING:
    from psmatch_core.transport import TransportResult

COMPILING = "compiling the transport engine: once on this machine, some 15 s"
BATCHED_PAIRS = 65_536  # labels up to this many pairs are solved many in one call


@dataclass(frozen=True, eq=False)
class _Posed:
    """Points ``(n, d)``, ``(m, d)`` and regularisation, units of cost, of one label."""

    x: np.ndarray
    y: np.ndarray
    epsilon: float


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
        from psmatch_core.transport import solve  # brings numba, which a config must not

        posed = self._posed(problem, progress)
        if not isinstance(posed, _Posed):
            return posed
        options = self._options()
        result = solve(posed.x, posed.y, posed.epsilon, **options, seed=problem.seed, progress=progress)
        return self._answer(problem, posed, result)

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        """As for any matcher; labels too small to be worth a call each are solved together."""
        from psmatch_core.transport import solve_many

        large = [problem for problem in problems if problem.n_pairs > BATCHED_PAIRS]
        small = problems[len(large) :]  # problems come largest first
        yield from super().couple_all(large, progress=progress, executor=executor)
        posed = [self._posed(problem, progress) for problem in small]
        asked = [each for each in posed if isinstance(each, _Posed)]
        results = iter(
            solve_many(
                [(each.x, each.y) for each in asked],
                [each.epsilon for each in asked],
                **self._options(),
                progress=of_label(progress, f"{len(asked):,} small labels together", len(large) / len(problems)),
                executor=executor,
            )
            if asked
            else ()
        )
        for problem, each in zip(small, posed, strict=True):
            yield self._answer(problem, each, next(results)) if isinstance(each, _Posed) else each

    def _options(self) -> dict[str, Any]:
        return {
            "cost": self.cost,
            "tolerance": self.tolerance,
            "max_iterations": self.max_iterations,
            "memory_budget_mb": self.memory_mb,
        }

    def _posed(self, problem: LabelProblem, progress: Progress) -> _Posed | Answer:
        """What the engine is asked about a label, or the answer where there is nothing to ask."""
        from psmatch_core.transport import is_compiled, mean_cost

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
        return _Posed(x, y, self.epsilon * typical if self.epsilon_unit == "mean cost" else self.epsilon)

    def _answer(self, problem: LabelProblem, posed: _Posed, result: TransportResult) -> Answer:
        block = PotentialBlock(
            posed.x, posed.y, result.f, result.g, posed.epsilon, result.a, result.b, cost=self.cost
        )  # fmt: skip
        converged = result.converged
        return block, problem.status(
            Outcome.CONVERGED if converged else Outcome.NOT_CONVERGED,
            "" if converged else f"error {result.marginal_error:.2g} after {result.iterations:,} iterations",
            iterations=result.iterations,
            marginal_error=result.marginal_error,
            epsilon=posed.epsilon,
        )
