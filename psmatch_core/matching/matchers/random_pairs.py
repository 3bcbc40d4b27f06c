"""Random pairing within a label: what a matching is worth that knows the label and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import stream
from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.problem import Answer, LabelProblem


@dataclass(frozen=True)
class RandomMatcher(LabelMatcher, title="Random: a random partner of the same label (baseline)", place=11):
    """Each cell with as few random partners of its label as uniform marginals permit: one, where n = m.

    Both sides are put in random order and their masses 1 / n and 1 / m laid along one line: cells that overlap are
    partners. So the marginals are uniform whatever n and m, with at most n + m − 1 pairs.

    Source: the random baseline of Xi et al. 2024, a permutation; what it becomes where n ≠ m is ours.
    """

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        n, m = problem.x.shape[0], problem.y.shape[0]
        draw = stream(problem.seed, "random pairs")
        rows, columns = draw.permutation(n), draw.permutation(m)
        # In units of 1 / (n m) a source cell is m long and a target cell n: all ends are whole numbers.
        ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
        lengths = np.diff(ends, prepend=0)
        row_at, column_at = (ends - 1) // m, (ends - 1) // n
        values = lengths / (n * m)
        plan = sparse.csr_matrix((values, (rows[row_at], columns[column_at])), shape=(n, m))
        return SparseBlock(plan), problem.status(Outcome.CLOSED_FORM, "partners are drawn at random")
