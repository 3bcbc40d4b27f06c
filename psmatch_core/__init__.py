"""Match cells of two unpaired modalities by propensity score. Knows nothing of Streamlit.

Names are imported when first used: the app's first page must not wait for torch, scanpy or scikit-learn.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from psmatch_core.base.version import VERSION

if TYPE_CHECKING:
    from psmatch_core.base.errors import PsmatchError
    from psmatch_core.classification.baselines import JointLatents, JointVAE, fit_joint_vae
    from psmatch_core.classification.classifiers import (
        Classifier,
        CNNClassifier,
        EnsembleClassifier,
        LinearClassifier,
        MLPClassifier,
        RecommendedClassifier,
        SingleNetworkClassifier,
    )
    from psmatch_core.classification.propensity import PropensityModel, PropensityScores, Scoring, fit_propensity
    from psmatch_core.classification.scored_modality import ScoredModality, Space
    from psmatch_core.data.modality import Modality
    from psmatch_core.data.preprocessing import Preprocessing
    from psmatch_core.data.readers import DataSpec, inspect_file
    from psmatch_core.evaluation.distributions import Comparing, Distributions, compare_distributions
    from psmatch_core.evaluation.evaluate import Evaluation, Judging, evaluate
    from psmatch_core.evaluation.held_out import HeldOut, load_held_out
    from psmatch_core.exploration.l_curve import LCurve, l_curve
    from psmatch_core.exports.files import export
    from psmatch_core.matching.coupling import Coupling, Outcome, Status
    from psmatch_core.matching.match import match
    from psmatch_core.matching.match_features import FeatureMatching, FeatureRules, match_features
    from psmatch_core.matching.matchers import (
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
    from psmatch_core.pipeline.leave_out import LeaveOut, leave_label_out
    from psmatch_core.pipeline.recipe import ExportRules, LabelRules, Recipe
    from psmatch_core.pipeline.result_files import (
        load_coupling,
        load_modality,
        load_preprocessing,
        load_propensity,
        load_scored,
        load_translator,
        save,
    )
    from psmatch_core.pipeline.run import Run, run
    from psmatch_core.translation.fit import fit_translator
    from psmatch_core.translation.translate import Translation, translate
    from psmatch_core.translation.translators import (
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

__version__ = VERSION

_HOMES = {
    "classification.baselines": ("JointLatents", "JointVAE", "fit_joint_vae"),
    "classification.classifiers": (
        "CNNClassifier",
        "Classifier",
        "EnsembleClassifier",
        "LinearClassifier",
        "MLPClassifier",
        "RecommendedClassifier",
        "SingleNetworkClassifier",
    ),
    "matching.coupling": ("Coupling", "Outcome", "Status"),
    "evaluation.distributions": ("Comparing", "Distributions", "compare_distributions"),
    "base.errors": ("PsmatchError",),
    "evaluation.evaluate": ("Evaluation", "Judging", "evaluate"),
    "exports.files": ("export",),
    "matching.match_features": ("FeatureMatching", "FeatureRules", "match_features"),
    "evaluation.held_out": ("HeldOut", "load_held_out"),
    "pipeline.result_files": (
        "load_coupling",
        "load_modality",
        "load_preprocessing",
        "load_propensity",
        "load_scored",
        "load_translator",
        "save",
    ),
    "pipeline.leave_out": ("LeaveOut", "leave_label_out"),
    "exploration.l_curve": ("LCurve", "l_curve"),
    "matching.matchers": (
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
    "matching.match": ("match",),
    "data.modality": ("Modality",),
    "translation.fit": ("fit_translator",),
    "data.preprocessing": ("Preprocessing",),
    "classification.propensity": ("PropensityModel", "PropensityScores", "Scoring", "fit_propensity"),
    "data.readers": ("DataSpec", "inspect_file"),
    "classification.scored_modality": ("ScoredModality", "Space"),
    "pipeline.recipe": ("ExportRules", "LabelRules", "Recipe"),
    "pipeline.run": ("Run", "run"),
    "translation.translate": ("Translation", "translate"),
    "translation.translators": (
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
