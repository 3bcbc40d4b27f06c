"""The cells of one modality while a joint VAE trains: what its networks read, and which cells are held out."""

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
class TrainingCells:
    """One modality while it trains.

    Parameters
    ----------
    body
        The classifier whose architecture its encoder and decoder have.
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

    @classmethod
    def split(cls, modality: Modality, body: NetworkClassifier, names: tuple[str, ...], seed: int) -> TrainingCells:
        """A modality with a fifth of its cells held out; the two modalities never share folds."""
        X, y = training_data(modality, names)
        own_seed = derived_seed(seed, "latents", modality.name, modality.fingerprint)
        held = stratified_folds(y, N_FOLDS, seed=own_seed).held_out(0)
        return cls(modality, body, X, y, np.flatnonzero(~held), np.flatnonzero(held))

    @cached_property
    def scale(self) -> dict[str, np.ndarray]:
        """Numbers that bring the cells to one scale, such as the channels' means over the training images."""
        return self.body.scale(self.X, self.train)

    def batch(self, cells: np.ndarray) -> torch.Tensor:
        """Some cells as the encoder reads them and the decoder should restore them."""
        return self.body.batch(self.X[cells], self.scale)

    @property
    def judged(self) -> np.ndarray:
        """Cells on which an epoch is judged: the held-out cells, or the training cells if none could be held out."""
        return self.held if self.held.size else self.train
