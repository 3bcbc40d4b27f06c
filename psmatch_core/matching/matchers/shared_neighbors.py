"""Shared nearest neighbours: cells match if their neighbourhoods overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from psmatch_core.base.config import option
from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import Block, SparseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.options import align_option
from psmatch_core.matching.matchers.problem import Answer, LabelProblem, aligned


@dataclass(frozen=True)
class NeighborMatcher(LabelMatcher, title="Shared nearest neighbours", place=2):
    """Jaccard overlap of nearest neighbours within and across modalities, rows normalised, sparse throughout.

    Source: Xi et al. 2024, appendix "Shared Nearest Neighbours". Every cell counts among its own neighbours.
    """

    n_neighbors: int = option(
        1, minimum=1, maximum=1000, unit="cells", help="Nearest neighbours of a cell on each side.", label="k"
    )
    normalize: bool = option(
        False,
        help="Bring each cell's logits to length 1 first, as the paper's released code does, unlike its text.",
        advanced=True,
    )
    align: bool = align_option()

    @classmethod
    def sharpness_option(cls) -> str | None:
        return "n_neighbors"

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        """Mean distance between matched cells, nats; this method does not minimise it."""
        return block.mean_cost(*self._points(problem), "euclidean")

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        x, y = self._points(problem)
        n, m = x.shape[0], y.shape[0]
        k_source, k_target = min(self.n_neighbors, n), min(self.n_neighbors, m)
        lowered = min(k_source, k_target) < self.n_neighbors
        message = f"k = {self.n_neighbors} lowered to {k_source} source and {k_target} target cells" if lowered else ""
        within_source, across_source = _nearest(x, x, k_source), _nearest(x, y, k_target)
        across_target, within_target = _nearest(y, x, k_source), _nearest(y, y, k_target)
        shared = (within_source @ across_target.T + across_source @ within_target.T).tocsr()  # (n, m)
        shared.sort_indices()
        shared.data = shared.data / (2 * (k_source + k_target) - shared.data)
        # No row is empty: a cell and its nearest target share that target, which is among its own neighbours.
        row_sums = np.asarray(shared.sum(axis=1)).ravel()
        plan = sparse.csr_matrix(sparse.diags(1 / (row_sums * n)) @ shared)
        return SparseBlock(plan), problem.status(Outcome.CLOSED_FORM, message)

    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        x, y = problem.x, problem.y
        if self.normalize:
            x, y = _unit_length(x), _unit_length(y)
        return aligned(x, y) if self.align else (x, y)


def _nearest(points: np.ndarray, among: np.ndarray, k: int) -> sparse.csr_matrix:
    """Indicator ``(len(points), len(among))`` of each point's k nearest; ties go to the lower index."""
    from sklearn.neighbors import NearestNeighbors

    if k == among.shape[0]:
        return sparse.csr_matrix(np.ones((points.shape[0], k)))
    index = NearestNeighbors(n_neighbors=k).fit(among).kneighbors(points, return_distance=False)
    if among is points:
        index = _with_self(index)
    rows = np.repeat(np.arange(points.shape[0]), k)
    return sparse.csr_matrix((np.ones(index.size), (rows, index.ravel())), shape=(points.shape[0], among.shape[0]))


def _with_self(index: np.ndarray) -> np.ndarray:
    """Each cell among its own neighbours, also where duplicates of it pushed it out."""
    own = np.arange(index.shape[0])
    missing = ~(index == own[:, None]).any(axis=1)
    index = index.copy()
    index[missing, -1] = own[missing]
    return index


def _unit_length(points: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(points, axis=1, keepdims=True)
    return points / np.where(length > 0, length, 1)
