"""A network trained on pairs drawn from the plan, anew in every epoch, with squared error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.translation.translators.network import Draws, NetworkTranslator, Objective, tensor_of
from psmatch_core.translation.translators.pairs import MatchedPairs

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SampledNetworkTranslator(NetworkTranslator, title="Neural network on sampled pairs (trained)", place=7):
    """Neural network trained on sampled pairs (squared error); it learns the mean of a cell's matches.

    In each epoch every output cell y_i is paired with one input cell drawn from its row M_i of the plan: the expected
    loss is ``Σ_i E_{j ~ M_i} |y_i − f(x_j)|²``.

    Source: Xi et al. 2024, section on cross-modality prediction, "MSE".
    """

    def objective(self, pairs: MatchedPairs, rng: np.random.Generator) -> Objective:
        return _SampledPairs(pairs, rng)


class _SampledPairs(Objective):
    def __init__(self, pairs: MatchedPairs, rng: np.random.Generator) -> None:
        super().__init__(pairs, rng)
        self.draws = Draws(pairs, rng, 1)
        self.partner = self.draws.of_epoch(0)[:, 0]
        # The error over all matches of a held-out cell follows from their first two moments.
        self.square = pairs.expected(pairs.Y**2)[pairs.validation]

    @property
    def units(self) -> np.ndarray:
        return self.draws.units

    def begin(self, epoch: int) -> None:
        self.partner = self.draws.of_epoch(epoch)[:, 0]

    def loss(self, outputs: Callable[[np.ndarray], torch.Tensor], units: np.ndarray) -> torch.Tensor:
        predicted = outputs(self.partner[units])
        return ((predicted - tensor_of(self.pairs.Y[units], predicted.device)) ** 2).mean()

    def held_out_loss(self, outputs: Callable[[np.ndarray], np.ndarray]) -> float | None:
        cells = self.pairs.validation
        if not cells.size:
            return None
        predicted = outputs(cells)
        return float(np.mean(predicted**2 - 2 * predicted * self.pairs.targets[cells] + self.square))
