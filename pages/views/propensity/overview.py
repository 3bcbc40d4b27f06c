"""How well the two modalities tell the labels: figures of merit, losses, calibration, confusion, map of scores.

The latents of a joint VAE have a label head, so the same is shown of them; what it does not say is said.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.shell import cache, cell_values, charts
from pages.shell.name_search import find
from pages.shell.tables import label_table
from pages.shell.tabs import tabs
from pages.shell.text import number, plain
from psmatch_core.classification.baselines import JointLatents
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exploration.maps import ScoreMap
    from psmatch_core.plotting import CellColumn

Color = Literal["label", "family", "modality", "loss", "confidence"]
KNOWN: tuple[Color, ...] = ("label", "family", "modality", "loss", "confidence")
OF_CELLS = ("column", "feature")
COLORS: dict[str, str] = {
    "label": "label",
    "family": "families of labels",
    "panels": "label, a panel each",
    "modality": "modality",
    "loss": "loss of the cell",
    "confidence": "confidence",
    "column": "a column of the cells …",
    "feature": "a feature …",
}
ALL = ""
HUES = 8  # labels that eyes tell apart by colour
HIGHLIGHTED = ("label", "family", "modality")
PANELS, MOST_PANELS = 9, 12  # labels that have a panel at first, and at most


def propensity_view(folder: RunFolder) -> None:
    """Everything about the two trained models."""
    models = cache.models(folder)
    is_joint = isinstance(models[0], JointLatents)
    if is_joint:
        st.info(
            "These are latents of a joint VAE, not propensity scores, and cells are matched on them. Loss, accuracy, "
            "calibration and confusion are those of its label head, and do not say how well the latents match.",
            icon=":material/info:",
        )
    for column, model in zip(st.columns(2, gap="large"), models, strict=True):
        with column:
            _figures_of_merit(model)
            if isinstance(model, JointLatents):
                _figures_of_latents(model)
    _notes(folder, models)
    views = {
        "Map of latents" if is_joint else "Map of scores": _map,
        "Loss by epoch": _curves,
        "Loss by label": _losses,
        "Calibration": _calibration,
        "Confusion": _confusion,
    }
    tabs({title: partial(view, folder, models) for title, view in views.items()}, key=f"tabs.{folder.id}")


def _losses(folder: RunFolder, models: cache.Models) -> None:
    from psmatch_core.plotting import label_losses

    alt = "Held-out loss of each label in both modalities"
    charts.show(label_losses(*models), key=f"losses.{folder.id}", alt=alt)
    _label_table(folder, models)


def _calibration(folder: RunFolder, models: cache.Models) -> None:
    from psmatch_core.plotting import reliability

    alt = "Stated confidence against hit rate, both modalities"
    charts.show(reliability(*models), key=f"reliability.{folder.id}", alt=alt)


def _confusion(folder: RunFolder, models: cache.Models) -> None:
    from psmatch_core.plotting import confusion

    which = st.segmented_control(
        "Modality",
        [0, 1],
        default=0,
        required=True,
        format_func=lambda i: plain(models[i].modality.name),
        key=f"which.{folder.id}",
    )
    model = models[which or 0]
    alt = "Held-out cells by true label and best-scoring label"
    charts.show(confusion(model), key=f"confusion.{folder.id}.{which}", alt=alt)
    _alike(model)


def _figures_of_merit(model: ScoredModality) -> None:
    st.subheader(plain(model.modality.name))
    largest = max(row.n_cells for row in model.per_label) / model.modality.n_cells
    charts.metrics(
        [
            (
                "Loss [nats]",
                number(model.validation_loss),
                f"entropy {number(model.label_entropy)}",
                "Cross-entropy of cells the classifier did not see, nats a cell, after calibration. Label entropy is "
                "what one reaches who knows only how frequent the labels are: a loss above it has learned nothing.",
            ),
            (
                "Accuracy",
                f"{model.accuracy:.0%}",
                f"balanced {model.balanced_accuracy:.0%}",
                f"Share of held-out cells whose label scores highest; always saying the largest label reaches "
                f"{largest:.0%}. Balanced: every label counts once.",
            ),
            (
                "Calibration",
                f"{model.reliability.expected_error:.1%}",
                f"temperature {number(model.temperature, 2)}",
                "Calibration error (ECE): how far stated confidence is from the hit rate, after the scores were "
                "divided by the temperature; above 1 the classifier was over-confident.",
            ),
        ],
        gap="xsmall",
    )


def _alike(model: ScoredModality) -> None:
    """The pairs of labels that are told apart worst, for sorting and filtering."""
    rows = cell_values.worst_told(model)
    if not rows:
        return
    st.markdown("**Labels that are told apart worst**")
    column = st.column_config
    st.dataframe(
        rows,
        hide_index=True,
        key=f"alike.{model.modality.name}",
        height=38 + 35 * min(len(rows), 7),
        column_config={
            "label": column.TextColumn("Label"),
            "other": column.TextColumn("and"),
            "auc": column.NumberColumn(
                "Told apart (AUC)",
                format="%.2f",
                help="Chance that a held-out cell of the one looks more like it than a cell of the other does: 0.5 is "
                "a coin, 1 perfect.",
            ),
            "group": column.TextColumn("Group", help="Labels of one group cannot be told apart, any two of them."),
        },
    )


def _figures_of_latents(model: JointLatents) -> None:
    charts.metrics(
        [
            (
                "Reconstruction",
                number(model.reconstruction),
                "",
                "Squared error a feature of held-out cells; of z-scored features, 1 is what their mean would reach.",
            ),
            ("KL [nats]", number(model.kl, 2), "", "How far the posteriors of held-out cells are from the prior."),
            (
                "Discriminator",
                f"{model.discriminator_accuracy:.0%}",
                "chance 50%",
                "Share of held-out cells whose modality the discriminator names, mean of five epochs. Near one half "
                "the modalities share the space; far from it, on either side, they lie apart.",
            ),
        ],
        gap="xsmall",
    )


def _notes(folder: RunFolder, models: cache.Models) -> None:
    noted = [*(cache.facts(folder, "notes") or ()), *models[0].notes, *models[1].notes]
    notes = list(dict.fromkeys(str(note) for note in noted))
    if notes:
        with st.expander(f"{len(notes)} things noticed on the way"):
            for note in notes:
                st.markdown(f"- {plain(note)}")


def _map(folder: RunFolder, models: cache.Models) -> None:
    from psmatch_core.plotting import score_map_figure

    method, scores = cache.score_map(folder)
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    first = "family" if len(models[0].label_names) > HUES else "label"
    color = left.selectbox(
        "Colour by",
        list(COLORS),
        index=list(COLORS).index(first),
        format_func=lambda each: COLORS[each],
        key=f"color.{folder.id}",
    )
    label = middle.selectbox(
        "Highlight",
        [ALL, *models[0].label_names],
        format_func=lambda each: display(each, 60) or "all labels",
        disabled=color not in HIGHLIGHTED,
        key=f"highlight.{folder.id}",
    )
    stacked = right.toggle("Stacked", help="One above the other instead of side by side.", key=f"stack.{folder.id}")
    if color == "panels":
        _panels(folder, models, scores)
        return
    column = _chosen_column(folder, color) if color in OF_CELLS else None
    highlight = label if label and color in HIGHLIGHTED else None
    known: Color = next((each for each in KNOWN if each == color), "label")
    figure = score_map_figure(scores, *models, color=known, highlight=highlight, stacked=stacked, column=column)
    charts.show(
        figure, key=f"map.{folder.id}", alt=f"Two-dimensional map of the {models[0].space_name} of both modalities"
    )
    if known == "family" and highlight is None:
        st.caption("A family is a group of labels whose cells lie together, named by its two largest; for eyes only.")
    if column is not None and len(column.sides) == 1:
        st.caption("Grey: this modality has no such value.")
    if method == "umap":
        st.caption(
            f"UMAP of the {models[0].space_name}, for eyes only: nothing is matched on it, and distances between "
            "islands say little."
        )
    else:
        waiting = " UMAP replaces it when it is ready." if folder.status().is_active else ""
        st.caption(f"First two principal components of the {models[0].space_name}, for eyes only.{waiting}")


def _panels(folder: RunFolder, models: cache.Models, scores: ScoreMap) -> None:
    """A small map a label, of the labels that the visitor chooses."""
    from psmatch_core.plotting import label_panels

    chosen = st.multiselect(
        "Labels",
        models[0].label_names,
        default=cache.largest_labels(models)[:PANELS],
        max_selections=MOST_PANELS,
        format_func=lambda each: display(each, 60),
        key=f"panels.{folder.id}",
        help="The largest come first. Type to find others.",
    )
    if not chosen:
        st.info("Choose the labels to see, one panel each.", icon=":material/arrow_forward:")
        return
    charts.show(
        label_panels(scores, *models, chosen),
        key=f"panels.map.{folder.id}",
        alt=f"A map for each of {len(chosen)} labels: where its cells of both modalities lie",
    )


def _chosen_column(folder: RunFolder, kind: str) -> CellColumn | None:
    """The column or feature that the visitor looks for; None where there is none yet."""
    names = cell_values.columns_of(folder) if kind == "column" else cell_values.features_of(folder)
    if not names:
        st.info(
            "The files have no other columns of cells, or this run was made before they were kept: run it again.",
            icon=":material/arrow_forward:",
        )
        return None
    name = find(names, what=kind, key=f"map.{kind}.{folder.id}")
    if name is None:
        return None
    return cell_values.column(folder, name) if kind == "column" else cell_values.feature(folder, name)


def _curves(folder: RunFolder, models: cache.Models) -> None:
    key = folder.id
    from psmatch_core.plotting import fitted_curves, joint_training, loss_curves

    history = {each.modality.name: each.history for each in models if isinstance(each, JointLatents)}
    if history:
        figure = joint_training(history)
        charts.show(figure, key=f"curves.{key}", alt="Reconstruction, KL, label loss and discriminator by epoch")
        return
    curves = fitted_curves(models)
    if not curves:
        st.caption("Ridge regression has no epochs: there is no curve to draw.")
        return
    entropies = {model.modality.name: model.label_entropy for model in models}
    charts.show(
        loss_curves(curves, entropies=entropies), key=f"curves.{key}", alt="Training and validation loss by epoch"
    )


def _label_table(folder: RunFolder, models: cache.Models) -> None:
    import pandas as pd

    target = {row.label: row for row in models[1].per_label}
    rows = [
        {
            "label": row.label,
            "cells source": row.n_cells,
            "loss source": row.loss,
            "baseline source": row.baseline,
            "accuracy source": row.accuracy,
            "cells target": target[row.label].n_cells,
            "loss target": target[row.label].loss,
            "baseline target": target[row.label].baseline,
            "accuracy target": target[row.label].accuracy,
        }
        for row in models[0].per_label
    ]
    config = {}
    for side, model in zip(("source", "target"), models, strict=True):
        name = plain(model.modality.name)
        config[f"cells {side}"] = st.column_config.NumberColumn(f"{name} [cells]", format="localized")
        config[f"loss {side}"] = st.column_config.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"baseline {side}"] = st.column_config.NumberColumn(
            f"{name} baseline", format="%.3f", help="The loss of knowing only how frequent the label is."
        )
        config[f"accuracy {side}"] = st.column_config.NumberColumn(f"{name} accuracy", format="percent")
    label_table(pd.DataFrame(rows), config, key=f"told.{folder.id}")
