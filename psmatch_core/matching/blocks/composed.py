"""A plan through a third set of cells: two plans one after the other, each middle cell passing on the mass it gets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.matching.blocks.base import Block, RowwiseBlock
from psmatch_core.matching.blocks.stored import DenseBlock

LARGEST_STORED = (
    4_000_000  # entries up to which a composed plan is stored whole (32 MB): single rows are then read fast
)


@dataclass(frozen=True, eq=False)
class ComposedBlock(RowwiseBlock):
    """The plan A diag(w) B from n source cells through k middle cells to m target cells; it is never formed whole.

    Parameters
    ----------
    first, second
        A ``(n, k)`` and B ``(k, m)``, each of mass 1.
    weights
        w ``(k,)``: 1 / mass of the middle cell in B, 0 where it has none, scaled so that the plan has mass 1.
    """

    first: Block
    second: Block
    weights: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return self.first.shape[0], self.second.shape[1]

    def rows(self, start: int, stop: int) -> np.ndarray:
        return np.asarray(self._ahead.push((self.first.rows(start, stop) * self.weights).T).T)

    def pull(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        before, after = part.split(2)
        return self.first.pull(self.weights[:, None] * self.second.pull(values, part=before), part=after)

    def push(self, values: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
        before, after = part.split(2)
        return self.second.push(self.weights[:, None] * self.first.push(values, part=before), part=after)

    def sums(self) -> tuple[np.ndarray, np.ndarray]:
        n, m = self.shape
        return self.pull(np.ones((m, 1)))[:, 0], self.push(np.ones((n, 1)))[:, 0]

    @property
    def T(self) -> Block:  # noqa: N802 - numpy's name
        return ComposedBlock(self.second.T, self.first.T, self.weights)

    def part(self, rows: np.ndarray) -> Block:
        part = ComposedBlock(self.first.part(rows), self.second, self.weights)
        mass = float(part.sums()[0].sum())
        return ComposedBlock(part.first, part.second, self.weights / (mass or 1.0))

    @cached_property
    def _ahead(self) -> Block:
        """The second plan as it is read for every tile of rows: stored whole if that is small."""
        k, m = self.second.shape
        return DenseBlock(self.second.rows(0, k)) if k * m <= LARGEST_STORED else self.second


def compose_blocks(first: Block, second: Block) -> Block:
    """The plan from the source cells of one plan to the target cells of another, through the cells that both share.

    Each middle cell passes on what it gets in the proportions of its own row: Q = A diag(1 / c) B, where c are the row
    sums of B. Its row sums are those of A. Its column sums are those of B if A brings each middle cell the mass that it
    has in B, as plans between uniform marginals do. If either plan is a product of its marginals, so is Q.

    Parameters
    ----------
    first, second
        A ``(n, k)`` and B ``(k, m)``; the columns of one and the rows of the other are the same cells.

    Returns
    -------
    Q ``(n, m)``, of mass 1; without any mass if every middle cell lacks it in one of the plans.
    """
    arriving, leaving = first.marginals[1], second.marginals[0]  # (k,)
    has_mass = leaving > 0
    weights = np.divide(1.0, leaving, out=np.zeros_like(leaving, dtype=float), where=has_mass)
    mass = float(arriving[has_mass].sum())
    block = ComposedBlock(first, second, weights / (mass or 1.0))
    n, m = block.shape
    return DenseBlock(block.rows(0, n)) if n * m <= LARGEST_STORED else block
