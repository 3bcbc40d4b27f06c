"""Which labels a modality confuses: the confusion matrix, and the pairs of labels that are hardest to distinguish."""

from __future__ import annotations

import streamlit as st

from pages.shell import cache, charts
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import plain
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

MOST_PAIRS = 200


def confusion_tab(folder: RunFolder, models: cache.ScoredModalities) -> None:
    """One modality at a time."""
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
    alt = "Held-out cells by true label and predicted label"
    charts.show(confusion(model), key=f"confusion.{folder.id}.{which}", alt=alt)
    _hardest_pairs(model)


def _hardest_pairs(model: ScoredModality) -> None:
    rows = hardest_pairs(model)
    if not rows:
        return
    st.markdown("**Labels that are hardest to distinguish**")
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
                "Separation (AUC)",
                format="%.2f",
                help="Probability that a held-out cell of the first label scores higher for it than a cell of the "
                "second: 0.5 is chance, 1 is perfect.",
            ),
            "group": column.TextColumn("Group", help="Any two labels of the same group cannot be distinguished."),
        },
        placeholder=EMPTY_CELL,
    )


def hardest_pairs(model: ScoredModality) -> list[dict[str, object]]:
    """Pairs of labels by how hard they are to distinguish, the hardest first, with the group that contains both."""
    import numpy as np

    from psmatch_core.classification.label_similarity import alike_groups

    area = model.label_separability
    groups = {label: number for number, group in enumerate(alike_groups(area), 1) for label in group}
    one, other = np.triu_indices(len(area), 1)
    known = ~np.isnan(area[one, other])
    order = np.argsort(area[one, other][known], kind="stable")[:MOST_PAIRS]
    names = [display(each, 60) for each in model.label_names]
    return [
        {
            "label": names[a],
            "other": names[b],
            "auc": float(area[a, b]),
            "group": f"group {groups[a]}" if a in groups and groups[a] == groups.get(b) else "",
        }
        for a, b in zip(one[known][order].tolist(), other[known][order].tolist(), strict=True)
    ]
