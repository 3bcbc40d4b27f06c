"""Exact optimal transport within a label, by POT's network simplex."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from psmatch_core.blocks import Block, SparseBlock, uniform_block
from psmatch_core.config import option
from psmatch_core.coupling import Outcome, Status
from psmatch_core.errors import PsmatchError
from psmatch_core.matchers.base import LabelProblem, Matcher, aligned
from psmatch_core.progress import Progress
from psmatch_core.transport import distances

LARGEST_BLOCK = 25_000_000  # 5,000 × 5,000: about 20 s and 600 MB in the network simplex
SIMPLEX_ITERATIONS = 10_000_000


@dataclass(frozen=True)
class ExactMatcher(Matcher):
    """Exact optimal transport with uniform marginals: each cell goes with as few others as possible."""

    align: bool = option(True, help="Centre and scale both sides within the label by one scalar each.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )

    def couple(self, problem: LabelProblem, *, progress: Progress) -> tuple[Block | None, Status]:
        n, m = problem.x.shape[0], problem.y.shape[0]
        if n * m > LARGEST_BLOCK:
            raise PsmatchError(
                f"Label {problem.label}: exact transport of {n:,} × {m:,} cells would take {n * m * 24 / 1e9:.1f} GB "
                "and many minutes.",
                hint="Use the entropic matcher with a small epsilon, such as 0.01 × mean cost.",
            )
        if n == 1 or m == 1:
            return uniform_block(n, m), problem.status(
                Outcome.CLOSED_FORM, "one cell on a side: it goes with all others"
            )
        import ot  # heavy (brings torch along): only where exact transport is asked for

        x, y = aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
        a, b = np.full(n, 1 / n), np.full(m, 1 / m)
        plan, log = ot.emd(a, b, distances(x, y, self.cost), numItermax=SIMPLEX_ITERATIONS, log=True)
        error = float(np.abs(plan.sum(axis=1) - a).sum() + np.abs(plan.sum(axis=0) - b).sum())
        block = SparseBlock(sparse.csr_matrix(plan))
        if log["warning"] is not None:
            message = f"the network simplex stopped early: {log['warning']}"
            return block, problem.status(Outcome.NOT_CONVERGED, message, marginal_error=error)
        return block, problem.status(Outcome.EXACT, marginal_error=error)
