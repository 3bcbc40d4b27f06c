"""A small neural network on one modality, stopped at its own best validation loss."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from psmatch_core.classifiers.base import FittedClassifier, Folds, LossCurve, centered, no_held_out
from psmatch_core.classifiers.network import NetworkClassifier
from psmatch_core.config import option
from psmatch_core.errors import PsmatchError
from psmatch_core.modality import Matrix, Modality
from psmatch_core.progress import Event, Progress
from psmatch_core.randomness import derived_seed

if TYPE_CHECKING:
    import torch

SCORING_ROWS = 8192
NORM_MOMENTUM = 0.1
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class MLPClassifier(NetworkClassifier):
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
        notes: tuple[str, ...] = ()
        try:
            parameters, curve = self._train(X, y, held, n_labels, seed, self.learning_rate, progress)
        except FloatingPointError:
            lower = self.learning_rate / 10
            notes = (
                f"network: training diverged at learning rate {self.learning_rate:g} and was restarted at {lower:g}.",
            )
            try:
                parameters, curve = self._train(X, y, held, n_labels, seed, lower, progress)
            except FloatingPointError:
                raise PsmatchError(
                    f"The network diverged at learning rates {self.learning_rate:g} and {lower:g}.",
                    hint="Scale the features (z-score), or lower the learning rate.",
                ) from None
        fitted = FittedMLP(np.full((y.size, n_labels), np.nan), parameters, curves=(curve,), notes=notes)
        fitted.held_out[held] = fitted.logits(X[held])
        return fitted

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        last = max(int(name.split(".")[0]) for name in state)
        return FittedMLP(no_held_out(state[f"{last}.bias"].size), dict(state))

    def encoder(self, modality: Modality, n_out: int, generator: Any) -> MLPNetwork:
        return MLPNetwork((modality.n_features, *self.hidden, n_out), self.batch_norm, generator)

    def decoder(self, modality: Modality, n_in: int, generator: Any) -> MLPNetwork:
        return MLPNetwork((n_in, *reversed(self.hidden), modality.n_features), self.batch_norm, generator)

    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        parts = [_forward(parameters, X[at : at + SCORING_ROWS]) for at in range(0, X.shape[0], SCORING_ROWS)]
        return np.concatenate(parts)

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
        network = MLPNetwork((X.shape[1], *self.hidden, n_labels), self.batch_norm, generator)
        train, test = np.flatnonzero(~held), np.flatnonzero(held)
        labels = torch.from_numpy(y.astype(np.int64))
        batch_size = min(self.batch_size, train.size)
        n_batches = max(1, train.size // batch_size)
        optimizer = torch.optim.AdamW(network.trainable, lr=learning_rate, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=self.n_epochs * n_batches)
        cross_entropy = torch.nn.functional.cross_entropy
        training: list[float] = []
        validation: list[float] = []
        best, best_loss, best_state = 0, np.inf, network.numbers()
        for epoch in range(self.n_epochs):
            order = train[torch.randperm(train.size, generator=generator).numpy()]
            total = 0.0
            # equal parts, so that no batch is left with the single cell that batch normalisation cannot take
            for cells in np.array_split(order, n_batches):
                loss = cross_entropy(network(batch_of(X, cells), self.dropout, generator), labels[cells])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * cells.size
            training.append(total / train.size)
            if not np.isfinite(training[-1]):
                raise FloatingPointError
            if test.size:
                with torch.no_grad():
                    validation.append(float(cross_entropy(network(batch_of(X, test)), labels[test])))
            watched = validation[-1] if validation else training[-1]
            if watched < best_loss:
                best, best_loss, best_state = epoch, watched, network.numbers()
            progress(
                Event(
                    "network",
                    (epoch + 1) / self.n_epochs,
                    f"epoch {epoch + 1}",
                    {"epoch": epoch + 1, "training_loss": training[-1], "validation_loss": watched},
                )
            )
            if test.size and epoch - best >= self.patience:
                break
        progress(Event("network", 1.0, f"best epoch {best + 1}"))
        return best_state, LossCurve("network", tuple(training), tuple(validation), best)


@dataclass(frozen=True, eq=False)
class FittedMLP(FittedClassifier):
    """Weights by layer: ``0.weight (in, out)``, ``0.bias``, and the batch norm's four vectors where it has one."""

    parameters: dict[str, np.ndarray]

    def logits(self, X: Matrix) -> np.ndarray:
        parts = [_forward(self.parameters, X[at : at + SCORING_ROWS]) for at in range(0, X.shape[0], SCORING_ROWS)]
        return centered(np.concatenate(parts))

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)


def _forward(p: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
    """Outputs ``(n, n_out)`` of a network with these weights, as :class:`MLPNetwork` scores."""
    hidden = (X.toarray() if sparse.issparse(X) else np.asarray(X)).astype(np.float32)
    last = max(int(name.split(".")[0]) for name in p)
    for layer in range(last):
        hidden = hidden @ p[f"{layer}.weight"] + p[f"{layer}.bias"]
        if f"{layer}.mean" in p:
            hidden = (hidden - p[f"{layer}.mean"]) / np.sqrt(p[f"{layer}.variance"] + NORM_EPSILON)
            hidden = hidden * p[f"{layer}.gain"] + p[f"{layer}.shift"]
        hidden = np.maximum(hidden, 0)
    return np.asarray(hidden @ p[f"{last}.weight"] + p[f"{last}.bias"])


class MLPNetwork:
    """A trainable perceptron. Dropout and start draw from a generator of its own, never from torch's global one."""

    def __init__(self, widths: tuple[int, ...], batch_norm: bool, generator: Any) -> None:
        import torch

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

    def __call__(self, hidden: torch.Tensor, dropout: float = 0.0, generator: Any = None) -> torch.Tensor:
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
            if generator is not None and dropout:
                keep = torch.rand(hidden.shape, generator=generator) >= dropout
                hidden = hidden * keep / (1 - dropout)
        return hidden

    def numbers(self) -> dict[str, np.ndarray]:
        return {name: tensor.detach().numpy().copy() for name, tensor in self.tensors.items()}


def batch_of(X: Matrix, cells: np.ndarray) -> torch.Tensor:
    """Features of some cells as a dense float32 tensor ``(n, n_features)``."""
    import torch

    rows = X[cells]  # a sparse matrix becomes dense one batch at a time
    return torch.from_numpy((rows.toarray() if sparse.issparse(rows) else rows).astype(np.float32))
