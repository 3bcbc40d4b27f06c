"""The convolutional networks themselves, trained by torch: from images to numbers, and mirrored back."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.classification.classifiers.training import NORM_EPSILON, NORM_MOMENTUM
from psmatch_core.data.images import ImageShape

if TYPE_CHECKING:
    import torch

SLOPE = 0.01  # of the leaky ReLU below 0, torch's own
KERNEL, STRIDE, PADDING = 3, 2, 1  # a layer halves height and width


class _Network:
    """Tensors by name, and which of them train."""

    def __init__(self, generator: Any) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self.trainable: list[torch.Tensor] = []
        self._generator = generator

    def _add(self, name: str, shape: tuple[int, ...], n_in: int) -> None:
        import torch

        # torch's own start
        self._keep(name, (torch.rand(shape, generator=self._generator) * 2 - 1) / np.sqrt(n_in))

    def _add_norm(self, layer: int | str, n_out: int) -> None:
        import torch

        self._keep(f"{layer}.gain", torch.ones(n_out))
        self._keep(f"{layer}.shift", torch.zeros(n_out))
        self.tensors[f"{layer}.mean"] = torch.zeros(n_out)
        self.tensors[f"{layer}.variance"] = torch.ones(n_out)

    def _keep(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.requires_grad_(True)
        self.trainable.append(tensor)

    def numbers(self) -> dict[str, np.ndarray]:
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}


class ConvolutionalNetwork(_Network):
    """Strided convolutions, each with batch norm and leaky ReLU, and a linear layer at the end.

    Parameters
    ----------
    shape
        Channels, height and width of an image.
    channels
        After each convolution.
    n_outputs
        Of the linear layer: labels, or what a variational encoder asks for.
    generator
        torch's generator from which the start is drawn, never the global one.
    """

    def __init__(self, shape: ImageShape, channels: tuple[int, ...], n_outputs: int, generator: Any) -> None:
        super().__init__(generator)
        for layer, (n_in, n_out) in enumerate(itertools.pairwise((shape[0], *channels))):
            self._add(f"{layer}.weight", (n_out, n_in, KERNEL, KERNEL), n_in * KERNEL**2)
            self._add_norm(layer, n_out)
        height, width = _sizes(shape, len(channels))[-1]
        n_flat = channels[-1] * height * width
        self._add("output.weight", (n_flat, n_outputs), n_flat)
        self._add("output.bias", (n_outputs,), n_flat)

    def __call__(self, batch: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Outputs ``(n, n_outputs)`` of normalised images; with a generator the network trains."""
        return _encoded(self.tensors, batch, training=generator is not None)


class TransposedNetwork(_Network):
    """A :class:`ConvolutionalNetwork` mirrored: a linear layer, then transposed convolutions up to the images' size.

    Every activation of the encoder has its counterpart here, with batch norm and leaky ReLU; the images come out of
    the last convolution as they are, since normalised pixels have no bounds.

    Source: Xi et al. 2024, appendix: "convolutional transpose layers that reverse those of the encoder".
    """

    def __init__(self, shape: ImageShape, channels: tuple[int, ...], n_inputs: int, generator: Any) -> None:
        super().__init__(generator)
        self.sizes = _sizes(shape, len(channels))[::-1]
        height, width = self.sizes[0]
        self._add("input.weight", (n_inputs, channels[-1] * height * width), n_inputs)
        self._add_norm("input", channels[-1])
        self.n_layers = len(channels)
        for layer, (n_in, n_out) in enumerate(itertools.pairwise((*channels[::-1], shape[0]))):
            self._add(f"{layer}.weight", (n_in, n_out, KERNEL, KERNEL), n_out * KERNEL**2)  # torch's fan of these
            if layer < self.n_layers - 1:
                self._add_norm(layer, n_out)
            else:
                self._add(f"{layer}.bias", (n_out,), n_out * KERNEL**2)

    def __call__(self, batch: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Normalised images ``(n, c, h, w)`` from ``(n, n_inputs)``; with a generator the network trains."""
        from torch.nn.functional import conv_transpose2d

        t, training = self.tensors, generator is not None
        hidden = (batch @ t["input.weight"]).unflatten(1, (-1, *self.sizes[0]))
        hidden = _activated(t, "input", hidden, training)
        for layer in range(self.n_layers):
            # an even size was halved and an odd one rounded up: what is added says which of them it was
            added = [1 - size % STRIDE for size in self.sizes[layer + 1]]
            bias = t.get(f"{layer}.bias")
            hidden = conv_transpose2d(hidden, t[f"{layer}.weight"], bias, STRIDE, PADDING, added)
            if bias is None:
                hidden = _activated(t, layer, hidden, training)
        return hidden


def convolutional_outputs(parameters: Mapping[str, np.ndarray], batch: torch.Tensor) -> np.ndarray:
    """Outputs ``(n, n_outputs)`` of the trained network whose :meth:`ConvolutionalNetwork.numbers` these are."""
    import torch

    tensors = {name: torch.from_numpy(np.array(value)) for name, value in parameters.items()}
    with torch.no_grad():
        return _encoded(tensors, batch, training=False).numpy()


def _sizes(shape: ImageShape, n_layers: int) -> list[tuple[int, int]]:
    """Height and width before the first layer and after each."""
    sizes = [shape[1:]]
    for _ in range(n_layers):
        height, width = sizes[-1]
        sizes.append((-(-height // STRIDE), -(-width // STRIDE)))
    return sizes


def _encoded(t: Mapping[str, torch.Tensor], hidden: torch.Tensor, *, training: bool) -> torch.Tensor:
    import torch
    from torch.nn.functional import conv2d

    layer = 0
    while f"{layer}.weight" in t:
        hidden = conv2d(hidden, t[f"{layer}.weight"], stride=STRIDE, padding=PADDING)
        hidden = _activated(t, layer, hidden, training)
        layer += 1
    return torch.addmm(t["output.bias"], hidden.flatten(1), t["output.weight"])


def _activated(t: Mapping[str, torch.Tensor], layer: int | str, hidden: torch.Tensor, training: bool) -> torch.Tensor:
    """Batch norm by channel, then leaky ReLU."""
    from torch.nn.functional import batch_norm, leaky_relu

    hidden = batch_norm(
        hidden,
        t[f"{layer}.mean"],
        t[f"{layer}.variance"],
        t[f"{layer}.gain"],
        t[f"{layer}.shift"],
        training=training,
        momentum=NORM_MOMENTUM,
        eps=NORM_EPSILON,
    )
    return leaky_relu(hidden, SLOPE)
