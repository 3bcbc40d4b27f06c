"""How good a matching is where the truth is known, section by section; otherwise what to look at instead."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.shell.frame import say_answer
from pages.shell.navigation import page_button
from pages.shell.places import own_place
from pages.shell.tables import EMPTY_CELL
from pages.shell.text import count, plain
from pages.shell.verdicts import run_verdict
from pages.views.evaluate.by_feature import by_feature_section
from pages.views.evaluate.by_label import by_label_section
from pages.views.evaluate.summary import metric_intervals, summary_section
from psmatch_core.data.checks import display
from psmatch_core.evaluation.answers import answer_on_true_pairs
from psmatch_core.workspace import files
from psmatch_core.workspace.evaluations import load_evaluation
from psmatch_core.workspace.run_folder import RunFolder


def evaluate_view(folder: RunFolder) -> None:
    """Everything about how good a coupling is."""
    shown = load_evaluation(folder)
    if shown is None:
        with own_place():
            if not _is_being_evaluated(folder):
                say_answer(answer_on_true_pairs(None))
        run_verdict(folder)
        _no_known_pairs(folder)
        return
    has_pairs = shown.summary.n_pairs > 0
    with_intervals = metric_intervals(folder, is_held_out=shown.is_held_out) if has_pairs else None
    table, over_all = with_intervals if with_intervals else (None, None)
    interval = over_all["micro"]["foscttm"] if over_all else None
    say_answer(answer_on_true_pairs(shown.summary, interval, is_held_out=shown.is_held_out))
    run_verdict(folder)
    if has_pairs:
        summary_section(shown, over_all)
        by_label_section(folder, shown.labels, table)
        by_feature_section(folder)
    else:
        st.info(
            "**True pairs are known, but no label has enough of them for an evaluation.** → Choose a coarser label "
            "column on Data, so that more pairs share a label, then match again. The labels are listed below.",
            icon=":material/arrow_forward:",
        )
        page_button("data", "Go to Data")
    _skipped(shown.summary.skipped)


def _no_known_pairs(folder: RunFolder) -> None:
    if _is_being_evaluated(folder):
        st.info("The result is still being evaluated.", icon=":material/hourglass_top:")
        return
    pairs = files.KNOWN_PAIRS.read(folder)
    reason = plain(pairs.reason, 400) if pairs is not None else "No pair column was chosen."
    st.info(
        f"No true pairs are known. {reason} If some cells were measured in both modalities, even a few, choose their "
        "column or overrule the decision under “Known pairs” on the Data page, then match again.",
        icon=":material/arrow_forward:",
    )
    page_button("data", "Go to Data")
    st.caption(
        "Without known pairs, look at the distances below, at a left-out perturbation on Translate, at the held-out "
        "losses on Propensity, and at the effective matches on Match."
    )


def _is_being_evaluated(folder: RunFolder) -> bool:
    """Whether the run has not come to its evaluation yet."""
    return folder.status().is_active and not files.DISTRIBUTIONS.is_in(folder)


def _skipped(skipped: Mapping[str, str]) -> None:
    if not skipped:
        return
    with st.expander(f"{count(len(skipped), 'label')} not evaluated", icon=":material/warning:"):
        rows = [{"label": display(label, 60), "reason": str(reason)} for label, reason in skipped.items()]
        st.dataframe(rows, hide_index=True, placeholder=EMPTY_CELL)
