"""What a classifier that is one network lends to others: its body as an encoder, and the way in which it trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from psmatch_core.classifiers.base import Classifier
from psmatch_core.classifiers.training import Network
from psmatch_core.modality import Matrix, Modality


class NetworkClassifier(Classifier, ABC):
    """A classifier whose network serves elsewhere too, so that what is compared with it has the same architecture."""

    dropout: float
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

    @abstractmethod
    def outputs(self, parameters: Mapping[str, np.ndarray], X: Matrix) -> np.ndarray:
        """What an encoder with these weights gives for cells ``X (n, n_features)``: ``(n, n_out)``, no torch needed."""
