"""A small neural network on one modality, stopped at its own best validation loss."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from psmatch_core.classifiers.base import Classifier, FittedClassifier, Folds, LossCurve, centered, no_held_out
from psmatch_core.classifiers.training import NORM_EPSILON, NORM_MOMENTUM, Schedule, restarted, train
from psmatch_core.config import option
from psmatch_core.modality import Matrix
from psmatch_core.progress import Progress
from psmatch_core.randomness import derived_seed

if TYPE_CHECKING:
    import torch

SCORING_ROWS = 8192


@dataclass(frozen=True)
class MLPClassifier(Classifier):
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
        network = _Network((X.shape[1], *self.hidden, n_labels), self.batch_norm, self.dropout, generator)
        schedule = Schedule(self.n_epochs, self.patience, self.batch_size, learning_rate, self.weight_decay)
        return train(
            network, lambda cells: _tensor(X, cells), y, held, schedule, generator=generator, progress=progress
        )


@dataclass(frozen=True, eq=False)
class FittedMLP(FittedClassifier):
    """Weights by layer: ``0.weight (in, out)``, ``0.bias``, and the batch norm's four vectors where it has one."""

    parameters: dict[str, np.ndarray]

    def logits(self, X: Matrix) -> np.ndarray:
        parts = [self._forward(X[start : start + SCORING_ROWS]) for start in range(0, X.shape[0], SCORING_ROWS)]
        return centered(np.concatenate(parts))

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)

    def _forward(self, X: Matrix) -> np.ndarray:
        hidden = (X.toarray() if sparse.issparse(X) else np.asarray(X)).astype(np.float32)
        p = self.parameters
        last = max(int(name.split(".")[0]) for name in p)
        for layer in range(last + 1):
            hidden = hidden @ p[f"{layer}.weight"] + p[f"{layer}.bias"]
            if layer == last:
                return hidden
            if f"{layer}.mean" in p:
                hidden = (hidden - p[f"{layer}.mean"]) / np.sqrt(p[f"{layer}.variance"] + NORM_EPSILON)
                hidden = hidden * p[f"{layer}.gain"] + p[f"{layer}.shift"]
            hidden = np.maximum(hidden, 0)
        return hidden


class _Network:
    """The trainable network. Dropout and start draw from a generator of its own, never from torch's global one."""

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
        """Logits ``(batch, n_labels)``; with a generator the network trains, without it only scores."""
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


def _tensor(X: Matrix, cells: np.ndarray) -> torch.Tensor:
    import torch

    rows = X[cells]  # a sparse matrix becomes dense one batch at a time
    return torch.from_numpy((rows.toarray() if sparse.issparse(rows) else rows).astype(np.float32))
