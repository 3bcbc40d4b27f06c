"""The losses of both modalities: by epoch during training, and by label on held-out cells."""

from __future__ import annotations

import streamlit as st

from pages.shell import cache, charts
from pages.shell.tables import label_table, percent_column
from pages.shell.text import plain
from pages.shell.verdicts import with_verdicts
from psmatch_core.classification.baselines import JointLatents
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace.run_folder import RunFolder


def losses_by_epoch_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """Training curves of the networks."""
    from psmatch_core.plotting import fitted_curves, joint_training, loss_curves

    key = f"curves.{folder.id}"
    history = {each.modality.name: each.history for each in models if isinstance(each, JointLatents)}
    if history:
        alt = "Reconstruction, KL, label loss and discriminator by epoch"
        charts.show(joint_training(history), key=key, alt=alt)
        return
    curves = fitted_curves(models)
    if not curves:
        st.caption("Ridge regression has no epochs, so there is no curve.")
        return
    entropies = {model.modality.name: model.label_entropy for model in models}
    charts.show(loss_curves(curves, entropies=entropies), key=key, alt="Training and validation loss by epoch")


def losses_by_label_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """Held-out loss of each label, as a figure and as a table."""
    from psmatch_core.plotting import label_losses

    charts.show(label_losses(*models), key=f"losses.{folder.id}", alt="Held-out loss of each label in both modalities")
    _table(folder, models)


def _table(folder: RunFolder, models: cache.ScoredModalities) -> None:
    import pandas as pd

    column = st.column_config
    by_label: dict[str, dict[str, object]] = {row.label: {"label": row.label} for row in models[0].per_label}
    config = {}
    for side, model in zip(SIDES, models, strict=True):
        for row in model.per_label:
            values = {"cells": row.n_cells, "loss": row.loss, "baseline": row.baseline, "accuracy": 100 * row.accuracy}
            by_label[row.label] |= {f"{name} {side}": value for name, value in values.items()}
        name = plain(model.modality.name)
        config[f"cells {side}"] = column.NumberColumn(f"{name} [cells]", format="localized")
        config[f"loss {side}"] = column.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"baseline {side}"] = column.NumberColumn(
            f"{name} baseline", format="%.3f", help="The loss of knowing only how frequent the label is."
        )
        config[f"accuracy {side}"] = percent_column(f"{name} accuracy")
    table = pd.DataFrame(list(by_label.values()))
    over = sum(table[f"loss {side}"] - table[f"baseline {side}"] for side in SIDES)  # the label that is learned worst
    table = table.loc[over.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)
    if cache.has_matching(folder):
        table, verdicts = with_verdicts(folder, table)
        config = verdicts | config
    label_table(table, config, key=f"losses.table.{folder.id}")
