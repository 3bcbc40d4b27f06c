"""Cells that stay sparse until a network's first layer has multiplied them.

With 2,000 features and 96 hidden units the first layer is most of a network. Where a sixth of the values are stored, it
takes half the time without the others, and no batch has to become dense.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.classification.networks.devices import CPU


@dataclass(frozen=True, eq=False)
class StoredBatch:
    """Cells ``(n, d)`` in place of a tensor, for a network that begins with a :class:`FirstLinear`."""

    cells: ShiftedRows

    def to(self, device: str) -> StoredBatch | torch.Tensor:
        """The same on the processor; a dense tensor on any other device."""
        return self if device == CPU else torch.from_numpy(self.cells.toarray()).to(device)


class FirstLinear(nn.Linear):  # type: ignore[misc]  # torch carries no types here
    """``torch.nn.Linear``, which also reads a :class:`StoredBatch`; it is torch's own with a tensor."""

    def forward(self, inputs: torch.Tensor | StoredBatch) -> torch.Tensor:
        if isinstance(inputs, torch.Tensor):
            return super().forward(inputs)
        return _StoredProduct.apply(inputs.cells, self.weight.T) + self.bias


class _StoredProduct(torch.autograd.Function):  # type: ignore[misc]
    """Cells ``(n, d)`` × weights ``(d, k)``, with the gradient by the weights."""

    @staticmethod
    def forward(context: Any, cells: ShiftedRows, weights: torch.Tensor) -> torch.Tensor:
        context.cells = cells
        return torch.from_numpy(np.ascontiguousarray(cells @ weights.detach().numpy()))

    @staticmethod
    def backward(context: Any, by_outputs: torch.Tensor) -> tuple[None, torch.Tensor]:
        cells, width = context.cells, by_outputs.shape[1]
        return None, torch.from_numpy(cells.transposed_times(by_outputs.numpy(), cells.by_feature(width)))
