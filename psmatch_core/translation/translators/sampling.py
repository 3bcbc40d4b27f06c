"""Sampling: the features of one matched cell, drawn from the plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.matching.blocks import Block
from psmatch_core.translation.translators.base import CarryingTranslator

TOLD_ROWS = 64  # of a plan, after which progress is told


@dataclass(frozen=True)
class SamplingTranslator(CarryingTranslator, title="One matched cell, drawn by weight (no training)", place=2):
    """Each cell gets the features of one cell, drawn with the weights of its row (or column) of the plan.

    Unlike the weighted mean, draws keep the spread of the other modality.
    """

    def carry(
        self,
        block: Block,
        values: np.ndarray,
        *,
        to_source: bool,
        rng: np.random.Generator,
        part: StagePart = UNHEARD,
    ) -> np.ndarray:
        drawn = block.sample(rng, part=part)[:, 0] if to_source else _sample_columns(block, rng, part)
        out = values[np.maximum(drawn, 0)].astype(np.float64)
        out[drawn < 0] = np.nan
        return out


def _sample_columns(block: Block, rng: np.random.Generator, part: StagePart) -> np.ndarray:
    """A source cell for every target cell, drawn from its column in one pass over the rows.

    Reservoir sampling (Chao 1982): a row replaces the current choice with a probability equal to its share of the mass
    seen so far. The result is a draw in proportion to the column, which is never held in memory.
    """
    n, m = block.shape
    chosen = np.full(m, -1, dtype=np.int64)
    seen = np.zeros(m)
    for row in range(n):
        if row % TOLD_ROWS == 0:
            part.tell(row, n)
        mass = block.rows(row, row + 1)[0]
        seen += mass
        take = rng.random(m) * seen < mass
        chosen[take] = row
    return chosen
