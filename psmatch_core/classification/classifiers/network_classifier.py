"""What a classifier that is one network lends to others: its body as an encoder, and the way in which it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.classification.classifiers.base import Classifier
from psmatch_core.classification.classifiers.training import Network
from psmatch_core.data.modality import Matrix, Modality

if TYPE_CHECKING:
    import torch


class NetworkClassifier(Classifier, ABC):
    """A classifier whose network serves elsewhere too, so that what is compared with it has the same architecture."""

    weight_decay: float
    learning_rate: float
    n_epochs: int
    patience: int
    batch_size: int

    @abstractmethod
    def encoder(self, modality: Modality, n_out: int, generator: Any) -> Network:
        """The classifier's network for a modality's features, with ``n_out`` outputs in place of the labels."""

    @abstractmethod
    def decoder(self, modality: Modality, n_in: int, generator: Any) -> Network:
        """The network mirrored: from ``n_in`` numbers to the modality's features."""

    def scale(self, X: Matrix, cells: np.ndarray) -> dict[str, np.ndarray]:
        """Numbers by which its networks' inputs are brought to scale, of some cells; none for features as they are."""
        return {}

    def notes(self, scale: Mapping[str, np.ndarray]) -> tuple[str, ...]:
        """What the user must know of that scale."""
        return ()

    @abstractmethod
    def batch(self, X: Matrix, cells: np.ndarray, scale: Mapping[str, np.ndarray]) -> torch.Tensor:
        """What an encoder reads, and a decoder gives back, of some cells."""

    @abstractmethod
    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        """What an encoder gives for cells ``X``, ``(n, n_out)``; ``parameters`` are its numbers and the scale."""
