"""What all translators by a neural network share: the network, its options, and its training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.cores import a_core
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.classification.networks.devices import CPU, asked_device, device_notes, find_device
from psmatch_core.classification.networks.training import descend, restarted
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator
from psmatch_core.translation.translators.pairs import MatchedPairs

if TYPE_CHECKING:
    import torch

SCORING_ROWS = 8192  # predicted at once
EPOCHS_AT_ONCE = 16  # one pass over the plan gives the draws of this many epochs; a pass may recompute the plan


class Objective(ABC):
    """What a network is trained to minimize, given matched cells.

    Parameters
    ----------
    pairs
        The cells.
    rng
        Source of random draws.
    """

    def __init__(self, pairs: MatchedPairs, rng: np.random.Generator) -> None:
        self.pairs = pairs
        self.rng = rng

    @property
    @abstractmethod
    def units(self) -> np.ndarray:
        """Positions of the cells that are split into batches, ``(n_units,)``."""

    def begin(self, epoch: int) -> None:  # noqa: B027 - an objective without draws has nothing to prepare
        """Prepare an epoch."""

    @abstractmethod
    def loss(self, outputs: Callable[[np.ndarray], torch.Tensor], units: np.ndarray) -> torch.Tensor:
        """Mean loss over some units; ``outputs`` gives the network's predictions for input cells, on its device."""

    @abstractmethod
    def held_out_loss(self, outputs: Callable[[np.ndarray], np.ndarray]) -> float | None:
        """Mean loss over held-out cells; None if there are none."""


@dataclass(frozen=True, eq=False)
class FittedNetwork(Predictor):
    """The parameters of a multilayer perceptron."""

    parameters: dict[str, np.ndarray]

    def predict(self, X: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        from psmatch_core.classification.networks.architectures import network_outputs  # brings torch

        return network_outputs(self.parameters, _batches(X)).astype(np.float64)

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)


@dataclass(frozen=True)
class NetworkTranslator(TrainedTranslator):
    """A translator by a multilayer perceptron (torch, AdamW, one-cycle learning rate, early stop)."""

    hidden: tuple[int, ...] = option(
        (128,), minimum=1, maximum=65536, help="Widths of the hidden layers.", unit="units"
    )
    dropout: float = option(0.2, minimum=0, maximum=0.9, help="Share of hidden units dropped in each step.")
    weight_decay: float = option(1e-2, minimum=0, help="Decoupled weight decay.", advanced=True)
    learning_rate: float = option(3e-3, above=0, maximum=1, help="Peak of the one-cycle schedule.", advanced=True)
    n_epochs: int = option(
        100, minimum=1, maximum=5000, unit="epochs", help="Number of epochs of the learning-rate schedule."
    )
    patience: int = option(
        20, minimum=1, unit="epochs", help="Stop after this many epochs without a better held-out loss.", advanced=True
    )
    batch_size: int = option(64, minimum=2, unit="cells", help="Cells in one gradient step.", advanced=True)
    batch_norm: bool = option(False, help="Batch normalisation after each hidden layer.", advanced=True)

    @abstractmethod
    def objective(self, pairs: MatchedPairs, rng: np.random.Generator) -> Objective:
        """What the network is trained to minimize."""

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        import torch  # noqa: F401 - heavy, and limited to one thread below only once it is loaded

        asked = asked_device()
        with a_core():
            device = find_device(asked)
            (parameters, curve), notes = restarted(
                lambda rate: replace(self, learning_rate=rate)._train(pairs, seed, device, progress), self.learning_rate
            )
        if not curve.validation:
            notes += ("network: no cell could be held out, so the epoch was chosen by the training loss.",)
        return FittedNetwork(parameters, curves=(curve,), notes=(*notes, *device_notes(asked)))

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        return FittedNetwork(dict(state))

    def _train(
        self, pairs: MatchedPairs, seed: int, device: str, progress: Progress
    ) -> tuple[dict[str, np.ndarray], LossCurve]:
        import torch  # heavy: only where a network trains

        from psmatch_core.classification.networks.architectures import perceptron

        objective = self.objective(pairs, stream(seed, "lesson"))
        units = objective.units
        if units.size < 2:
            raise PsmatchError(
                f"A network cannot be trained on {plural(int(units.size), 'matched cell')}.",
                hint="Match more cells, or choose ridge regression.",
            )
        generator = torch.Generator().manual_seed(derived_seed(seed, "network") % 2**63)
        widths = (pairs.X.shape[1], *self.hidden, pairs.Y.shape[1])
        network = perceptron(widths, batch_norm=self.batch_norm, dropout=self.dropout, generator=generator).to(device)

        def outputs(cells: np.ndarray) -> torch.Tensor:
            return network(tensor_of(pairs.X[cells], device))

        def scored(cells: np.ndarray) -> np.ndarray:
            parts = [network(part.to(device)) for part in _batches(pairs.X[cells])]
            return np.asarray(torch.cat(parts).to(CPU).numpy(), np.float64)

        def held_out_loss() -> float:
            value = objective.held_out_loss(scored)
            return float("nan") if value is None else value

        network.eval()
        with torch.no_grad():
            is_judged = objective.held_out_loss(scored) is not None
        return descend(
            network,
            units,
            lambda part: objective.loss(outputs, part),
            held_out_loss if is_judged else None,
            settings=self,
            generator=generator,
            progress=progress,
            before_epoch=objective.begin,
        )


class Draws:
    """Input cells drawn for every output cell, anew in each epoch; one pass over the plan serves many epochs."""

    def __init__(self, pairs: MatchedPairs, rng: np.random.Generator, per_epoch: int) -> None:
        self.pairs, self.rng, self.per_epoch = pairs, rng, per_epoch
        self._drawn = self._draw()
        self.units = np.flatnonzero(self._drawn[:, 0] >= 0)  # output cells with a match in the training cells

    def of_epoch(self, epoch: int) -> np.ndarray:
        """Positions of input cells ``(n_outputs, per_epoch)``; to be called once per epoch, in order."""
        place = epoch % EPOCHS_AT_ONCE
        if place == 0 and epoch > 0:
            self._drawn = self._draw()
        return self._drawn[:, place * self.per_epoch : (place + 1) * self.per_epoch]

    def _draw(self) -> np.ndarray:
        return self.pairs.draw(self.rng, EPOCHS_AT_ONCE * self.per_epoch)


def _batches(X: np.ndarray) -> Iterator[torch.Tensor]:
    """Rows as a network reads them, a part at a time; at least one, which may be empty."""
    for start in range(0, max(len(X), 1), SCORING_ROWS):
        yield tensor_of(X[start : start + SCORING_ROWS])


def tensor_of(values: np.ndarray, device: str | torch.device = CPU) -> torch.Tensor:
    """The values as a torch tensor in single precision."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)
