"""One modality while a joint VAE trains: what its networks read, and which of its cells are held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers import NetworkClassifier, stratified_folds
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Matrix, Modality

if TYPE_CHECKING:
    import torch

N_FOLDS = 5  # one of them is held out, as for a network of the propensity scores


@dataclass(frozen=True, eq=False)
class Side:
    """One modality while it trains.

    Parameters
    ----------
    X, y
        Cells as the networks read them, and the label of each as a number, ``(n_cells,)``.
    train, held
        Positions of the cells that train and of those that are held out.
    """

    modality: Modality
    body: NetworkClassifier
    X: Matrix
    y: np.ndarray
    train: np.ndarray
    held: np.ndarray

    @cached_property
    def scale(self) -> dict[str, np.ndarray]:
        """By which the training cells come to scale: images are told from their channels' own means."""
        return self.body.scale(self.X, self.train)

    def batch(self, cells: np.ndarray) -> torch.Tensor:
        """What the encoder reads and the decoder shall restore of these cells."""
        return self.body.batch(self.X, cells, self.scale)

    @classmethod
    def of(cls, modality: Modality, body: NetworkClassifier, names: tuple[str, ...], seed: int) -> Side:
        """A modality with its cells dealt; the two sides never share folds."""
        X, y = training_data(modality, names)
        own = derived_seed(seed, "latents", modality.name, modality.fingerprint)
        held = stratified_folds(y, N_FOLDS, seed=own).held_out(0)
        return cls(modality, body, X, y, np.flatnonzero(~held), np.flatnonzero(held))

    @property
    def watched(self) -> np.ndarray:
        """Cells on which an epoch is judged: those held out, the training cells where none could be."""
        return self.held if self.held.size else self.train
