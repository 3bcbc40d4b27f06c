"""The multilayer perceptron itself: trained by torch, scored by numpy from its numbers alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.classification.classifiers.training import NORM_EPSILON, NORM_MOMENTUM
from psmatch_core.data.modality import Matrix

if TYPE_CHECKING:
    import torch

SCORING_ROWS = 8192


class Perceptron:
    """Linear layers of the given widths with ReLU between them, to be trained.

    Dropout and start draw from a generator of its own, never from torch's global one.
    """

    def __init__(self, widths: tuple[int, ...], batch_norm: bool, dropout: float, generator: Any) -> None:
        import torch

        self.dropout = dropout
        self.tensors: dict[str, torch.Tensor] = {}
        self.trainable: list[torch.Tensor] = []
        self.n_layers = len(widths) - 1
        for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
            bound = 1 / np.sqrt(max(n_in, 1))  # torch.nn.Linear's own start
            self._add(f"{layer}.weight", (torch.rand(n_in, n_out, generator=generator) * 2 - 1) * bound)
            self._add(f"{layer}.bias", (torch.rand(n_out, generator=generator) * 2 - 1) * bound)
            if batch_norm and layer < self.n_layers - 1:
                self._add(f"{layer}.gain", torch.ones(n_out))
                self._add(f"{layer}.shift", torch.zeros(n_out))
                self.tensors[f"{layer}.mean"] = torch.zeros(n_out)
                self.tensors[f"{layer}.variance"] = torch.ones(n_out)

    def _add(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.requires_grad_(True)
        self.trainable.append(tensor)

    def __call__(self, hidden: torch.Tensor, generator: Any = None) -> torch.Tensor:
        """Outputs ``(batch, n_out)``; with a generator the network trains, without it only scores."""
        import torch
        from torch.nn.functional import batch_norm

        t = self.tensors
        for layer in range(self.n_layers):
            hidden = torch.addmm(t[f"{layer}.bias"], hidden, t[f"{layer}.weight"])
            if layer == self.n_layers - 1:
                break
            if f"{layer}.gain" in t:
                hidden = batch_norm(
                    hidden,
                    t[f"{layer}.mean"],
                    t[f"{layer}.variance"],
                    t[f"{layer}.gain"],
                    t[f"{layer}.shift"],
                    training=generator is not None,
                    momentum=NORM_MOMENTUM,
                    eps=NORM_EPSILON,
                )
            hidden = torch.relu(hidden)
            if generator is not None and self.dropout:
                keep = torch.rand(hidden.shape, generator=generator) >= self.dropout
                hidden = hidden * keep / (1 - self.dropout)
        return hidden

    def numbers(self) -> dict[str, np.ndarray]:
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}


def perceptron_outputs(parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
    """Outputs ``(n_cells, n_out)`` of the trained network whose :meth:`Perceptron.numbers` these are."""
    parts = [_forward(parameters, X[start : start + SCORING_ROWS]) for start in range(0, X.shape[0], SCORING_ROWS)]
    return np.concatenate(parts)


def _forward(parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
    hidden = to_dense(X, np.float32)
    p = parameters
    last = max(int(name.split(".")[0]) for name in p)
    for layer in range(last + 1):
        hidden = hidden @ p[f"{layer}.weight"] + p[f"{layer}.bias"]
        if layer == last:
            break
        if f"{layer}.mean" in p:
            hidden = (hidden - p[f"{layer}.mean"]) / np.sqrt(p[f"{layer}.variance"] + NORM_EPSILON)
            hidden = hidden * p[f"{layer}.gain"] + p[f"{layer}.shift"]
        hidden = np.maximum(hidden, 0)
    return hidden
