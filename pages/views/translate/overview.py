"""What a run predicts of each modality: the direction, and a tab for each way to look at it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell import accuracy, cache, distributions
from pages.shell.frame import say_answer
from pages.shell.tabs import tabs
from pages.shell.text import count, plain
from pages.shell.verdicts import run_verdict
from pages.views.translate.feature_map import feature_map_tab
from pages.views.translate.feature_pairs import feature_pairs_tab
from pages.views.translate.features import all_features_tab, one_feature_tab
from pages.views.translate.leave_out import leave_out_tab
from pages.views.translate.predictions import trained_translator
from psmatch_core.data.sides import SIDES
from psmatch_core.evaluation.gain import HARMS
from psmatch_core.evaluation.within_labels import PROBE, FeatureAccuracy
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

SIDES_OF = {"target_to_source": ("source", "target"), "source_to_target": ("target", "source")}  # cells, features


def translate_view(folder: RunFolder) -> None:
    """Everything about the translation of a run."""
    inputs = files.INPUTS.read(folder)
    if inputs is None or not cache.has_exports(folder):
        st.info("The translation is still being computed.", icon=":material/hourglass_top:")
        return
    names = {side: plain(inputs[side].name) for side in SIDES}
    direction = (
        st.segmented_control(
            "Direction",
            list(SIDES_OF),
            default="target_to_source",
            required=True,
            format_func=lambda each: f"{names[SIDES_OF[each][1]]} features of {names[SIDES_OF[each][0]]} cells",
            key=f"direction.{folder.id}",
        )
        or "target_to_source"
    )
    say_answer(_answer(folder, direction, inputs))
    run_verdict(folder)
    fitted = trained_translator(folder, direction)
    views = {
        "One feature": partial(one_feature_tab, folder, direction),
        "Map": partial(feature_map_tab, folder),
        "All features": partial(all_features_tab, folder, fitted, direction),
        "Leave a perturbation out": partial(leave_out_tab, folder),
        "Distributions": partial(_distributions, folder),
        "Feature pairs": partial(feature_pairs_tab, folder),
    }
    tabs(views, key=f"translate.tabs.{folder.id}")


def _answer(folder: RunFolder, direction: str, inputs: files.Inputs) -> str:
    """For how many features the matching says more of a cell than its label does."""
    at, of = (inputs[side].name for side in SIDES_OF[direction])
    known = next((each for each in accuracy.accuracy_of(folder, direction) if each.translator != PROBE), None)
    if known is None:
        return (
            f"The {of} features of a cell of {at} are predicted from its matches; how well cannot be measured for "
            "single cells, because no true pairs are known."
        )
    return answer_of(known)


def answer_of(known: FeatureAccuracy) -> str:
    """The gain in single features; and where all of them together are predicted worse, that as well."""
    gained, features = len(known.gained), count(len(known.features), f"{known.of} feature")
    which = f"all {features}" if gained == len(known.features) else f"{gained:,} of {features}"
    worse = " All features together are predicted worse than by that mean." if known.gain.kind == HARMS else ""
    if not gained:
        none = f"For none of the {features}, the matching predicts more of a cell than the mean of its label does."
        return f"{none}{worse}"
    return (
        f"For {which}, the matching predicts differences between cells of one label, which the label's mean cannot, "
        f"on cells that both classifiers were trained on.{worse}"
    )


def _distributions(folder: RunFolder) -> None:
    """Distances between translated and observed cells, or where to look if true pairs are known."""
    if files.DISTRIBUTIONS.is_in(folder):
        distributions.translated_and_observed(folder)
        return
    st.info(
        "Distributions of cells are compared only if no true pairs are known. For this run they are known and tell you "
        "more: see “All features” and Evaluate. For a left-out perturbation, see “Leave a perturbation out”.",
        icon=":material/arrow_forward:",
    )
