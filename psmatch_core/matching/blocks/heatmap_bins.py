"""A plan averaged into few blocks of neighbouring cells: what a heatmap needs, whatever the size of the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.matching.blocks.base import Block
from psmatch_core.matching.blocks.potential import PotentialBlock
from psmatch_core.matching.blocks.stored import DenseBlock, SparseBlock

SMALL = 1_000_000  # entries up to which a plan is formed once (8 MB)
ITERATIONS = 12  # of reciprocal averaging; the order is for display and changes little after ten
AT_ONCE = 250_000  # entries formed at a time: they fit into the processor's cache, twice as fast as pieces of 32 MB


@dataclass(frozen=True, eq=False)
class BlockMeans:
    """A plan averaged into blocks of neighbouring cells.

    Parameters
    ----------
    means
        Mean of P in each block, ``(n_row_bins, n_column_bins)``.
    row_order, column_order
        Rows and columns of the plan in drawn order, ``(n,)`` and ``(m,)``.
    row_edges, column_edges
        Where each bin begins in that order, and its end, ``(n_row_bins + 1,)``.
    """

    means: np.ndarray
    row_order: np.ndarray
    column_order: np.ndarray
    row_edges: np.ndarray
    column_edges: np.ndarray

    @property
    def fold(self) -> np.ndarray:
        """Means × n × m: weight as a multiple of that of a uniform plan."""
        return np.asarray(self.means * self.row_order.size * self.column_order.size)

    def rows_between(self, low: float, high: float) -> np.ndarray:
        """Rows of the plan whose bins are between two positions on the drawn axis, in drawn order."""
        n_bins = self.row_edges.size - 1
        first, last = max(0, int(np.ceil(low))), min(n_bins - 1, int(np.floor(high)))
        return self.row_order[self.row_edges[first] : self.row_edges[last + 1]] if first <= last else self.row_order[:0]


def block_means(
    block: Block, *, max_bins: int = 120, ordered: bool = True, like: BlockMeans | None = None
) -> BlockMeans:
    """Average a plan ``(n, m)`` into at most ``max_bins`` × ``max_bins`` blocks, in one pass over its rows.

    Parameters
    ----------
    max_bins
        Largest number of bins per axis.
    ordered
        Put cells that share matches next to each other; otherwise keep the order of rows and columns.
    like
        Arrange and bin as these means of another plan of the same cells, so that the two can be compared.
    """
    n, m = block.shape
    if not n or not m:
        return BlockMeans(np.zeros((0, 0)), np.arange(n), np.arange(m), np.zeros(1, int), np.zeros(1, int))
    if n * m <= SMALL and not isinstance(block, DenseBlock):
        block = DenseBlock(block.rows(0, n))
    row_score: np.ndarray | None
    if like is not None:
        row_score, column_score = np.argsort(like.row_order).astype(float), np.argsort(like.column_order).astype(float)
    elif ordered:
        row_score, column_score = _scores(block)
    else:
        row_score, column_score = np.arange(n, dtype=float), np.arange(m, dtype=float)
    column_order = np.argsort(column_score, kind="stable")
    column_edges = _edges(m, max_bins)
    in_order = like is None and not ordered
    narrow = np.empty((n, column_edges.size - 1))  # (n, bins)
    barycenter = np.zeros(n)
    for start, stop, chunk in _chunks(block):
        arranged = chunk if in_order else chunk[:, column_order]
        narrow[start:stop] = np.add.reduceat(arranged, column_edges[:-1], axis=1)
        if row_score is None:
            mass = chunk.sum(axis=1)
            barycenter[start:stop] = np.divide(chunk @ column_score, mass, out=np.zeros_like(mass), where=mass > 0)
    row_order = np.argsort(barycenter if row_score is None else row_score, kind="stable")
    row_edges = _edges(n, max_bins)
    sums = np.add.reduceat(narrow[row_order], row_edges[:-1], axis=0)
    sizes = np.diff(row_edges)[:, None] * np.diff(column_edges)
    return BlockMeans(sums / sizes, row_order, column_order, row_edges, column_edges)


def _scores(block: Block) -> tuple[np.ndarray | None, np.ndarray]:
    """Positions of rows and columns by which they are ordered; None: rows by the barycentre of their matches.

    Reciprocal averaging: a row is placed at the mean position of its matches, and so is a column, which tends to the
    leading non-constant singular vectors of the plan. Source: Hill 1974, "Correspondence analysis: a neglected
    multivariate method". A large entropic plan is too slow for a dozen passes: its columns are ordered by the first
    principal component of their scores, in which close points share matches, and its rows by the plan.
    """
    n, m = block.shape
    if min(n, m) == 1:
        one = block.rows(0, n)
        return (-one[:, 0], np.zeros(1)) if m == 1 else (np.zeros(1), -one[0])
    if isinstance(block, PotentialBlock):
        return None, _first_component(block.y)
    a, b = (np.where(mass > 0, mass, 1.0) for mass in block.marginals)
    columns = _start(m)
    rows = np.zeros(n)
    n_iterations = (
        4 * ITERATIONS if isinstance(block, SparseBlock) else ITERATIONS if n * m <= SMALL else ITERATIONS // 3
    )
    for _ in range(n_iterations):
        rows = block.pull(columns[:, None])[:, 0] / a
        columns = block.push(rows[:, None])[:, 0] / b
        columns = columns - np.average(columns, weights=b)
        spread = float(np.abs(columns).max())
        if spread < 1e-9:  # all rows are equal: there is no order
            return np.arange(n, dtype=float), np.arange(m, dtype=float)
        columns = columns / spread
    return rows, columns


def _start(m: int) -> np.ndarray:
    """Where reciprocal averaging begins, ``(m,)``: a fixed pattern without symmetry."""
    return np.asarray(np.random.default_rng(0).normal(size=m))


def _first_component(points: np.ndarray) -> np.ndarray:
    if not points.shape[1]:
        return np.arange(len(points), dtype=float)
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered.T @ centered)
    return np.asarray(centered @ axes[0])


def _chunks(block: Block) -> Iterator[tuple[int, int, np.ndarray]]:
    for start, stop in row_chunks(*block.shape, AT_ONCE):
        yield start, stop, block.rows(start, stop)


def _edges(n: int, max_bins: int) -> np.ndarray:
    """Where bins of nearly equal size begin, and the end."""
    return np.linspace(0, n, min(n, max_bins) + 1).round().astype(np.int64)
