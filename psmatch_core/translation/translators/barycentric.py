"""Barycentric projection: the weighted mean of a cell's matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.matching.blocks import Block
from psmatch_core.translation.translators.base import CarryingTranslator


@dataclass(frozen=True)
class BarycentricTranslator(CarryingTranslator, title="Weighted mean of a cell's matches (no training)", place=1):
    """Each cell gets the mean of its matches' features, weighted by the row-normalised plan."""

    is_mean: ClassVar[bool] = True

    def carry(
        self,
        block: Block,
        values: np.ndarray,
        *,
        to_source: bool,
        rng: np.random.Generator,
        part: StagePart = UNHEARD,
    ) -> np.ndarray:
        sums = block.pull(values, part=part) if to_source else block.push(values, part=part)
        masses = block.marginals[0 if to_source else 1][:, None]
        return np.divide(sums, masses, out=np.full(sums.shape, np.nan), where=masses > 0)
