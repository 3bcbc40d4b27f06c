"""Exact optimal transport within a label: each cell goes with as few others as possible."""

from __future__ import annotations

from dataclasses import dataclass

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import SparseBlock, uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import Answer, LabelMatcher, LabelProblem, aligned
from psmatch_core.matching.matchers.options import memory_option
from psmatch_core.transport.options import SolveOptions

LARGEST_BLOCK = 1_000_000_000  # pairs, about 30,000 × 30,000: some 15 s; memory stays with the pairs that matter


@dataclass(frozen=True)
class ExactMatcher(LabelMatcher, title="Exact optimal transport", place=3):
    """Exact optimal transport with uniform marginals: a permutation where both sides have as many cells.

    Solved by :mod:`psmatch_core.transport`; the status tells the gap to the dual bound, which no plan can beat.
    """

    align: bool = option(True, help="Centre and scale both sides within the label by one scalar each.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )
    memory_mb: int = memory_option()

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        n, m = problem.x.shape[0], problem.y.shape[0]
        if n * m > LARGEST_BLOCK:
            raise PsmatchError(
                f"Label {problem.label}: exact transport of {n:,} × {m:,} cells is over the limit of "
                f"{LARGEST_BLOCK:,} pairs and would take many minutes.",
                hint="Use the entropic matcher with a small epsilon, such as 0.01 × mean cost.",
            )
        if n == 1 or m == 1:
            return uniform_block(n, m), problem.status(
                Outcome.CLOSED_FORM, "one cell on a side: it goes with all others"
            )
        from psmatch_core.transport import assign  # brings numba, which a config must not

        x, y = aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
        result = assign(
            x,
            y,
            cost=self.cost,
            options=SolveOptions(memory_budget_mb=self.memory_mb, seed=problem.seed, progress=progress),
        )
        block = SparseBlock(result.matrix)
        if not result.converged:
            message = f"the cost may be {result.relative_gap:.2%} above the best"
            return block, problem.status(Outcome.NOT_CONVERGED, message)
        return block, problem.status(Outcome.EXACT)
