"""One network per modality, of the kind that suits its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.progress import Progress
from psmatch_core.classification.classifiers.base import Classifier, FittedClassifier, Folds
from psmatch_core.classification.classifiers.cnn import CNNClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
from psmatch_core.data.modality import Matrix


@dataclass(frozen=True)
class SingleNetworkClassifier(
    Classifier, title="One network per modality: a perceptron on features, convolutional on images", place=3
):
    """One network per modality: a perceptron on features, a convolutional network on images.

    Source: Xi et al. 2024, who use a perceptron on expression and a convolutional network on images.
    """

    network: MLPClassifier = option(MLPClassifier(), help="The network where cells are features.", advanced=True)
    image_network: CNNClassifier = option(CNNClassifier(), help="The network where cells are images.", advanced=True)

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        self._meant_for(X).check(X, name=name)

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        return self._meant_for(X).fit(X, y, n_labels=n_labels, folds=folds, seed=seed, progress=progress)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        return (self.image_network if "channel_mean" in state else self.network).restore(state)

    def _meant_for(self, X: Matrix) -> MLPClassifier | CNNClassifier:
        return self.image_network if len(X.shape) == 4 else self.network
