"""What is to be computed: preset, classifier, matcher and their options; kept in the workspace."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st

from pages.shell import session
from pages.shell.forms import config_form
from pages.shell.text import plain
from pages.shell.workspace import Workspace, changed_settings
from psmatch_core.base.config import Config
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import (
    Classifier,
    CNNClassifier,
    LinearClassifier,
    MLPClassifier,
    RecommendedClassifier,
    SingleNetworkClassifier,
)
from psmatch_core.classification.propensity import PropensityScores
from psmatch_core.classification.scored_modality import Space
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
from psmatch_core.pipeline.recipe import PRESETS
from psmatch_core.translation.translators import (
    BarycentricNetworkTranslator,
    BarycentricTranslator,
    NeighborTranslator,
    RidgeTranslator,
    SampledNetworkTranslator,
    SamplingTranslator,
    Translator,
    TwoSampleNetworkTranslator,
)
from psmatch_core.workspace.run_folder import RunFolder

SPACES: dict[type[Space], str] = {
    PropensityScores: "Propensity scores: one classifier a modality (recommended)",
    JointVAE: "Joint VAE latents (baseline, Yang et al. 2021)",
}
CLASSIFIERS: dict[type[Classifier], str] = {
    RecommendedClassifier: "Recommended: small networks and ridge regression, averaged",
    SingleNetworkClassifier: "One network a modality: a perceptron on features, convolutional on images",
    MLPClassifier: "One perceptron (features)",
    CNNClassifier: "One convolutional network (images)",
    LinearClassifier: "Ridge regression (multinomial, no network)",
}
MATCHERS: dict[type[Matcher], str] = {
    SinkhornMatcher: "Entropic optimal transport (recommended)",
    NeighborMatcher: "Shared nearest neighbours",
    ExactMatcher: "Exact optimal transport",
    LabeledGromovMatcher: "Labeled Gromov-Wasserstein: distances within each modality, all labels at once",
    LabeledCootMatcher: "Labeled co-optimal transport: cells and features matched in turn, all labels at once",
    UnbalancedMatcher: "Unbalanced transport: cells that fit nothing may stay unmatched",
    FusedGromovMatcher: "Fused Gromov-Wasserstein: scores and the geometry of each modality",
    GromovMatcher: "Gromov-Wasserstein (SCOT): the geometry of each modality alone (baseline)",
    SharedSpaceMatcher: "Shared features: entropic transport where both modalities have the same features",
    UniformMatcher: "Uniform: all cells of the label alike (baseline)",
    RandomMatcher: "Random: a partner of the label by lot (baseline)",
    KnownPairsMatcher: "Known pairs (the truth, as an upper bound)",
}
TRANSLATORS: dict[type[Translator], str] = {
    BarycentricTranslator: "Weighted mean of a cell's matches (nothing is trained)",
    SamplingTranslator: "One matched cell, drawn by weight (nothing is trained)",
    RidgeTranslator: "Ridge regression (linear, trained)",
    NeighborTranslator: "k nearest matched cells (trained)",
    BarycentricNetworkTranslator: "Neural network on the weighted means of matches (trained)",
    SampledNetworkTranslator: "Neural network on sampled pairs (trained)",
    TwoSampleNetworkTranslator: "Neural network with the unbiased two-sample loss (trained; for many cells)",
}
TRAINED = (
    "source",
    "target",
    "source_preprocessing",
    "target_preprocessing",
    "labels",
    "space",
    "classifier",
    "scoring",
    "seed",
)
MATCHED = (*TRAINED, "matcher")
TRANSLATED = (*MATCHED, "translator")
# Names and columns that change no number.
SILENT_IN_JUDGING = ("source.name", "target.name", "source.sha256", "target.sha256")
SILENT = (*SILENT_IN_JUDGING, "source.pair_key", "target.pair_key")

ABOUT_TRANSLATORS = (
    "How cells get the features of the other modality, in both directions. One that is trained also predicts cells "
    "that are measured later."
)

AnyConfig = TypeVar("AnyConfig", bound=Config)


def propensity_settings() -> None:
    """Preset, space, classifier with its options, scoring and seed."""
    workspace = session.workspace()
    names = list(PRESETS)
    preset = st.selectbox(
        "Preset",
        names,
        index=names.index(workspace.preset),
        key=session.key("preset"),
        format_func=lambda name: f"{name}: {PRESETS[name]}",
        help="Sets space, classifier and matcher together.",
    )
    if preset and preset != workspace.preset:
        for name in ("space", "classifier", "matcher"):
            session.renew(name)
        session.keep(workspace.with_preset(preset))
        st.rerun()
    space = _kind(SPACES, workspace.space, workspace.base.space, "Space in which cells are matched", "space")
    classifier, scoring = workspace.classifier, workspace.scoring
    if isinstance(space, JointVAE):
        space = config_form(space, workspace.base.space, name="space", more="Networks of the VAE")
        st.caption("One network learns both modalities together: the settings of the classifier do not apply.")
    else:
        classifier = _kind(CLASSIFIERS, classifier, workspace.base.classifier, "Classifier", "classifier")
        classifier = config_form(classifier, workspace.base.classifier, name="classifier")
        scoring = config_form(scoring, workspace.base.scoring, name="scoring", more="Which scores serve for matching")
    seed = st.number_input(
        "Seed",
        min_value=0,
        value=workspace.seed,
        step=1,
        key=session.key("seed"),
        help="Everything random derives from it: the same seed gives the same result.",
        width=200,
    )
    _keep(workspace, replace(workspace, space=space, classifier=classifier, scoring=scoring, seed=int(seed)))


def matcher_settings(*, has_pairs: bool) -> None:
    """Matcher with its options.

    Parameters
    ----------
    has_pairs
        Whether true pairs are known; without them they cannot be matched on.
    """
    workspace = session.workspace()
    kinds = {kind: text for kind, text in MATCHERS.items() if has_pairs or kind is not KnownPairsMatcher}
    matcher = _kind(kinds, workspace.matcher, workspace.base.matcher, "Method", "matcher")
    matcher = config_form(matcher, workspace.base.matcher, name="matcher")
    _keep(workspace, replace(workspace, matcher=matcher))


def translator_settings() -> None:
    """Translator with its options."""
    workspace = session.workspace()
    translator = _kind(
        TRANSLATORS, workspace.translator, workspace.base.translator, "Translator", "translator", help=ABOUT_TRANSLATORS
    )
    translator = config_form(translator, workspace.base.translator, name="translator")
    _keep(workspace, replace(workspace, translator=translator))


def say_what_changed(
    folder: RunFolder, workspace: Workspace, parts: tuple[str, ...], action: str, *, silent: tuple[str, ...] = SILENT
) -> bool:
    """Say it where the results on show were made with other settings; whether that is so.

    Parameters
    ----------
    parts
        First parts of the settings that bear on these results.
    action
        What to do about it.
    silent
        Settings that change no number here.
    """
    if workspace.source is None or workspace.target is None:
        return False
    if isinstance(folder.recipe.space, JointVAE) and isinstance(workspace.space, JointVAE):
        parts = tuple(part for part in parts if part not in ("classifier", "scoring"))  # the VAE does not read them
    changes = [each for each in changed_settings(folder.recipe, workspace.recipe, only=parts) if each[0] not in silent]
    if not changes:
        return False
    then = ", ".join(f"{_words(name)} = {_value(before)}" for name, before, _ in changes[:4])
    now = ", ".join(_value(after) for _, _, after in changes[:4])
    more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
    st.warning(
        f"**These results belong to {plain(then)}{more}** (now {plain(now)}). → {action}", icon=":material/refresh:"
    )
    return True


def _kind(
    kinds: dict[type[AnyConfig], str],
    config: AnyConfig,
    base: AnyConfig,
    label: str,
    name: str,
    *,
    help: str | None = None,
) -> AnyConfig:
    """The strategy; another kind begins with the preset's values where the preset has it, else with its own."""
    options = list(kinds) if type(config) in kinds else [type(config), *kinds]
    chosen = st.selectbox(
        label,
        options,
        index=options.index(type(config)),
        key=f"{session.key(name)}.kind",
        format_func=lambda kind: kinds.get(kind, kind.__name__),
        help=help,
    )
    if chosen is None or chosen is type(config):
        return config
    return base if isinstance(base, chosen) else chosen()


def _keep(before: Workspace, after: Workspace) -> None:
    if after != before:
        session.keep(after)


def _words(name: str) -> str:
    return {
        "matcher.epsilon": "ε",
        "matcher.n_neighbors": "k",
        "matcher.kind": "method",
        "classifier.kind": "classifier",
        "space.kind": "space",
    }.get(name, name.replace("_", " ").replace(".", ": "))


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "–" if value in (None, "", []) else str(value)
