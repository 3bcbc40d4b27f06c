"""How well the two modalities tell the labels: figures of merit, losses, calibration, confusion, map of scores."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages._shared import charts, results
from pages._shared.text import number, plain
from psmatch_core.folder import RunFolder
from psmatch_core.propensity import PropensityModel

Color = Literal["label", "modality", "loss", "confidence"]
COLORS: dict[Color, str] = {
    "label": "label",
    "modality": "modality",
    "loss": "loss of the cell",
    "confidence": "confidence",
}
ALL = ""


def propensity_view(folder: RunFolder) -> None:
    """Everything about the two trained models."""
    models = results.models(folder)
    for column, model in zip(st.columns(2, gap="large"), models, strict=True):
        with column:
            _figures_of_merit(model)
    _notes(folder, models)
    key = folder.id
    tabs = st.tabs(["Map of scores", "Loss by epoch", "Loss by label", "Calibration", "Confusion"], key=f"tabs.{key}")
    with tabs[0]:
        _map(folder, models)
    with tabs[1]:
        _curves(models, key)
    with tabs[2]:
        from psmatch_core.plotting import label_losses

        charts.show(label_losses(*models), key=f"losses.{key}", alt="Held-out loss of each label in both modalities")
        _label_table(models)
    with tabs[3]:
        from psmatch_core.plotting import reliability

        charts.show(
            reliability(*models), key=f"reliability.{key}", alt="Stated confidence against hit rate, both modalities"
        )
    with tabs[4]:
        from psmatch_core.plotting import confusion

        which = st.segmented_control(
            "Modality",
            [0, 1],
            default=0,
            required=True,
            format_func=lambda i: plain(models[i].modality.name),
            key=f"which.{key}",
        )
        model = models[which or 0]
        charts.show(
            confusion(model), key=f"confusion.{key}.{which}", alt="Held-out cells by true label and best-scoring label"
        )


def _figures_of_merit(model: PropensityModel) -> None:
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


def _notes(folder: RunFolder, models: results.Models) -> None:
    noted = [*(results.facts(folder, "notes") or ()), *models[0].notes, *models[1].notes]
    notes = list(dict.fromkeys(str(note) for note in noted))
    if notes:
        with st.expander(f"{len(notes)} things noticed on the way"):
            for note in notes:
                st.markdown(f"- {plain(note)}")


def _map(folder: RunFolder, models: results.Models) -> None:
    from psmatch_core.plotting import score_map

    method, scores = results.score_map(folder)
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    color: Color = left.selectbox(
        "Colour by", list(COLORS), format_func=lambda each: COLORS[each], key=f"color.{folder.id}"
    )
    label = middle.selectbox(
        "Highlight",
        [ALL, *models[0].label_names],
        format_func=lambda each: each or "all labels",
        disabled=color not in ("label", "modality"),
        key=f"highlight.{folder.id}",
    )
    stacked = right.toggle("Stacked", help="One above the other instead of side by side.", key=f"stack.{folder.id}")
    highlight = label if label and color in ("label", "modality") else None
    figure = score_map(scores, *models, color=color, highlight=highlight, stacked=stacked)
    charts.show(figure, key=f"map.{folder.id}", alt="Two-dimensional map of the propensity scores of both modalities")
    if method == "umap":
        st.caption(
            "UMAP of the scores, for eyes only: nothing is matched on it, and distances between islands say little."
        )
    else:
        waiting = " UMAP replaces it when it is ready." if folder.status().is_active else ""
        st.caption(f"First two principal components of the propensity scores, for eyes only.{waiting}")


def _curves(models: results.Models, key: str) -> None:
    from psmatch_core.plotting import fitted_curves, loss_curves

    curves = fitted_curves(models)
    if not curves:
        st.caption("Ridge regression has no epochs: there is no curve to draw.")
        return
    entropies = {model.modality.name: model.label_entropy for model in models}
    charts.show(
        loss_curves(curves, entropies=entropies), key=f"curves.{key}", alt="Training and validation loss by epoch"
    )


def _label_table(models: results.Models) -> None:
    target = {row.label: row for row in models[1].per_label}
    names = [plain(model.modality.name) for model in models]
    rows = [
        {
            "label": row.label,
            "cells source": row.n_cells,
            "loss source": row.loss,
            "accuracy source": row.accuracy,
            "cells target": target[row.label].n_cells,
            "loss target": target[row.label].loss,
            "accuracy target": target[row.label].accuracy,
        }
        for row in models[0].per_label
    ]
    config = {}
    for side, name in zip(("source", "target"), names, strict=True):
        config[f"cells {side}"] = st.column_config.NumberColumn(f"{name} [cells]", format="localized")
        config[f"loss {side}"] = st.column_config.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"accuracy {side}"] = st.column_config.NumberColumn(f"{name} accuracy", format="percent")
    st.dataframe(rows, hide_index=True, column_config=config)
