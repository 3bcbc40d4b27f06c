"""The settings of the propensity scores: preset, space, classifier, scoring, seed and device."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import session
from pages.shell.forms import config_form, strategy_box
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import Classifier
from psmatch_core.classification.scored_modality import Space
from psmatch_core.pipeline.recipe import PRESETS, Recipe


def propensity_settings() -> None:
    """The form; changes are saved in the workspace."""
    workspace = session.workspace()
    names = list(PRESETS)
    preset = st.selectbox(
        "Preset",
        names,
        index=names.index(workspace.preset),
        key=session.widget_key("preset"),
        format_func=lambda name: f"{name}: {PRESETS[name]}",
        help="Sets space, classifier and matching method together.",
    )
    if preset and preset != workspace.preset:
        for name in ("space", "classifier", "matcher", "linking"):
            session.reset_widgets(name)
        session.set_workspace(workspace.with_preset(preset))
        st.rerun()
    base, space = workspace.base, workspace.space
    space = strategy_box(Space.menu(), space, base.space, label="Space in which cells are matched", name="space")
    classifier, scoring = workspace.classifier, workspace.scoring
    if isinstance(space, JointVAE):
        space = config_form(space, base.space, name="space", more="Networks of the VAE")
        st.caption("One network learns both modalities together, so the classifier's settings do not apply.")
    else:
        classifier = strategy_box(Classifier.menu(), classifier, base.classifier, label="Classifier", name="classifier")
        classifier = config_form(classifier, base.classifier, name="classifier")
        scoring = config_form(scoring, base.scoring, name="scoring", more="Which scores are used for matching")
    seed = st.number_input(
        "Seed",
        min_value=0,
        value=workspace.seed,
        step=1,
        key=session.widget_key("seed"),
        help="All random numbers derive from it: the same seed gives the same result.",
        width=200,
    )
    declared = Recipe.options()["device"]
    with st.expander("Where networks train"):
        device = st.selectbox(
            "Device",
            declared.choices,
            index=declared.choices.index(workspace.device),
            key=session.widget_key("device"),
            help=declared.help,
            width=200,
        )
    chosen = replace(workspace, space=space, classifier=classifier, scoring=scoring)
    session.set_workspace(replace(chosen, seed=int(seed), device=device or workspace.device))
