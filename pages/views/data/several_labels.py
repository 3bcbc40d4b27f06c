"""The labels of three modalities compared: which all of them have, which are left out, and why."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import streamlit as st

from pages.shell.clicks import clicked
from pages.shell.errors import show_error, show_findings
from pages.shell.places import in_own_place
from pages.shell.several import several_labels, sides_of, third_look_alikes
from pages.shell.tables import label_table
from pages.shell.text import count, plain
from pages.shell.workspace import Side, Workspace
from pages.views.data.labels import merged_labels, set_rules
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, check_pair
from psmatch_core.data.checks.pairing import PAIRING_CODE


@in_own_place
def several_label_comparison(workspace: Workspace) -> None:
    """A table of all labels, with the findings on the third beside each other modality; nothing without a third."""
    sides = sides_of(workspace)
    if workspace.third is None or len({side.name for side in sides}) < len(sides):
        return
    st.subheader("Labels of all three")
    show_findings(_together(*sides))
    _merge_look_alikes(workspace, sides[-1])
    try:
        labels = several_labels(workspace)
    except PsmatchError as error:
        show_error(error)
        return
    if labels is None:
        return
    st.markdown(
        f"**{count(len(labels.shared), 'label')} of {len(labels.shared) + len(labels.reasons):,} are in all three.** "
        "A matching of all three leaves the others out, and lists their cells in its files."
    )
    titles = {f"n_{side.name}": st.column_config.NumberColumn(side.name, format="localized") for side in sides}
    reason = st.column_config.TextColumn("Why it is left out", width="large")
    label_table(
        labels.table.sort_values(["matched", "label"]).drop(columns="matched"),
        {**titles, "reason": reason},
        key="several.labels",
    )


@in_own_place
def _merge_look_alikes(workspace: Workspace, third: Side) -> None:
    """A button that gives labels of the third the first one's spelling, as the other two have one."""
    alike = third_look_alikes(workspace)
    column = workspace.target.label_column if workspace.target is not None else None
    if alike and column is not None:
        examples = ", ".join(f"{plain(new, 30)} → {plain(old, 30)}" for new, old in list(alike.items())[:3])
        text = f"Merge {count(len(alike), 'similar label')} of {plain(third.name, 30)}"
        if clicked(text, help=examples, key="labels.third.merge", icon=":material/merge:"):
            set_rules(workspace.labels.with_renaming("target", alike, {**column.counts, **_counts(third)}))
        return
    of_two = workspace.labels_of_two.rename_target
    merged_labels([pair for pair in workspace.labels.rename_target if pair not in of_two])


def _counts(side: Side) -> Mapping[str, int]:
    return side.label_column.counts if side.label_column is not None else {}


def _together(*sides: Side) -> tuple[Finding, ...]:
    """What is remarkable of the third and each other file, such as one file loaded twice."""
    found: list[Finding] = []
    for one, other in itertools.combinations(sides, 2):
        if other is sides[-1] and one.summary is not None and other.summary is not None:
            keys = {"source_label_key": one.spec.label_name, "target_label_key": other.spec.label_name}
            found += check_pair(one.summary, other.summary, **keys, pair_keys=(one.pair_key, other.pair_key))
    return tuple(each for each in dict.fromkeys(found) if each.code != PAIRING_CODE)
