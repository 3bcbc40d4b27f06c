"""A network trained on barycentric targets: the weighted mean of each cell's matches, with squared error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.translation.translators.network import NetworkTranslator, Objective, tensor_of
from psmatch_core.translation.translators.pairs import MatchedPairs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class BarycentricNetworkTranslator(
    NetworkTranslator, title="Neural network on the weighted means of matches (trained)", place=6
):
    """Neural network trained on the weighted mean of each cell's matches (squared error), without random draws."""

    def objective(self, pairs: MatchedPairs, rng: np.random.Generator) -> Objective:
        return _WeightedMeans(pairs, rng)


class _WeightedMeans(Objective):
    @property
    def units(self) -> np.ndarray:
        return self.pairs.training

    def loss(self, outputs: Callable[[np.ndarray], torch.Tensor], units: np.ndarray) -> torch.Tensor:
        predicted = outputs(units)
        return ((predicted - tensor_of(self.pairs.targets[units], predicted.device)) ** 2).mean()

    def held_out_loss(self, outputs: Callable[[np.ndarray], np.ndarray]) -> float | None:
        cells = self.pairs.validation
        if not cells.size:
            return None
        return float(np.mean((outputs(cells) - self.pairs.targets[cells]) ** 2))
