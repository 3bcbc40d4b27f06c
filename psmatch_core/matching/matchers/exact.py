"""Exact optimal transport within a label: each cell has as few partners as possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.options import align_option, cost_option, memory_option
from psmatch_core.matching.matchers.problem import SINGLE_CELL, Answer, LabelProblem
from psmatch_core.transport.options import SolveOptions

LARGEST_BLOCK = 1_000_000_000  # pairs, about 30,000 × 30,000 and 15 s; only the pairs that matter are held in memory


@dataclass(frozen=True)
class ExactMatcher(LabelMatcher, title="Exact optimal transport", place=3):
    """Exact optimal transport with uniform marginals: a permutation if both sides have the same number of cells.

    Solved by :mod:`psmatch_core.transport`; the status gives the gap to the dual bound, which no plan can beat.
    """

    shares_tiles: ClassVar[bool] = True

    align: bool = align_option()
    cost: str = cost_option()
    memory_mb: int = memory_option()

    def points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        """Points of the label's source cells ``(n, d)`` and target cells ``(m, d)``, between which the cost is."""
        return problem.scores(align=self.align)

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        if problem.n_pairs > LARGEST_BLOCK:
            n, m = problem.sizes
            raise PsmatchError(
                f"Label {problem.label}: exact transport of {n:,} × {m:,} cells is over the limit of "
                f"{LARGEST_BLOCK:,} pairs and would take many minutes.",
                hint="Use the entropic matcher with a small epsilon, such as 0.01 × mean cost.",
            )
        if problem.has_single_cell:
            return problem.uniform_answer(SINGLE_CELL)
        from psmatch_core.transport import assign  # brings numba, which a config must not

        x, y = self.points(problem)
        result = assign(
            x,
            y,
            cost=self.cost,
            options=SolveOptions(memory_budget_mb=self.memory_mb, seed=problem.seed, progress=progress),
        )
        block = SparseBlock(result.matrix)
        if not result.converged:
            message = f"the cost may be {result.relative_gap:.2%} above the optimum"
            return block, problem.status(Outcome.NOT_CONVERGED, message)
        return block, problem.status(Outcome.EXACT)
