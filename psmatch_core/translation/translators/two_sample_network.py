"""A network trained with the two-sample loss: the mean prediction over a cell's matches should equal the cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from psmatch_core.translation.translators.network import Draws, NetworkTranslator, Objective, tensor_of
from psmatch_core.translation.translators.pairs import MatchedPairs

if TYPE_CHECKING:
    import torch

Values = TypeVar("Values", "np.ndarray", "torch.Tensor")
HELD_OUT_DRAWS = 16  # per factor, fixed for the whole training, so that epochs are compared on the same draws


def two_sample_loss(y: Values, first: Values, second: Values) -> Values:
    """(y − f(ẋ)) (y − f(ẍ)), element by element; unbiased for (y − E f(x))² where ẋ, ẍ are independent draws.

    The squared error of a single draw is larger by the variance of f over the row of the plan, which pulls the
    predictions of matched cells together. Here the two factors are independent, and that term vanishes. A single
    value may be negative; only the mean is a squared error.
    """
    return (y - first) * (y - second)


@dataclass(frozen=True)
class TwoSampleNetworkTranslator(
    NetworkTranslator, title="Neural network with the unbiased two-sample loss (trained; for many cells)", place=8
):
    """Neural network with the unbiased two-sample loss (noisier, so it needs many cells or a sharp coupling).

    The loss has the expectation inside the square: ``Σ_i |y_i − E_{j ~ M_i} f(x_j)|²``. Its gradient
    −2 (y_i − E f(ẋ)) ∇ E f(ẍ) is a product of two expectations, so each uses its own independent draw from the row
    M_i. The paper uses ẋ in the factor and ẍ in the gradient; the gradient of :func:`two_sample_loss` is the mean of
    that and of the two exchanged: the same expectation with less variance.

    Source: Xi et al. 2024, section on cross-modality prediction, the unbiased estimator.
    """

    def objective(self, pairs: MatchedPairs, rng: np.random.Generator) -> Objective:
        return _TwoSamples(pairs, rng)


class _TwoSamples(Objective):
    def __init__(self, pairs: MatchedPairs, rng: np.random.Generator) -> None:
        super().__init__(pairs, rng)
        self.draws = Draws(pairs, rng, 2)
        self.partners = self.draws.of_epoch(0)
        held_out = pairs.draw(rng, 2 * HELD_OUT_DRAWS, held_out=True)  # (n_outputs, 32)
        self.judged = np.flatnonzero(held_out[:, 0] >= 0)
        self.held_out = held_out[self.judged]

    @property
    def units(self) -> np.ndarray:
        return self.draws.units

    def begin(self, epoch: int) -> None:
        self.partners = self.draws.of_epoch(epoch)

    def loss(self, outputs: Callable[[np.ndarray], torch.Tensor], units: np.ndarray) -> torch.Tensor:
        first, second = (outputs(self.partners[units, side]) for side in (0, 1))
        return two_sample_loss(tensor_of(self.pairs.Y[units], first.device), first, second).mean()

    def held_out_loss(self, outputs: Callable[[np.ndarray], np.ndarray]) -> float | None:
        cells, place = np.unique(self.held_out, return_inverse=True)
        if not cells.size:
            return None
        predicted, place = outputs(cells), place.reshape(self.held_out.shape)
        means = [self._mean(predicted, part) for part in np.split(place, 2, axis=1)]
        return float(two_sample_loss(self.pairs.Y[self.judged], *means).mean())

    def _mean(self, predicted: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Mean prediction over the draws of each held-out cell, one draw at a time to save memory."""
        total = np.zeros((place.shape[0], predicted.shape[1]))
        for draw in place.T:
            total += predicted[draw]
        return total / place.shape[1]
