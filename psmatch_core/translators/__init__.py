"""Translators: strategies that give cells of one modality the features of the other. One file each."""

from psmatch_core.translators.barycentric import BarycentricTranslator
from psmatch_core.translators.base import CarryingTranslator, Predictor, TrainedTranslator, Translator
from psmatch_core.translators.pairs import LabelPairs, MatchedPairs
from psmatch_core.translators.ridge import RidgeTranslator
from psmatch_core.translators.sampling import SamplingTranslator

__all__ = [
    "BarycentricTranslator",
    "CarryingTranslator",
    "LabelPairs",
    "MatchedPairs",
    "Predictor",
    "RidgeTranslator",
    "SamplingTranslator",
    "TrainedTranslator",
    "Translator",
]
