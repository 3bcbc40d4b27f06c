"""One modality while a joint VAE trains: what its networks read, and which of its cells are held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers import NetworkClassifier, stratified_folds
from psmatch_core.data.modality import Matrix, Modality

if TYPE_CHECKING:
    import torch

N_FOLDS = 5  # one of them is held out, as for a network of the propensity scores


@dataclass(frozen=True, eq=False)
class Side:
    """One modality while it trains: body, label indices ``y``, which cells train and which are held out."""

    modality: Modality
    body: NetworkClassifier
    y: np.ndarray
    train: np.ndarray
    held: np.ndarray

    @cached_property
    def scale(self) -> dict[str, np.ndarray]:
        """By which the training cells come to scale: images are told from their channels' own means."""
        return self.body.scale(self._cells, self.train)

    def batch(self, cells: np.ndarray) -> torch.Tensor:
        """What the encoder reads and the decoder shall restore of these cells."""
        return self.body.batch(self._cells, cells, self.scale)

    @property
    def _cells(self) -> Matrix:
        return self.modality.in_shape(self.modality.X)

    @classmethod
    def of(cls, modality: Modality, body: NetworkClassifier, names: tuple[str, ...], seed: int) -> Side:
        """A modality with its cells dealt; the two sides never share folds."""
        column = {name: index for index, name in enumerate(names)}
        y = np.array([column[label] for label in modality.labels.tolist()], dtype=np.int64)
        own = derived_seed(seed, "latents", modality.name, modality.fingerprint)
        held = stratified_folds(y, N_FOLDS, seed=own).held_out(0)
        return cls(modality, body, y, np.flatnonzero(~held), np.flatnonzero(held))

    @property
    def watched(self) -> np.ndarray:
        """Cells on which an epoch is judged: those held out, the training cells where none could be."""
        return self.held if self.held.size else self.train
