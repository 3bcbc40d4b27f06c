"""The settings of the translation: the translator and its options."""

from __future__ import annotations

from dataclasses import replace

from pages.shell import session
from pages.shell.forms import config_form, strategy_box
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

TRANSLATORS: dict[type[Translator], str] = {
    BarycentricTranslator: "Weighted mean of a cell's matches (no training)",
    SamplingTranslator: "One matched cell, drawn by weight (no training)",
    RidgeTranslator: "Ridge regression (linear, trained)",
    NeighborTranslator: "k nearest matched cells (trained)",
    BarycentricNetworkTranslator: "Neural network on the weighted means of matches (trained)",
    SampledNetworkTranslator: "Neural network on sampled pairs (trained)",
    TwoSampleNetworkTranslator: "Neural network with the unbiased two-sample loss (trained; for many cells)",
}
HELP = (
    "How the features of the other modality are predicted, in both directions. A trained translator also predicts "
    "cells that are measured later."
)


def translator_settings() -> None:
    """The form; changes are saved in the workspace."""
    workspace, base = session.workspace(), session.workspace().base.translator
    translator = strategy_box(TRANSLATORS, workspace.translator, base, label="Translator", name="translator", help=HELP)
    translator = config_form(translator, base, name="translator")
    session.set_workspace(replace(workspace, translator=translator))
