"""A small neural network on one modality, stopped at its own best validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import option
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers.base import FittedClassifier, Folds, LossCurve, centered, no_held_out
from psmatch_core.classification.classifiers.network_classifier import NetworkClassifier
from psmatch_core.classification.classifiers.perceptron import Perceptron, perceptron_outputs
from psmatch_core.classification.classifiers.training import Schedule, restarted, train
from psmatch_core.data.modality import Matrix, Modality

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MLPClassifier(NetworkClassifier, title="One perceptron (features)", place=3):
    """Multilayer perceptron (torch, AdamW, one-cycle learning rate, early stop)."""

    hidden: tuple[int, ...] = option((96,), minimum=1, maximum=65536, help="Widths of the hidden layers.", unit="units")
    dropout: float = option(0.2, minimum=0, maximum=0.9, help="Share of hidden units left out in each step.")
    weight_decay: float = option(1e-3, minimum=0, help="Decoupled weight decay.", advanced=True)
    learning_rate: float = option(3e-3, above=0, maximum=1, help="Peak of the one-cycle schedule.", advanced=True)
    n_epochs: int = option(60, minimum=1, maximum=5000, unit="epochs", help="Length of the schedule.")
    patience: int = option(
        15, minimum=1, unit="epochs", help="Stop after so many epochs without a better validation loss.", advanced=True
    )
    batch_size: int = option(64, minimum=2, unit="cells", help="Cells in one gradient step.", advanced=True)
    batch_norm: bool = option(False, help="Batch normalisation after each hidden layer.", advanced=True)

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        held = folds.held_out(0)
        (parameters, curve), notes = restarted(
            lambda rate: self._train(X, y, held, n_labels, seed, rate, progress), self.learning_rate
        )
        fitted = FittedMLP(np.full((y.size, n_labels), np.nan), parameters, curves=(curve,), notes=notes)
        fitted.held_out[held] = fitted.logits(X[held])
        return fitted

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        last = max(int(name.split(".")[0]) for name in state)
        return FittedMLP(no_held_out(state[f"{last}.bias"].size), dict(state))

    def encoder(self, modality: Modality, n_out: int, generator: Any) -> Perceptron:
        return Perceptron((modality.n_features, *self.hidden, n_out), self.batch_norm, self.dropout, generator)

    def decoder(self, modality: Modality, n_in: int, generator: Any) -> Perceptron:
        return Perceptron((n_in, *reversed(self.hidden), modality.n_features), self.batch_norm, self.dropout, generator)

    def batch(self, X: Matrix, cells: np.ndarray, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        return batch_of(X, cells)

    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        return perceptron_outputs(parameters, X)

    def _train(
        self,
        X: Matrix,
        y: np.ndarray,
        held: np.ndarray,
        n_labels: int,
        seed: int,
        learning_rate: float,
        progress: Progress,
    ) -> tuple[dict[str, np.ndarray], LossCurve]:
        import torch  # heavy: only where a network trains

        generator = torch.Generator().manual_seed(derived_seed(seed, "mlp") % 2**63)
        network = Perceptron((X.shape[1], *self.hidden, n_labels), self.batch_norm, self.dropout, generator)
        schedule = Schedule(self.n_epochs, self.patience, self.batch_size, learning_rate, self.weight_decay)
        return train(
            network, lambda cells: batch_of(X, cells), y, held, schedule, generator=generator, progress=progress
        )


@dataclass(frozen=True, eq=False)
class FittedMLP(FittedClassifier):
    """Weights by layer: ``0.weight (in, out)``, ``0.bias``, and the batch norm's four vectors where it has one."""

    parameters: dict[str, np.ndarray]

    def logits(self, X: Matrix) -> np.ndarray:
        return centered(perceptron_outputs(self.parameters, X))

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)


def batch_of(X: Matrix, cells: np.ndarray) -> torch.Tensor:
    """Features of some cells as a dense float32 tensor ``(n, n_features)``."""
    import torch

    return torch.from_numpy(to_dense(X[cells], np.float32))  # a sparse matrix becomes dense one batch at a time
