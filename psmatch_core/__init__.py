"""Match cells of two unpaired modalities by propensity score. Knows nothing of Streamlit.

Names are imported when first used: the app's first page must not wait for torch, scanpy or scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psmatch_core.baselines import JointLatents, JointVAE, fit_joint_vae
    from psmatch_core.classifiers import (
        Classifier,
        CNNClassifier,
        EnsembleClassifier,
        LinearClassifier,
        MLPClassifier,
        RecommendedClassifier,
        SingleNetworkClassifier,
    )
    from psmatch_core.coupling import Coupling, Outcome, Status
    from psmatch_core.distribution import Comparing, Distributions, compare_distributions
    from psmatch_core.errors import PsmatchError
    from psmatch_core.evaluation import Evaluation, Judging, evaluate
    from psmatch_core.exports import export
    from psmatch_core.feature_matching import FeatureMatching, FeatureRules, match_features
    from psmatch_core.held_out import HeldOut, load_held_out
    from psmatch_core.io import (
        load_coupling,
        load_modality,
        load_preprocessing,
        load_propensity,
        load_scored,
        load_translator,
        save,
    )
    from psmatch_core.lcurve import LCurve, l_curve
    from psmatch_core.leaving_out import LeaveOut, leave_label_out
    from psmatch_core.matchers import (
        ExactMatcher,
        FusedGromovMatcher,
        GromovMatcher,
        KnownPairsMatcher,
        LabeledCootMatcher,
        LabeledGromovMatcher,
        Matcher,
        NeighborMatcher,
        RandomMatcher,
        SharedSpaceMatcher,
        SinkhornMatcher,
        UnbalancedMatcher,
        UniformMatcher,
    )
    from psmatch_core.matching import match
    from psmatch_core.modality import Modality
    from psmatch_core.prediction import fit_translator
    from psmatch_core.preprocessing import Preprocessing
    from psmatch_core.propensity import PropensityModel, PropensityScores, Scoring, fit_propensity
    from psmatch_core.readers import DataSpec, inspect_file
    from psmatch_core.recipe import ExportRules, LabelRules, Recipe
    from psmatch_core.runs import Run, run
    from psmatch_core.scored import ScoredModality, Space
    from psmatch_core.translation import Translation, translate
    from psmatch_core.translators import (
        BarycentricNetworkTranslator,
        BarycentricTranslator,
        FittedTranslator,
        NeighborTranslator,
        RidgeTranslator,
        SampledNetworkTranslator,
        SamplingTranslator,
        TrainedTranslator,
        Translator,
        TwoSampleNetworkTranslator,
    )

__version__ = "0.1.0"

_HOMES = {
    "baselines": ("JointLatents", "JointVAE", "fit_joint_vae"),
    "classifiers": (
        "CNNClassifier",
        "Classifier",
        "EnsembleClassifier",
        "LinearClassifier",
        "MLPClassifier",
        "RecommendedClassifier",
        "SingleNetworkClassifier",
    ),
    "coupling": ("Coupling", "Outcome", "Status"),
    "distribution": ("Comparing", "Distributions", "compare_distributions"),
    "errors": ("PsmatchError",),
    "evaluation": ("Evaluation", "Judging", "evaluate"),
    "exports": ("export",),
    "feature_matching": ("FeatureMatching", "FeatureRules", "match_features"),
    "held_out": ("HeldOut", "load_held_out"),
    "io": (
        "load_coupling",
        "load_modality",
        "load_preprocessing",
        "load_propensity",
        "load_scored",
        "load_translator",
        "save",
    ),
    "leaving_out": ("LeaveOut", "leave_label_out"),
    "lcurve": ("LCurve", "l_curve"),
    "matchers": (
        "ExactMatcher",
        "FusedGromovMatcher",
        "GromovMatcher",
        "KnownPairsMatcher",
        "LabeledCootMatcher",
        "LabeledGromovMatcher",
        "Matcher",
        "NeighborMatcher",
        "RandomMatcher",
        "SharedSpaceMatcher",
        "SinkhornMatcher",
        "UnbalancedMatcher",
        "UniformMatcher",
    ),
    "matching": ("match",),
    "modality": ("Modality",),
    "prediction": ("fit_translator",),
    "preprocessing": ("Preprocessing",),
    "propensity": ("PropensityModel", "PropensityScores", "Scoring", "fit_propensity"),
    "readers": ("DataSpec", "inspect_file"),
    "scored": ("ScoredModality", "Space"),
    "recipe": ("ExportRules", "LabelRules", "Recipe"),
    "runs": ("Run", "run"),
    "translation": ("Translation", "translate"),
    "translators": (
        "BarycentricNetworkTranslator",
        "BarycentricTranslator",
        "FittedTranslator",
        "NeighborTranslator",
        "RidgeTranslator",
        "SampledNetworkTranslator",
        "SamplingTranslator",
        "TrainedTranslator",
        "Translator",
        "TwoSampleNetworkTranslator",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BarycentricNetworkTranslator",
    "BarycentricTranslator",
    "CNNClassifier",
    "Classifier",
    "Comparing",
    "Coupling",
    "DataSpec",
    "Distributions",
    "EnsembleClassifier",
    "Evaluation",
    "ExactMatcher",
    "ExportRules",
    "FeatureMatching",
    "FeatureRules",
    "FittedTranslator",
    "FusedGromovMatcher",
    "GromovMatcher",
    "HeldOut",
    "JointLatents",
    "JointVAE",
    "Judging",
    "KnownPairsMatcher",
    "LCurve",
    "LabelRules",
    "LabeledCootMatcher",
    "LabeledGromovMatcher",
    "LeaveOut",
    "LinearClassifier",
    "MLPClassifier",
    "Matcher",
    "Modality",
    "NeighborMatcher",
    "NeighborTranslator",
    "Outcome",
    "Preprocessing",
    "PropensityModel",
    "PropensityScores",
    "PsmatchError",
    "RandomMatcher",
    "Recipe",
    "RecommendedClassifier",
    "RidgeTranslator",
    "Run",
    "SampledNetworkTranslator",
    "SamplingTranslator",
    "ScoredModality",
    "Scoring",
    "SharedSpaceMatcher",
    "SingleNetworkClassifier",
    "SinkhornMatcher",
    "Space",
    "Status",
    "TrainedTranslator",
    "Translation",
    "Translator",
    "TwoSampleNetworkTranslator",
    "UnbalancedMatcher",
    "UniformMatcher",
    "__version__",
    "compare_distributions",
    "evaluate",
    "export",
    "fit_joint_vae",
    "fit_propensity",
    "fit_translator",
    "inspect_file",
    "l_curve",
    "leave_label_out",
    "load_coupling",
    "load_held_out",
    "load_modality",
    "load_preprocessing",
    "load_propensity",
    "load_scored",
    "load_translator",
    "match",
    "match_features",
    "run",
    "save",
    "translate",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
