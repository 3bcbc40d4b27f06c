"""Translators: strategies that predict the features of one modality for cells of the other. One file each."""

from psmatch_core.translation.translators.barycentric import BarycentricTranslator
from psmatch_core.translation.translators.barycentric_network import BarycentricNetworkTranslator
from psmatch_core.translation.translators.base import CarryingTranslator, Predictor, TrainedTranslator, Translator
from psmatch_core.translation.translators.fitted import FeatureScale, FittedTranslator
from psmatch_core.translation.translators.label_ridge import LabelRidgeTranslator
from psmatch_core.translation.translators.neighbors import NeighborTranslator
from psmatch_core.translation.translators.pairs import LabelPairs, MatchedPairs
from psmatch_core.translation.translators.ridge import RidgeTranslator
from psmatch_core.translation.translators.sampled_network import SampledNetworkTranslator
from psmatch_core.translation.translators.sampling import SamplingTranslator
from psmatch_core.translation.translators.two_sample_network import TwoSampleNetworkTranslator

__all__ = [
    "BarycentricNetworkTranslator",
    "BarycentricTranslator",
    "CarryingTranslator",
    "FeatureScale",
    "FittedTranslator",
    "LabelPairs",
    "LabelRidgeTranslator",
    "MatchedPairs",
    "NeighborTranslator",
    "Predictor",
    "RidgeTranslator",
    "SampledNetworkTranslator",
    "SamplingTranslator",
    "TrainedTranslator",
    "Translator",
    "TwoSampleNetworkTranslator",
]
