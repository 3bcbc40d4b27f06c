"""All that a heatmap and its tables need of a plan, in one pass instead of five."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.matching.blocks.base import Block
from psmatch_core.matching.blocks.heatmap_bins import SMALL, BlockMeans, block_means
from psmatch_core.matching.blocks.potential import PotentialBlock
from psmatch_core.matching.blocks.stored import DenseBlock, SparseBlock


@dataclass(frozen=True, eq=False)
class Overview:
    """What is shown of one plan ``(n, m)``.

    Parameters
    ----------
    masses
        Row sums, ``(n,)``.
    n_effective
        Effective matches of each row, ``(n,)`` cells; 0 without a match.
    means
        The plan averaged into blocks.
    top_index, top_weight
        The heaviest targets of each row and their shares of it, ``(n, k)``; −1 if there is none.
    cost
        ⟨C, P⟩ / mass of P between the plan's own points, units of cost; None if it was not computed.
    """

    masses: np.ndarray
    n_effective: np.ndarray
    means: BlockMeans
    top_index: np.ndarray
    top_weight: np.ndarray
    cost: float | None


def overview(block: Block, like: BlockMeans, k: int) -> Overview:
    """Summarise a plan in one pass.

    Parameters
    ----------
    like
        Means of a plan of the same cells, whose arrangement is kept.
    k
        Number of heaviest targets per row.
    """
    n, m = block.shape
    if isinstance(block, PotentialBlock) and block.x.shape[1] and n * m > SMALL:
        return _in_one_pass(block, like, min(k, m))
    if n * m <= SMALL and not isinstance(block, SparseBlock):
        block = DenseBlock(block.rows(0, n))
    max_bins = max(like.means.shape)
    index, weight = block.top(min(k, m))
    return Overview(
        block.marginals[0], block.n_effective, block_means(block, like=like, max_bins=max_bins), index, weight, None
    )


def _in_one_pass(block: PotentialBlock, like: BlockMeans, k: int) -> Overview:
    from psmatch_core.transport.kernels.summary import summarize_plan  # brings numba, which small plans do without
    from psmatch_core.transport.problem import Potentials

    found = summarize_plan(
        block.x,
        block.y,
        Potentials(block.f, block.g, block.epsilon),
        a=block.a,
        b=block.b,
        squared=block.cost == "sqeuclidean",
        row_bins=_bin_of(like.row_order, like.row_edges),
        column_bins=_bin_of(like.column_order, like.column_edges),
        k=k,
    )
    sizes = np.diff(like.row_edges)[:, None] * np.diff(like.column_edges)
    spread = np.where(found.masses > 0, np.exp(found.entropies), 0.0)
    mass = float(found.masses.sum())
    cost = found.cost / mass if mass > 0 else float("nan")
    return Overview(
        found.masses, spread, replace(like, means=found.bins / sizes), found.top_index, found.top_share, cost
    )


def _bin_of(order: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The bin of each cell, ``(n,)``, from the cells in drawn order and where bins begin."""
    found = np.empty(order.size, dtype=np.int64)
    found[order] = np.repeat(np.arange(edges.size - 1), np.diff(edges))
    return found
