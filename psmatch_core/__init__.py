"""Match cells of two unpaired modalities by their propensity scores. Needs no Streamlit.

The public names are the imports below, listed once. Each is imported at its first use, so that the first page of the
app does not wait for torch, scanpy or scikit-learn.
"""

from __future__ import annotations

import ast
import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.base.version import VERSION

if TYPE_CHECKING:
    from psmatch_core.base.errors import PsmatchError as PsmatchError
    from psmatch_core.classification.baselines import (
        JointLatents as JointLatents,
        JointVAE as JointVAE,
        fit_joint_vae as fit_joint_vae,
    )
    from psmatch_core.classification.classifiers import (
        Classifier as Classifier,
        CNNClassifier as CNNClassifier,
        EnsembleClassifier as EnsembleClassifier,
        FeatureBaggingClassifier as FeatureBaggingClassifier,
        LinearClassifier as LinearClassifier,
        MLPClassifier as MLPClassifier,
        RecommendedClassifier as RecommendedClassifier,
        SingleNetworkClassifier as SingleNetworkClassifier,
    )
    from psmatch_core.classification.propensity import (
        PropensityModel as PropensityModel,
        PropensityScores as PropensityScores,
        Scoring as Scoring,
        fit_propensity as fit_propensity,
    )
    from psmatch_core.classification.scored_modality import ScoredModality as ScoredModality, Space as Space
    from psmatch_core.data.checks import KnownPairs as KnownPairs
    from psmatch_core.data.known_pairs import with_known_pairs as with_known_pairs
    from psmatch_core.data.labels.label_rules import (
        LabelRules as LabelRules,
        accept_suggestions as accept_suggestions,
        reconcile_by_rules as reconcile_by_rules,
    )
    from psmatch_core.data.modality import Modality as Modality
    from psmatch_core.data.preprocessing import Preprocessing as Preprocessing
    from psmatch_core.data.proposals import Proposal as Proposal, propose_preprocessing as propose_preprocessing
    from psmatch_core.data.readers import DataSpec as DataSpec, inspect_file as inspect_file
    from psmatch_core.evaluation.compared_cells import Comparing as Comparing
    from psmatch_core.evaluation.distributions import (
        Distributions as Distributions,
        compare_distributions as compare_distributions,
    )
    from psmatch_core.evaluation.evaluate import Evaluation as Evaluation, Judging as Judging, evaluate as evaluate
    from psmatch_core.evaluation.held_out import HeldOut as HeldOut, load_held_out as load_held_out
    from psmatch_core.exploration.l_curve import LCurve as LCurve, l_curve as l_curve
    from psmatch_core.exploration.markers import Markers as Markers, find_markers as find_markers
    from psmatch_core.exploration.matched_cell import MatchedCell as MatchedCell, matched_cell as matched_cell
    from psmatch_core.exploration.selection import Selection as Selection
    from psmatch_core.exports.files import export as export
    from psmatch_core.exports.matched_h5mu import write_matched as write_matched
    from psmatch_core.exports.matched_tuples import write_tuples as write_tuples
    from psmatch_core.matching.composed import compose as compose
    from psmatch_core.matching.coupling import Coupling as Coupling, Outcome as Outcome, Status as Status
    from psmatch_core.matching.match_features import (
        FeatureMatching as FeatureMatching,
        FeatureRules as FeatureRules,
        match_features as match_features,
    )
    from psmatch_core.matching.matchers import (
        ExactMatcher as ExactMatcher,
        FusedGromovMatcher as FusedGromovMatcher,
        GromovMatcher as GromovMatcher,
        KnownPairsMatcher as KnownPairsMatcher,
        LabeledCootMatcher as LabeledCootMatcher,
        LabeledGromovMatcher as LabeledGromovMatcher,
        Matcher as Matcher,
        NeighborMatcher as NeighborMatcher,
        RandomMatcher as RandomMatcher,
        SharedSpaceMatcher as SharedSpaceMatcher,
        SinkhornMatcher as SinkhornMatcher,
        UnbalancedMatcher as UnbalancedMatcher,
        UniformMatcher as UniformMatcher,
    )
    from psmatch_core.matching.several import Couplings as Couplings, match_several as match_several
    from psmatch_core.matching.witness import Witness as Witness, witness as witness
    from psmatch_core.monitor.cycle_consistency import CycleConsistency as CycleConsistency
    from psmatch_core.monitor.effect_agreement import (
        EffectAgreement as EffectAgreement,
        effect_agreement as effect_agreement,
    )
    from psmatch_core.monitor.unseen_labels import UnseenLabels as UnseenLabels, unseen_labels as unseen_labels
    from psmatch_core.pipeline.annotate import annotate as annotate
    from psmatch_core.pipeline.demo_data import demo as demo
    from psmatch_core.pipeline.demo_views import demo_views as demo_views
    from psmatch_core.pipeline.leave_out import LeaveOut as LeaveOut, leave_label_out as leave_label_out
    from psmatch_core.pipeline.match_data import match_data as match
    from psmatch_core.pipeline.match_modalities import MatchedModalities as MatchedModalities
    from psmatch_core.pipeline.recipe import ExportRules as ExportRules, Recipe as Recipe
    from psmatch_core.pipeline.result_files import (
        load_coupling as load_coupling,
        load_modality as load_modality,
        load_preprocessing as load_preprocessing,
        load_propensity as load_propensity,
        load_scored as load_scored,
        load_translator as load_translator,
        save as save,
    )
    from psmatch_core.pipeline.run import Run as Run, run as run
    from psmatch_core.translation.fit import fit_translator as fit_translator
    from psmatch_core.translation.translate import Translation as Translation, translate as translate
    from psmatch_core.translation.translators import (
        BarycentricNetworkTranslator as BarycentricNetworkTranslator,
        BarycentricTranslator as BarycentricTranslator,
        FittedTranslator as FittedTranslator,
        LabelRidgeTranslator as LabelRidgeTranslator,
        NeighborTranslator as NeighborTranslator,
        RidgeTranslator as RidgeTranslator,
        SampledNetworkTranslator as SampledNetworkTranslator,
        SamplingTranslator as SamplingTranslator,
        TrainedTranslator as TrainedTranslator,
        Translator as Translator,
        TwoSampleNetworkTranslator as TwoSampleNetworkTranslator,
    )

__version__ = VERSION


@functools.cache
def _modules() -> dict[str, tuple[str, str]]:
    """Module and name there of each public name, read from the imports above, which Python itself skips.

    Source: Scientific Python, SPEC 1, lazy loading of submodules and functions.
    """
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    imports = [each for block in tree.body if isinstance(block, ast.If) for each in block.body]
    return {
        alias.asname or alias.name: (each.module or "", alias.name)
        for each in imports
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return __dir__()
    if name not in _modules():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, own = _modules()[name]
    return getattr(importlib.import_module(module), own)


def __dir__() -> list[str]:
    return sorted([*_modules(), "__version__"])
