"""A convolutional network on images, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.classifiers.base import Classifier, FittedClassifier, Folds, LossCurve, centered, no_held_out
from psmatch_core.classifiers.training import NORM_EPSILON, NORM_MOMENTUM, Schedule, restarted, train
from psmatch_core.config import option
from psmatch_core.errors import PsmatchError, plural
from psmatch_core.modality import Matrix
from psmatch_core.progress import Progress
from psmatch_core.randomness import derived_seed

if TYPE_CHECKING:
    import torch

SLOPE = 0.01  # of the leaky ReLU below 0, torch's own
KERNEL, STRIDE, PADDING = 3, 2, 1  # a layer halves height and width
SCORING_IMAGES = 512  # scored at once
NORMALIZED_IMAGES = 1024  # looked at at once for the channels' means, as float64


@dataclass(frozen=True)
class CNNClassifier(Classifier):
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
        scale = _channel_scale(X, np.flatnonzero(~held))
        (parameters, curve), notes = restarted(
            lambda rate: self._train(X, scale, y, held, n_labels, seed, rate, progress), self.learning_rate
        )
        constant = int((scale[1] == 0).sum())
        if constant:
            notes = (*notes, f"images: {plural(constant, 'channel')} without variance carry no information.")
        fitted = FittedCNN(np.full((y.size, n_labels), np.nan), parameters, *scale, curves=(curve,), notes=notes)
        fitted.held_out[held] = fitted.logits(X[held])
        return fitted

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        parameters = {name: value for name, value in state.items() if name not in _SCALE}
        return FittedCNN(no_held_out(state["output.bias"].size), parameters, *(state[name] for name in _SCALE))

    def _train(
        self,
        X: np.ndarray,
        scale: tuple[np.ndarray, np.ndarray],
        y: np.ndarray,
        held: np.ndarray,
        n_labels: int,
        seed: int,
        learning_rate: float,
        progress: Progress,
    ) -> tuple[dict[str, np.ndarray], LossCurve]:
        import torch  # heavy: only where a network trains

        generator = torch.Generator().manual_seed(derived_seed(seed, "cnn") % 2**63)
        network = ConvolutionalNetwork(X.shape[1:], self.channels, n_labels, generator)
        schedule = Schedule(self.n_epochs, self.patience, self.batch_size, learning_rate, self.weight_decay)
        return train(
            network,
            lambda cells: normalized(X[cells], *scale),
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
    channel_mean: np.ndarray
    channel_deviation: np.ndarray

    def logits(self, X: Matrix) -> np.ndarray:
        """Centred logits ``(n, n_labels)`` of images ``(n, c, h, w)``."""
        import torch

        tensors = {name: torch.from_numpy(np.array(value)) for name, value in self.parameters.items()}
        parts = []
        with torch.no_grad():
            for start in range(0, X.shape[0], SCORING_IMAGES):
                batch = normalized(X[start : start + SCORING_IMAGES], self.channel_mean, self.channel_deviation)
                parts.append(_forward(tensors, batch, training=False).numpy())
        return centered(np.concatenate(parts))

    def state(self) -> dict[str, np.ndarray]:
        return {**self.parameters, "channel_mean": self.channel_mean, "channel_deviation": self.channel_deviation}


_SCALE = ("channel_mean", "channel_deviation")


class ConvolutionalNetwork:
    """The trainable network; a variational encoder of the same architecture asks for other outputs.

    Parameters
    ----------
    shape
        Channels, height and width of an image.
    channels
        After each convolution.
    n_outputs
        Of the linear layer at the end.
    generator
        torch's generator from which the start is drawn, never the global one.
    """

    def __init__(self, shape: tuple[int, ...], channels: tuple[int, ...], n_outputs: int, generator: Any) -> None:
        import torch

        self.tensors: dict[str, torch.Tensor] = {}
        self.trainable: list[torch.Tensor] = []
        n_in, height, width = shape
        for layer, n_out in enumerate(channels):
            self._add(f"{layer}.weight", (n_out, n_in, KERNEL, KERNEL), n_in * KERNEL**2, generator)
            self._keep(f"{layer}.gain", torch.ones(n_out))
            self._keep(f"{layer}.shift", torch.zeros(n_out))
            self.tensors[f"{layer}.mean"] = torch.zeros(n_out)
            self.tensors[f"{layer}.variance"] = torch.ones(n_out)
            n_in, height, width = n_out, -(-height // STRIDE), -(-width // STRIDE)
        n_flat = n_in * height * width
        self._add("output.weight", (n_flat, n_outputs), n_flat, generator)
        self._add("output.bias", (n_outputs,), n_flat, generator)

    def _add(self, name: str, shape: tuple[int, ...], n_in: int, generator: Any) -> None:
        import torch

        self._keep(name, (torch.rand(shape, generator=generator) * 2 - 1) / np.sqrt(n_in))  # torch's own start

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.requires_grad_(True)
        self.trainable.append(tensor)

    def __call__(self, batch: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Outputs ``(n, n_outputs)`` of normalised images; with a generator the network trains."""
        return _forward(self.tensors, batch, training=generator is not None)

    def numbers(self) -> dict[str, np.ndarray]:
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}


def _forward(t: dict[str, torch.Tensor], hidden: torch.Tensor, *, training: bool) -> torch.Tensor:
    import torch
    from torch.nn import functional

    layer = 0
    while f"{layer}.weight" in t:
        hidden = functional.conv2d(hidden, t[f"{layer}.weight"], stride=STRIDE, padding=PADDING)
        hidden = functional.batch_norm(
            hidden,
            t[f"{layer}.mean"],
            t[f"{layer}.variance"],
            t[f"{layer}.gain"],
            t[f"{layer}.shift"],
            training=training,
            momentum=NORM_MOMENTUM,
            eps=NORM_EPSILON,
        )
        hidden = functional.leaky_relu(hidden, SLOPE)
        layer += 1
    return torch.addmm(t["output.bias"], hidden.flatten(1), t["output.weight"])


def normalized(X: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> torch.Tensor:
    """Images ``(n, c, h, w)``, each channel less its mean, by its deviation; single precision."""
    import torch

    batch = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    divisor = np.where(deviation > 0, deviation, 1)
    return (batch - torch.from_numpy(mean.astype(np.float32))[:, None, None]) / torch.from_numpy(
        divisor.astype(np.float32)
    )[:, None, None]


def _channel_scale(X: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel ``(c,)`` over the pixels of these cells."""
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
    return mean, np.where(varies, deviation, 0.0)
