"""The neural networks: the perceptron, the convolutional network and its mirror image, as torch modules.

Torch takes seconds to import, so other files import this one inside the function that trains or scores.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn

from psmatch_core.classification.networks.optimizers import undrawn
from psmatch_core.classification.networks.stored_inputs import FirstLinear
from psmatch_core.data.images import ImageShape

KERNEL, STRIDE, PADDING = 3, 2, 1  # of every convolution: a layer halves height and width
NORM = "_norm"  # a layer's batch norm carries the layer's name with this ending
# Names of a batch norm's numbers in result files, by torch's names.
NORM_NUMBERS = {"weight": "gain", "bias": "shift", "running_mean": "mean", "running_var": "variance"}


class SeededDropout(nn.Module):  # type: ignore[misc]  # torch's modules carry no types here
    """Dropout that draws from its own generator, so that the seed of a run decides which units are left out."""

    def __init__(self, share: float, generator: torch.Generator | None) -> None:
        super().__init__()
        self.share, self.generator = share, generator

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return hidden
        kept = (torch.rand(hidden.shape, generator=self.generator) >= self.share).to(hidden.device)
        return hidden * kept / (1 - self.share)


def perceptron(
    widths: tuple[int, ...],
    *,
    batch_norm: bool = False,
    dropout: float = 0.0,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """Linear layers of the given widths with ReLU between them.

    Parameters
    ----------
    widths
        Inputs, hidden layers, outputs.
    generator
        Start and dropout draw from it, never from torch's global one; without it the start is left open.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    last = len(widths) - 2
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        bound = 1 / np.sqrt(max(n_in, 1))
        weight, bias = _uniform((n_in, n_out), generator) * bound, _uniform((n_out,), generator) * bound
        layers[f"{layer}"] = _linear(weight, bias, is_first=layer == 0)
        if layer == last:
            break
        if batch_norm:
            layers[f"{layer}{NORM}"] = nn.BatchNorm1d(n_out)
        layers[f"{layer}_relu"] = nn.ReLU()
        if dropout:
            layers[f"{layer}_dropout"] = SeededDropout(dropout, generator)
    return nn.Sequential(layers)


def convolutional_network(
    shape: ImageShape, channels: tuple[int, ...], n_outputs: int, generator: torch.Generator | None
) -> nn.Sequential:
    """Strided convolutions, each with batch norm and leaky ReLU, and a linear layer at the end.

    Parameters
    ----------
    shape
        Channels, height and width of an image.
    channels
        After each convolution.
    n_outputs
        Of the linear layer: labels, or the latents of a variational encoder.
    generator
        As for :func:`perceptron`.
    """
    height, width = layer_sizes(shape, len(channels))[-1]
    return _convolutions((shape[0], *channels), channels[-1] * height * width, n_outputs, generator)


def transposed_network(
    shape: ImageShape, channels: tuple[int, ...], n_inputs: int, generator: torch.Generator | None
) -> nn.Sequential:
    """A :func:`convolutional_network` mirrored: a linear layer, then transposed convolutions up to the images' size.

    Every activation of the encoder has its counterpart here, with batch norm and leaky ReLU. The last convolution has
    neither, since normalised pixels have no bounds.

    Source: Xi et al. 2024, appendix: "convolutional transpose layers that reverse those of the encoder".
    """
    sizes = layer_sizes(shape, len(channels))[::-1]
    n_flat = channels[-1] * sizes[0][0] * sizes[0][1]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["input"] = _linear(_uniform((n_inputs, n_flat), generator) / np.sqrt(n_inputs))
    layers["input_shape"] = nn.Unflatten(1, (channels[-1], *sizes[0]))
    layers |= _activation("input", channels[-1])
    for layer, (n_in, n_out) in enumerate(itertools.pairwise((*channels[::-1], shape[0]))):
        is_last = layer == len(channels) - 1
        # an even size was halved and an odd one rounded up: what is added says which of them it was
        added = tuple(1 - size % STRIDE for size in sizes[layer + 1])
        module = undrawn(nn.ConvTranspose2d, n_in, n_out, KERNEL, STRIDE, PADDING, output_padding=added, bias=is_last)
        fan = np.sqrt(n_out * KERNEL**2)  # torch's own start counts the outputs here
        module.weight = nn.Parameter(_uniform((n_in, n_out, KERNEL, KERNEL), generator) / fan)
        if is_last:
            module.bias = nn.Parameter(_uniform((n_out,), generator) / fan)
        layers[f"{layer}"] = module
        if not is_last:
            layers |= _activation(f"{layer}", n_out)
    return nn.Sequential(layers)


def layer_sizes(shape: ImageShape, n_layers: int) -> list[tuple[int, int]]:
    """Height and width before the first convolution and after each."""
    sizes = [shape[1:]]
    for _ in range(n_layers):
        height, width = sizes[-1]
        sizes.append((-(-height // STRIDE), -(-width // STRIDE)))
    return sizes


def to_arrays(network: nn.Sequential) -> dict[str, np.ndarray]:
    """The numbers of a network by layer, as result files hold them: copies, linear weights as inputs × outputs."""
    return {name: tensor.cpu().numpy().copy() for name, tensor in _tensors(network).items()}


def from_arrays(arrays: Mapping[str, np.ndarray]) -> nn.Sequential:
    """The perceptron or convolutional network whose :func:`to_arrays` these are; other arrays are ignored."""
    n_layers = next(layer for layer in itertools.count() if f"{layer}.weight" not in arrays)
    shapes = [arrays[f"{layer}.weight"].shape for layer in range(n_layers)]
    if "output.weight" in arrays:
        n_flat, n_outputs = arrays["output.weight"].shape
        network = _convolutions((shapes[0][1], *(each[0] for each in shapes)), n_flat, n_outputs, None)
    else:
        network = perceptron((shapes[0][0], *(each[1] for each in shapes)), batch_norm="0.gain" in arrays)
    for name, tensor in _tensors(network).items():
        tensor.copy_(torch.from_numpy(np.array(arrays[name])))
    return network


def add_to_output_bias(network: nn.Sequential, values: np.ndarray) -> None:
    """Start the last layer's bias higher by these ``(n_outputs,)``."""
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    with torch.no_grad():
        last.bias += torch.from_numpy(values.astype(np.float32))


def network_outputs(arrays: Mapping[str, np.ndarray], batches: Iterable[torch.Tensor]) -> np.ndarray:
    """What a trained network gives for its inputs, ``(n, n_outputs)``; ``arrays`` as in :func:`to_arrays`."""
    network = from_arrays(arrays).eval()
    with torch.inference_mode():
        return np.concatenate([network(batch).numpy() for batch in batches])


def _convolutions(
    channels: tuple[int, ...], n_flat: int, n_outputs: int, generator: torch.Generator | None
) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(channels)):
        module = undrawn(nn.Conv2d, n_in, n_out, KERNEL, STRIDE, PADDING, bias=False)
        module.weight = nn.Parameter(_uniform((n_out, n_in, KERNEL, KERNEL), generator) / np.sqrt(n_in * KERNEL**2))
        layers[f"{layer}"] = module
        layers |= _activation(f"{layer}", n_out)
    layers["flatten"] = nn.Flatten()
    fan = np.sqrt(n_flat)
    layers["output"] = _linear(_uniform((n_flat, n_outputs), generator) / fan, _uniform((n_outputs,), generator) / fan)
    return nn.Sequential(layers)


def _activation(layer: str, n_channels: int) -> OrderedDict[str, nn.Module]:
    return OrderedDict({f"{layer}{NORM}": nn.BatchNorm2d(n_channels), f"{layer}_relu": nn.LeakyReLU()})


def _linear(weight: torch.Tensor, bias: torch.Tensor | None = None, *, is_first: bool = False) -> nn.Linear:
    """A linear layer with these weights ``(n_in, n_out)``, which stay as they lie in memory."""
    n_in, n_out = weight.shape
    layer = undrawn(FirstLinear if is_first else nn.Linear, n_in, n_out, bias=bias is not None)
    layer.weight = nn.Parameter(weight.T)
    if bias is not None:
        layer.bias = nn.Parameter(bias)
    return layer


def _uniform(shape: tuple[int, ...], generator: torch.Generator | None) -> torch.Tensor:
    """Draws between −1 and 1; torch starts its own layers at these over the root of the number of inputs."""
    return torch.zeros(shape) if generator is None else torch.rand(shape, generator=generator) * 2 - 1


def _tensors(network: nn.Sequential) -> dict[str, torch.Tensor]:
    """All numbers by their names in result files, as views."""
    found: dict[str, torch.Tensor] = {}
    for name, module in network.named_children():
        for part, tensor in module.state_dict().items():
            if name.endswith(NORM):
                if part in NORM_NUMBERS:
                    found[f"{name.removesuffix(NORM)}.{NORM_NUMBERS[part]}"] = tensor
            else:
                found[f"{name}.{part}"] = tensor.T if isinstance(module, nn.Linear) and part == "weight" else tensor
    return found
