"""A convolutional network on images, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers.base import FittedClassifier, Folds, LossCurve, centered, no_held_out
from psmatch_core.classification.classifiers.convolutions import (
    STRIDE,
    ConvolutionalNetwork,
    TransposedNetwork,
    convolutional_outputs,
)
from psmatch_core.classification.classifiers.network_classifier import NetworkClassifier
from psmatch_core.classification.classifiers.training import Schedule, restarted, train
from psmatch_core.data.images import ImageShape
from psmatch_core.data.modality import Matrix, Modality

if TYPE_CHECKING:
    import torch

SCORING_IMAGES = 512  # scored at once
NORMALIZED_IMAGES = 1024  # looked at at once for the channels' means, as float64


@dataclass(frozen=True)
class CNNClassifier(NetworkClassifier, title="One convolutional network (images)", place=4):
    """Strided convolutions, each with batch norm and leaky ReLU, and one linear layer, for images.

    Each channel is brought to mean 0 and deviation 1 over all pixels of the training cells; the fitted state
    keeps both numbers, and new images are treated the same. Source: Xi et al. 2024, Experiment 1, names five
    convolutional layers with batch norm and leaky ReLU; widths, stride, normalisation and schedule are ours.
    """

    channels: tuple[int, ...] = option(
        (16, 32, 64, 64, 64),
        minimum=1,
        maximum=4096,
        unit="channels",
        help="Channels after each convolution; every one halves height and width, so five need 32 × 32 pixels.",
    )
    weight_decay: float = option(1e-2, minimum=0, help="Decoupled weight decay.", advanced=True)
    learning_rate: float = option(5e-3, above=0, maximum=1, help="Peak of the one-cycle schedule.", advanced=True)
    n_epochs: int = option(15, minimum=1, maximum=5000, unit="epochs", help="Length of the schedule.")
    patience: int = option(
        8, minimum=1, unit="epochs", help="Stop after so many epochs without a better validation loss.", advanced=True
    )
    batch_size: int = option(64, minimum=2, unit="cells", help="Cells in one gradient step.", advanced=True)

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        if len(X.shape) != 4:
            raise PsmatchError(
                f"{name}: a convolutional network reads images, but each cell is {plural(X.shape[1], 'feature')}.",
                hint="Choose the recommended classifier, or give images as cells × channels × height × width.",
            )
        least, (height, width) = STRIDE ** len(self.channels), X.shape[2:]
        if min(height, width) < least:
            raise PsmatchError(
                f"{name}: images of {height:,} × {width:,} pixels are too small for "
                f"{plural(len(self.channels), 'strided convolution')}, which need at least {least:,} × {least:,}.",
                hint="Use fewer convolutions (channels), or larger images.",
            )

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        self.check(X)
        held = folds.held_out(0)
        scale = channel_scale(X, np.flatnonzero(~held))
        (parameters, curve), notes = restarted(
            lambda rate: self._train(X, scale, y, held, n_labels, seed, rate, progress), self.learning_rate
        )
        notes = (*notes, *self.notes(scale))
        empty = np.full((y.size, n_labels), np.nan)
        fitted = FittedCNN(empty, {**parameters, **scale}, curves=(curve,), notes=notes)
        fitted.held_out[held] = fitted.logits(X[held])
        return fitted

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        return FittedCNN(no_held_out(state["output.bias"].size), dict(state))

    def encoder(self, modality: Modality, n_out: int, generator: Any) -> ConvolutionalNetwork:
        return ConvolutionalNetwork(_shape_of(modality), self.channels, n_out, generator)

    def decoder(self, modality: Modality, n_in: int, generator: Any) -> TransposedNetwork:
        return TransposedNetwork(_shape_of(modality), self.channels, n_in, generator)

    def scale(self, X: Matrix, cells: np.ndarray) -> dict[str, np.ndarray]:
        return channel_scale(X, cells)

    def notes(self, scale: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        constant = int((scale["channel_deviation"] == 0).sum())
        said = f"images: {plural(constant, 'channel')} without variance carry no information."
        return (said,) if constant else ()

    def batch(self, X: Matrix, cells: np.ndarray, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        return normalized(X[cells], scale)

    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        return _outputs(parameters, X)

    def _train(
        self,
        X: np.ndarray,
        scale: Mapping[str, np.ndarray],
        y: np.ndarray,
        held: np.ndarray,
        n_labels: int,
        seed: int,
        learning_rate: float,
        progress: Progress,
    ) -> tuple[dict[str, np.ndarray], LossCurve]:
        import torch  # heavy: only where a network trains

        generator = torch.Generator().manual_seed(derived_seed(seed, "cnn") % 2**63)
        shape: ImageShape = X.shape[1:]
        network = ConvolutionalNetwork(shape, self.channels, n_labels, generator)
        schedule = Schedule(self.n_epochs, self.patience, self.batch_size, learning_rate, self.weight_decay)
        return train(
            network,
            lambda cells: normalized(X[cells], scale),
            y,
            held,
            schedule,
            generator=generator,
            progress=progress,
        )


@dataclass(frozen=True, eq=False)
class FittedCNN(FittedClassifier):
    """Weights by layer, and mean and deviation of each channel ``(c,)`` over the training images."""

    parameters: dict[str, np.ndarray]

    def logits(self, X: Matrix) -> np.ndarray:
        """Centred logits ``(n, n_labels)`` of images ``(n, c, h, w)``."""
        return centered(_outputs(self.parameters, X))

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)


def _shape_of(modality: Modality) -> ImageShape:
    assert modality.image_shape is not None  # check has refused features
    return modality.image_shape


def _outputs(parameters: Mapping[str, np.ndarray], X: np.ndarray) -> np.ndarray:
    """What the trained network gives for images ``(n, c, h, w)`` as they come."""
    parts = (X[start : start + SCORING_IMAGES] for start in range(0, X.shape[0], SCORING_IMAGES))
    return np.concatenate([convolutional_outputs(parameters, normalized(part, parameters)) for part in parts])


def normalized(X: np.ndarray, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
    """Images ``(n, c, h, w)``, each channel less its mean, by its deviation; single precision."""
    import torch

    deviation = scale["channel_deviation"]
    divisor = np.where(deviation > 0, deviation, 1).astype(np.float32)
    mean = scale["channel_mean"].astype(np.float32)
    batch = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    return (batch - torch.from_numpy(mean)[:, None, None]) / torch.from_numpy(divisor)[:, None, None]


def channel_scale(X: np.ndarray, cells: np.ndarray) -> dict[str, np.ndarray]:
    """``channel_mean`` and ``channel_deviation``, each ``(c,)``, over the pixels of these cells."""
    n_channels = X.shape[1]
    totals, squares, low, high = np.zeros(n_channels), np.zeros(n_channels), X[cells[0]], X[cells[0]]
    for start in range(0, cells.size, NORMALIZED_IMAGES):
        part = X[cells[start : start + NORMALIZED_IMAGES]].astype(np.float64)
        totals += part.sum(axis=(0, 2, 3))
        squares += (part**2).sum(axis=(0, 2, 3))
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    n_values = cells.size * X.shape[2] * X.shape[3]
    mean = totals / n_values
    deviation = np.sqrt(np.maximum(squares / n_values - mean**2, 0))
    varies = low.min(axis=(1, 2)) < high.max(axis=(1, 2))  # what rounding leaves of a constant is not variance
    return {"channel_mean": mean, "channel_deviation": np.where(varies, deviation, 0.0)}
