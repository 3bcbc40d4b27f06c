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
        EnsembleClassifier,
        LinearClassifier,
        MLPClassifier,
        RecommendedClassifier,
    )
    from psmatch_core.coupling import Coupling, Outcome, Status
    from psmatch_core.errors import PsmatchError
    from psmatch_core.evaluation import Evaluation, Judging, evaluate
    from psmatch_core.exports import export
    from psmatch_core.io import load_coupling, load_modality, load_preprocessing, load_propensity, load_scored, save
    from psmatch_core.matchers import (
        ExactMatcher,
        KnownPairsMatcher,
        Matcher,
        NeighborMatcher,
        SinkhornMatcher,
        UniformMatcher,
    )
    from psmatch_core.matching import match
    from psmatch_core.modality import Modality
    from psmatch_core.preprocessing import Preprocessing
    from psmatch_core.propensity import PropensityModel, PropensityScores, Scoring, fit_propensity
    from psmatch_core.readers import DataSpec, inspect_file
    from psmatch_core.recipe import ExportRules, LabelRules, Recipe
    from psmatch_core.runs import Run, run
    from psmatch_core.scored import ScoredModality, Space
    from psmatch_core.translation import Translation, translate
    from psmatch_core.translators import BarycentricTranslator, SamplingTranslator, Translator

__version__ = "0.1.0"

_HOMES = {
    "baselines": ("JointLatents", "JointVAE", "fit_joint_vae"),
    "classifiers": ("Classifier", "EnsembleClassifier", "LinearClassifier", "MLPClassifier", "RecommendedClassifier"),
    "coupling": ("Coupling", "Outcome", "Status"),
    "errors": ("PsmatchError",),
    "evaluation": ("Evaluation", "Judging", "evaluate"),
    "exports": ("export",),
    "io": ("load_coupling", "load_modality", "load_preprocessing", "load_propensity", "load_scored", "save"),
    "matchers": (
        "ExactMatcher",
        "KnownPairsMatcher",
        "Matcher",
        "NeighborMatcher",
        "SinkhornMatcher",
        "UniformMatcher",
    ),
    "matching": ("match",),
    "modality": ("Modality",),
    "preprocessing": ("Preprocessing",),
    "propensity": ("PropensityModel", "PropensityScores", "Scoring", "fit_propensity"),
    "readers": ("DataSpec", "inspect_file"),
    "scored": ("ScoredModality", "Space"),
    "recipe": ("ExportRules", "LabelRules", "Recipe"),
    "runs": ("Run", "run"),
    "translation": ("Translation", "translate"),
    "translators": ("BarycentricTranslator", "SamplingTranslator", "Translator"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BarycentricTranslator",
    "Classifier",
    "Coupling",
    "DataSpec",
    "EnsembleClassifier",
    "Evaluation",
    "ExactMatcher",
    "ExportRules",
    "JointLatents",
    "JointVAE",
    "Judging",
    "KnownPairsMatcher",
    "LabelRules",
    "LinearClassifier",
    "MLPClassifier",
    "Matcher",
    "Modality",
    "NeighborMatcher",
    "Outcome",
    "Preprocessing",
    "PropensityModel",
    "PropensityScores",
    "PsmatchError",
    "Recipe",
    "RecommendedClassifier",
    "Run",
    "SamplingTranslator",
    "ScoredModality",
    "Scoring",
    "SinkhornMatcher",
    "Space",
    "Status",
    "Translation",
    "Translator",
    "UniformMatcher",
    "__version__",
    "evaluate",
    "export",
    "fit_joint_vae",
    "fit_propensity",
    "inspect_file",
    "load_coupling",
    "load_modality",
    "load_preprocessing",
    "load_propensity",
    "load_scored",
    "match",
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
