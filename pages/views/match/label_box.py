"""Choose one label among those with a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.shell.verdicts import label_verdict
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.matching.coupling import Coupling


def labels_with_plan(coupling: Coupling) -> list[str]:
    """Labels with a plan, the largest first; says so on the page if there are none."""
    labels = sorted(coupling.labels, key=lambda each: -coupling.blocks[each].shape[0])
    if not labels:
        st.info("No label has a plan. The table below shows why.", icon=":material/arrow_forward:")
    return labels


def label_box(folder: RunFolder, coupling: Coupling, name: str) -> str | None:
    """A box with the labels; None if none has a plan.

    Parameters
    ----------
    name
        Start of the box's key.
    """
    labels = labels_with_plan(coupling)
    if not labels:
        return None
    key = f"{name}.label.{folder.id}"
    label = st.selectbox("Label", labels, format_func=display, key=key, persist_state="session")  # keeps over tabs
    if label is not None:
        label_verdict(folder, label)
    return label
