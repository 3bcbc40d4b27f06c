"""Classifiers: strategies that learn p(label given cell) from one modality. One file each."""

from psmatch_core.classification.classifiers.base import (
    Classifier,
    FittedClassifier,
    Folds,
    stratified_folds,
)
from psmatch_core.classification.classifiers.cnn import CNNClassifier
from psmatch_core.classification.classifiers.ensemble import EnsembleClassifier, RecommendedClassifier
from psmatch_core.classification.classifiers.feature_bagging import FeatureBaggingClassifier
from psmatch_core.classification.classifiers.linear import LinearClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
from psmatch_core.classification.classifiers.network_classifier import NetworkClassifier
from psmatch_core.classification.classifiers.single_network import SingleNetworkClassifier
from psmatch_core.classification.networks.training import LossCurve

__all__ = [
    "CNNClassifier",
    "Classifier",
    "EnsembleClassifier",
    "FeatureBaggingClassifier",
    "FittedClassifier",
    "Folds",
    "LinearClassifier",
    "LossCurve",
    "MLPClassifier",
    "NetworkClassifier",
    "RecommendedClassifier",
    "SingleNetworkClassifier",
    "stratified_folds",
]
