"""A small neural network on features, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import option
from psmatch_core.classification.classifiers.base import VERY_MANY_CELLS
from psmatch_core.classification.classifiers.network_classifier import NetworkClassifier
from psmatch_core.data.modality import Matrix

if TYPE_CHECKING:
    import torch
    from torch import nn

# Peak learning rate × √features of very many cells. One step of all weights moves an output by about rate × √features:
# 2,000 genes overfit in the second epoch with 0.003 and not with 0.0007, 100 proteins learn best with 0.003.
RATE_OF_VERY_MANY = 0.032


@dataclass(frozen=True)
class MLPClassifier(NetworkClassifier, title="One perceptron (features)", place=4):
    """Multilayer perceptron (torch, AdamW, one-cycle learning rate, early stopping)."""

    stream: ClassVar[str] = "mlp"
    cells_at_once: ClassVar[int] = 8192
    of_many: ClassVar[Mapping[str, float]] = {"patience": 4, "batch_size": 256}
    of_very_many: ClassVar[Mapping[str, float]] = {"patience": 4, "batch_size": 1024, "n_epochs": 8}

    hidden: tuple[int, ...] = option((96,), minimum=1, maximum=65536, help="Widths of the hidden layers.", unit="units")
    dropout: float = option(0.2, minimum=0, maximum=0.9, help="Share of hidden units left out in each step.")
    weight_decay: float = option(1e-3, minimum=0, help="Decoupled weight decay.", advanced=True)
    learning_rate: float = option(
        3e-3,
        above=0,
        maximum=1,
        help="Peak of the one-cycle schedule. The default is 0.032 / √features, if that is less, with 75,000 cells or "
        "more.",
        advanced=True,
    )
    n_epochs: int = option(
        60,
        minimum=1,
        maximum=5000,
        unit="epochs",
        help="Length of the schedule. The default is 8 with 75,000 cells or more.",
    )
    patience: int = option(
        15,
        minimum=1,
        unit="epochs",
        help="Stop after so many epochs without a better validation loss. The default is 4 with 10,000 cells or more.",
        advanced=True,
    )
    batch_size: int = option(
        64,
        minimum=2,
        unit="cells",
        help="Cells in one gradient step. The default is 256 with 10,000 cells or more, 1,024 with 75,000.",
        advanced=True,
    )
    batch_norm: bool = option(False, help="Batch normalisation after each hidden layer.", advanced=True)

    def defaults_for(self, shape: tuple[int, ...]) -> dict[str, Any]:
        changed = super().defaults_for(shape)
        usual = MLPClassifier.learning_rate
        rate = float(f"{min(usual, RATE_OF_VERY_MANY / np.sqrt(shape[1])):.1g}")
        if shape[0] >= VERY_MANY_CELLS and self.learning_rate == usual != rate:
            changed["learning_rate"] = rate
        return changed

    def encoder(self, shape: tuple[int, ...], n_outputs: int, generator: torch.Generator) -> nn.Sequential:
        return self._perceptron((*shape, *self.hidden, n_outputs), generator)

    def decoder(self, shape: tuple[int, ...], n_inputs: int, generator: torch.Generator) -> nn.Sequential:
        return self._perceptron((n_inputs, *reversed(self.hidden), *shape), generator)

    def batch(self, X: Matrix, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        import torch

        # A sparse matrix becomes dense one batch at a time; torch takes no read-only array.
        return torch.from_numpy(np.require(to_dense(X, None), np.float32, ["C", "W"]))

    def _perceptron(self, widths: tuple[int, ...], generator: torch.Generator) -> nn.Sequential:
        from psmatch_core.classification.networks.architectures import perceptron  # brings torch

        return perceptron(widths, batch_norm=self.batch_norm, dropout=self.dropout, generator=generator)
