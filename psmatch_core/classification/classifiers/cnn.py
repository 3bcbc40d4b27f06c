"""A convolutional network on images, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.classification.classifiers.network_classifier import NetworkClassifier
from psmatch_core.data.images import ImageShape
from psmatch_core.data.modality import Matrix

if TYPE_CHECKING:
    import torch
    from torch import nn

HALVING = 2  # every convolution halves height and width
IMAGES_AT_ONCE = 1024  # read together for the channels' means, as float64


@dataclass(frozen=True)
class CNNClassifier(NetworkClassifier, title="One convolutional network (images)", place=5):
    """Strided convolutions, each with batch norm and leaky ReLU, and one linear layer, for images.

    Each channel is brought to mean 0 and deviation 1 over all pixels of the training cells; the fitted state keeps
    both numbers, and new images are treated the same.

    Source: Xi et al. 2024, Experiment 1, names five convolutional layers with batch norm and leaky ReLU; widths,
    stride, normalisation and schedule are ours.
    """

    stream: ClassVar[str] = "cnn"
    cells_at_once: ClassVar[int] = 512  # all activations of a large set of images would not fit into memory

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
        8,
        minimum=1,
        unit="epochs",
        help="Stop after so many epochs without a better validation loss. The default is 4 with 10,000 cells or more.",
        advanced=True,
    )
    batch_size: int = option(64, minimum=2, unit="cells", help="Cells in one gradient step.", advanced=True)

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        if len(X.shape) != 4:
            raise PsmatchError(
                f"{name}: a convolutional network reads images, but each cell is {plural(X.shape[1], 'feature')}.",
                hint="Choose the recommended classifier, or give images as cells × channels × height × width.",
            )
        least, (height, width) = HALVING ** len(self.channels), X.shape[2:]
        if min(height, width) < least:
            raise PsmatchError(
                f"{name}: images of {height:,} × {width:,} pixels are too small for "
                f"{plural(len(self.channels), 'strided convolution')}, which need at least {least:,} × {least:,}.",
                hint="Use fewer convolutions (channels), or larger images.",
            )

    def encoder(self, shape: tuple[int, ...], n_outputs: int, generator: torch.Generator) -> nn.Sequential:
        from psmatch_core.classification.networks.architectures import convolutional_network  # brings torch

        return convolutional_network(cast(ImageShape, shape), self.channels, n_outputs, generator)

    def decoder(self, shape: tuple[int, ...], n_inputs: int, generator: torch.Generator) -> nn.Sequential:
        from psmatch_core.classification.networks.architectures import transposed_network

        return transposed_network(cast(ImageShape, shape), self.channels, n_inputs, generator)

    def scale(self, X: Matrix, cells: np.ndarray) -> dict[str, np.ndarray]:
        return channel_scale(X, cells)

    def notes(self, scale: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        constant = int((scale["channel_deviation"] == 0).sum())
        return (f"images: {plural(constant, 'channel')} without variance carry no information.",) if constant else ()

    def batch(self, X: Matrix, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        """Images ``(n, c, h, w)``, each channel less its mean, divided by its deviation; single precision."""
        import torch

        deviation = scale["channel_deviation"]
        divisor = np.where(deviation > 0, deviation, 1).astype(np.float32)
        mean = scale["channel_mean"].astype(np.float32)
        images = torch.from_numpy(np.array(X, dtype=np.float32))  # a copy: torch takes no read-only array
        return (images - torch.from_numpy(mean)[:, None, None]) / torch.from_numpy(divisor)[:, None, None]


def channel_scale(X: np.ndarray, cells: np.ndarray) -> dict[str, np.ndarray]:
    """``channel_mean`` and ``channel_deviation``, each ``(c,)``, over the pixels of some images ``(n, c, h, w)``."""
    n_channels = X.shape[1]
    totals, squares, low, high = np.zeros(n_channels), np.zeros(n_channels), X[cells[0]], X[cells[0]]
    for start in range(0, cells.size, IMAGES_AT_ONCE):
        part = X[cells[start : start + IMAGES_AT_ONCE]].astype(np.float64)
        totals += part.sum(axis=(0, 2, 3))
        squares += (part**2).sum(axis=(0, 2, 3))
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    n_values = cells.size * X.shape[2] * X.shape[3]
    mean = totals / n_values
    deviation = np.sqrt(np.maximum(squares / n_values - mean**2, 0))
    varies = low.min(axis=(1, 2)) < high.max(axis=(1, 2))  # what rounding leaves of a constant is not variance
    return {"channel_mean": mean, "channel_deviation": np.where(varies, deviation, 0.0)}
