"""How well each modality distinguishes the labels: its metrics, and a tab for each kind of evidence."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.shell import cache, charts
from pages.shell.frame import say_answer
from pages.shell.places import in_own_place, own_place
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from pages.shell.verdicts import run_verdict
from pages.views.propensity.calibration import calibration_tab
from pages.views.propensity.confusion import confusion_tab
from pages.views.propensity.losses import losses_by_epoch_tab, losses_by_label_tab
from pages.views.propensity.score_map import map_tab
from psmatch_core.classification.answers import answer_on_labels
from psmatch_core.classification.baselines import JointLatents
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


def propensity_view(folder: RunFolder) -> None:
    """Everything about both trained models."""
    models = cache.scored_modalities(folder)
    is_joint = isinstance(models[0], JointLatents)
    if is_joint:
        st.info(
            "These are latents of a joint VAE, not propensity scores, and cells are matched on them. Loss, accuracy, "
            "calibration and confusion are those of its label classifier; they do not show how well the latents match.",
            icon=":material/info:",
        )
    say_answer(answer_on_labels(*models))
    with own_place():
        if cache.has_matching(folder):
            run_verdict(folder)
    for column, model in zip(st.columns(2, gap="large"), models, strict=True):
        with column:
            _metrics(model)
            if isinstance(model, JointLatents):
                _latent_metrics(model)
    _notes(folder, models)
    views = {
        "Map of latents" if is_joint else "Map of scores": map_tab,
        "Loss by epoch": losses_by_epoch_tab,
        "Loss by label": losses_by_label_tab,
        "Calibration": calibration_tab,
        "Confusion": confusion_tab,
    }
    tabs({title: partial(view, folder, models) for title, view in views.items()}, key=f"tabs.{folder.id}")


def _metrics(model: ScoredModality) -> None:
    st.subheader(plain(model.modality.name))
    largest = max(row.n_cells for row in model.per_label) / model.modality.n_cells
    charts.metrics(
        [
            (
                "Loss [nats]",
                number(model.validation_loss),
                f"entropy {number(model.label_entropy)}",
                "How badly the classifier predicts the labels of held-out cells (cross-entropy per cell, after "
                "calibration). The label entropy is the loss of knowing only how frequent each label is: a loss above "
                "it means that nothing was learned.",
            ),
            (
                "Accuracy",
                f"{model.accuracy:.0%}",
                f"balanced {model.balanced_accuracy:.0%}",
                f"Share of held-out cells whose own label has the highest score. Always choosing the largest label "
                f"gives {largest:.0%}. Balanced: each label has the same weight.",
            ),
            (
                "Calibration",
                f"{model.reliability.expected_error:.1%}",
                f"temperature {number(model.temperature, 2)}",
                "How far stated confidence is from the actual hit rate (expected calibration error, ECE), after the "
                "scores were divided by the temperature. A temperature above 1 means that the classifier was "
                "overconfident.",
            ),
        ],
        gap="xsmall",
    )


def _latent_metrics(model: JointLatents) -> None:
    charts.metrics(
        [
            (
                "Reconstruction",
                number(model.reconstruction),
                "",
                "Mean squared error per feature of held-out cells. For z-scored features, predicting the mean gives 1.",
            ),
            ("KL [nats]", number(model.kl, 2), "", "How far the posteriors of held-out cells are from the prior."),
            (
                "Discriminator",
                f"{model.discriminator_accuracy:.0%}",
                "chance 50%",
                "Share of held-out cells whose modality the discriminator recognises, mean of five epochs. Near 50% "
                "the modalities share the space; far above or below it they lie apart.",
            ),
        ],
        gap="xsmall",
    )


@in_own_place
def _notes(folder: RunFolder, models: cache.ScoredModalities) -> None:
    notes = [*(files.NOTES.read(folder) or ()), *models[0].notes, *models[1].notes]
    notes = list(dict.fromkeys(str(note) for note in notes))
    if notes:
        with st.expander(f"{count(len(notes), 'note')} from the computation"):
            for note in notes:
                st.markdown(f"- {plain(note)}")
