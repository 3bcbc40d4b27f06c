"""What classifiers that are one neural network share: training, scoring, and their network as an encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.cores import compute
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.shifted_rows import ShiftedRows
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers.base import (
    MANY_CELLS,
    NO_HELD_OUT,
    VERY_MANY_CELLS,
    Classifier,
    FittedClassifier,
    Folds,
    centered,
)
from psmatch_core.classification.networks.devices import asked_device, device_notes, find_device
from psmatch_core.classification.networks.training import LossCurve, restarted, train
from psmatch_core.data.modality import Matrix

if TYPE_CHECKING:
    import torch
    from torch import nn

AT_FREQUENCIES, AT_RANDOM = "label frequencies", "random"  # where the outputs of an untrained network lie


@dataclass(frozen=True, kw_only=True)
class NetworkClassifier(Classifier, ABC):
    """A classifier that is one network, stopped at its own best validation loss.

    A network that starts at random learns with all its layers how frequent the labels are. The outputs of unusual cells
    then lie off the typical ones along the frequencies, in both modalities, and unusual cells are matched with each
    other even where labels mean nothing (docs/defaults.md). One that starts at the frequencies need not learn them.

    A joint VAE takes its encoders and decoders from it, so that what is compared has the same architecture.
    """

    stream: ClassVar[str]  # the name under which a seed gives its random numbers
    cells_at_once: ClassVar[int]  # scored together
    of_many: ClassVar[Mapping[str, float]] = {"patience": 4}  # in place of defaults where losses have little noise
    of_very_many: ClassVar[Mapping[str, float]] = of_many  # and where one pass over the cells teaches most of it

    start: str = option(
        AT_FREQUENCIES,
        choices=(AT_FREQUENCIES, AT_RANDOM),
        help="Where the outputs start: at the frequencies of the labels, which need not be learned then, or at random.",
        advanced=True,
    )

    if TYPE_CHECKING:  # options that every network declares, with its own defaults
        weight_decay: float
        learning_rate: float
        n_epochs: int
        patience: int
        batch_size: int

    @abstractmethod
    def encoder(self, shape: tuple[int, ...], n_outputs: int, generator: torch.Generator) -> nn.Sequential:
        """The untrained network for cells of a shape, ``(n_features,)`` or ``(c, h, w)``."""

    @abstractmethod
    def decoder(self, shape: tuple[int, ...], n_inputs: int, generator: torch.Generator) -> nn.Sequential:
        """The network mirrored: from ``n_inputs`` numbers to cells of a shape."""

    @abstractmethod
    def batch(self, X: Matrix, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        """Cells as an encoder reads them and a decoder gives them back; ``scale`` as from :meth:`scale`."""

    def scale(self, X: Matrix, cells: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers that bring inputs to one scale, from some cells; none for features, which preprocessing scales."""
        return {}

    def notes(self, scale: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        """What the user must know about that scale."""
        return ()

    def defaults_for(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Settings that so many cells give other defaults; what was set otherwise is kept.

        Parameters
        ----------
        shape
            Of the cells, ``(n_cells, n_features)`` or ``(n_cells, c, h, w)``.
        """
        n_cells = shape[0]
        usual = {each.name: each.default for each in fields(self)}
        changed = self.of_very_many if n_cells >= VERY_MANY_CELLS else self.of_many if n_cells >= MANY_CELLS else {}
        return {name: value for name, value in changed.items() if getattr(self, name) == usual[name]}

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        import torch  # noqa: F401 - heavy, and limited to one thread only once it is loaded

        self.check(X)
        held = folds.held_out(0)
        parameters, curve, notes, logits = compute(
            self._fit, (X, y, held), n_labels, seed, asked_device(), progress=progress
        )
        held_out = NO_HELD_OUT
        if not folds.only_stops:
            held_out = np.full((y.size, n_labels), np.nan)
            held_out[held] = logits
        return FittedNetworkClassifier(held_out, self, parameters, curves=(curve,), notes=notes)

    def _fit(
        self, X: Matrix, y: np.ndarray, held: np.ndarray, n_labels: int, seed: int, asked: str, *, progress: Progress
    ) -> tuple[dict[str, np.ndarray], LossCurve, tuple[str, ...], np.ndarray]:
        """The numbers of the trained network, its losses, notes, and the logits of the cells that it held out."""
        import torch  # noqa: F401 - where another machine computes this, nothing has loaded it yet

        with one_thread():
            scale, device = self.scale(X, np.flatnonzero(~held)), find_device(asked)
            (arrays, curve), notes = restarted(
                lambda rate: replace(self, learning_rate=rate)._train(
                    X, y, held, scale, n_labels, seed, device=device, progress=progress
                ),
                self.learning_rate,
            )
            if changed := self.defaults_for(X.shape):
                *first, last = (f"{name} is {value:g}" for name, value in changed.items())
                settings = f"{', '.join(first)} and {last}" if first else last
                least = VERY_MANY_CELLS if y.size >= VERY_MANY_CELLS else MANY_CELLS
                notes += (f"network: with {least:,} cells or more, the default of {settings}.",)
            parameters = {**arrays, **scale}
            return (
                parameters,
                curve,
                (*notes, *self.notes(scale), *device_notes(asked)),
                centered(self.outputs(parameters, X[held])),
            )

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        return FittedNetworkClassifier(NO_HELD_OUT, self, dict(state))

    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        """What a trained encoder gives for cells, ``(n, n_outputs)``; ``parameters`` hold its numbers and the scale."""
        from psmatch_core.classification.networks.architectures import network_outputs  # brings torch

        starts = range(0, max(X.shape[0], 1), self.cells_at_once)
        read = self._reader(X, parameters)
        return network_outputs(parameters, (read(slice(start, start + self.cells_at_once)) for start in starts))

    def _train(
        self,
        X: Matrix,
        y: np.ndarray,
        held: np.ndarray,
        scale: Mapping[str, np.ndarray],
        n_labels: int,
        seed: int,
        *,
        device: str,
        progress: Progress,
    ) -> tuple[dict[str, np.ndarray], LossCurve]:
        import torch  # heavy: only where a network trains

        from psmatch_core.classification.networks.architectures import add_to_output_bias

        generator = torch.Generator().manual_seed(derived_seed(seed, self.stream) % 2**63)
        network = self.encoder(X.shape[1:], n_labels, generator)
        if self.start == AT_FREQUENCIES:
            log_frequencies = np.log(np.bincount(y[~held], minlength=n_labels) + 1)  # finite for a label without a cell
            add_to_output_bias(network, log_frequencies - log_frequencies.mean())
        return train(
            network,
            self._reader(X, scale),
            y,
            held,
            settings=replace(self, **self.defaults_for(X.shape)),
            generator=generator,
            progress=progress,
            device=device,
        )

    def _reader(self, X: Matrix, scale: Mapping[str, np.ndarray]) -> Callable[[np.ndarray | slice], Any]:
        """The input of the network for some cells, by their positions; of very many sparse ones, what is stored."""
        if X.shape[0] < VERY_MANY_CELLS or not isinstance(X, ShiftedRows):
            return lambda cells: self.batch(X[cells], scale)
        from psmatch_core.classification.networks.stored_inputs import StoredBatch  # brings torch

        return lambda cells: StoredBatch(X[cells])


@dataclass(frozen=True, eq=False)
class FittedNetworkClassifier(FittedClassifier):
    """A trained network: its numbers by layer, and those that bring its inputs to scale."""

    classifier: NetworkClassifier
    parameters: dict[str, np.ndarray]

    def logits(self, X: Matrix) -> np.ndarray:
        return centered(self.classifier.outputs(self.parameters, X))

    def state(self) -> dict[str, np.ndarray]:
        return dict(self.parameters)
