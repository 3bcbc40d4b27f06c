"""The true pairs, where they are known: the upper bound that stands beside every result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.problem import Answer, LabelProblem


@dataclass(frozen=True)
class KnownPairsMatcher(LabelMatcher, title="Known pairs (the true partners, as an upper bound)", place=12):
    """Each cell with its own partner, where pairs are known."""

    @property
    def uses_scores(self) -> bool:
        return False

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        if problem.source_ids is None or problem.target_ids is None:
            raise PsmatchError(
                "True pairs are not known: no pair column was named, and cell names do not show which cells "
                "are the same.",
                hint="Name the column that identifies the physical cell on both sides, take equal names for pairs "
                "(judging.pairs), or use another matcher.",
            )
        rows, columns = true_pairs(problem.source_ids, problem.target_ids)
        n, m = problem.x.shape[0], problem.y.shape[0]
        if rows.size == 0:
            return None, problem.status(Outcome.FAILED, "no cell of this label has a known partner")
        plan = sparse.csr_matrix((np.full(rows.size, 1 / rows.size), (rows, columns)), shape=(n, m))
        if rows.size < n:
            return SparseBlock(plan), problem.status(
                Outcome.PARTIAL, f"{plural(n - rows.size, 'source cell')} without partner"
            )
        return SparseBlock(plan), problem.status(Outcome.EXACT)


def true_pairs(source_ids: np.ndarray, target_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the cells that are the same physical cell, two arrays ``(n_pairs,)``; an empty id names none."""
    ids, rows, columns = np.intersect1d(source_ids, target_ids, return_indices=True)
    rows, columns = rows[ids != ""], columns[ids != ""]
    order = np.argsort(rows)
    return rows[order], columns[order]
