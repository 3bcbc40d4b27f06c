"""Compare the labels of both modalities, and decide about those that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pages.shell import charts, session
from pages.shell.clicks import clicked
from pages.shell.errors import show_error, show_findings
from pages.shell.places import in_own_place, own_place
from pages.shell.text import count, plain
from pages.shell.workspace import START_RULES, Workspace
from pages.views.data.file_findings import label_findings
from pages.views.data.finer_labels import finer_label_buttons, shared_batches_button
from pages.views.data.label_editor import EDITOR, label_editor
from pages.views.data.label_suggestions import suggestion_buttons
from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.data.checks import Finding, Severity, check_pair, display
from psmatch_core.data.checks.pairing import PAIRING_CODE
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.shared_labels import LabelReport, suggested_map
from psmatch_core.data.labels.suggestions import SUGGESTION_CODE

SHOWN_BELOW = ("PM-L11", SUGGESTION_CODE)  # each with its button instead
EARLIER_RULES = "labels.earlier"
MOST_STEPS = 50


@in_own_place
def label_comparison(workspace: Workspace, *, with_figure: bool) -> None:
    """Show how the labels compare under the current rules, and let the visitor change the rules."""
    report = workspace.report
    if report is None:
        return
    st.subheader("Labels of both modalities")
    show_findings(pair_findings(workspace))
    if workspace.source is not None and workspace.target is not None:
        finer_label_buttons(workspace.source, workspace.target)
        shared_batches_button(workspace.source, workspace.target)
    show_findings(_shown_findings(report))
    suggestion_buttons(workspace, report, set_rules)
    charts.metrics(
        [
            ("Shared labels", f"{len(report.shared):,}", "", ""),
            ("Only in source", f"{len(report.only_source):,}", "", ""),
            ("Only in target", f"{len(report.only_target):,}", "", ""),
            ("Too small", f"{len(report.too_small):,}", "", "Shared labels with fewer cells than the minimum below."),
        ]
    )
    _decisions(workspace, report)
    label_editor(workspace, report, set_rules)
    if with_figure:
        _figure(workspace, report)


def pair_findings(workspace: Workspace) -> tuple[Finding, ...]:
    """What is remarkable of both files together, such as one file loaded twice; none before both are inspected."""
    source, target = workspace.source, workspace.target
    if source is None or target is None or source.summary is None or target.summary is None:
        return ()
    found = check_pair(
        source.summary,
        target.summary,
        source_label_key=source.spec.label_name,
        target_label_key=target.spec.label_name,
        pair_keys=(source.pair_key, target.pair_key),
    )
    return tuple(finding for finding in found if finding.code != PAIRING_CODE)  # shown with its control in step 4


def n_label_notes(workspace: Workspace) -> int:
    """How many remarks the step of labels makes, with what it suggests."""
    report = workspace.report
    if report is None:
        return 0
    of_files = sum(len(label_findings(side)) for side in (workspace.source, workspace.target) if side is not None)
    return of_files + len(pair_findings(workspace)) + len(_shown_findings(report)) + len(report.suggestions)


def _shown_findings(report: LabelReport) -> list[Finding]:
    return [f for f in report.findings if f.code not in SHOWN_BELOW or f.severity is Severity.REJECT]


def _decisions(workspace: Workspace, report: LabelReport) -> None:
    rules = workspace.labels
    with own_place():
        _similar_labels(workspace, report)
        _labels_of_one_modality(rules, report)
    _sizes(rules)
    _keep_only(rules, report)
    with st.container(horizontal=True):
        if _history() and clicked("Undo the last change", key="labels.back", icon=":material/undo:"):
            _step_back()
        if _has_decisions(rules, report) and clicked(
            "Reset label decisions", key="labels.undo", icon=":material/restart_alt:"
        ):
            set_rules(START_RULES)


def _similar_labels(workspace: Workspace, report: LabelReport) -> None:
    rules = workspace.labels
    suggested = suggested_map(report)
    if suggested:
        examples = ", ".join(f"{plain(new, 30)} → {plain(old, 30)}" for new, old in list(suggested.items())[:3])
        text = f"Merge {count(len(suggested), 'similar label')}"
        if clicked(text, help=examples, key="labels.merge", icon=":material/merge:"):
            column = workspace.target.label_column if workspace.target is not None else None
            set_rules(rules.with_renaming("target", suggested, column.counts if column is not None else ()))
    else:
        merged_labels((*workspace.labels_of_two.rename_source, *workspace.labels_of_two.rename_target))


def _labels_of_one_modality(rules: LabelRules, report: LabelReport) -> None:
    one_sided = (*report.only_source, *report.only_target)
    if one_sided:
        cells = sum(report.source_counts.get(each, 0) + report.target_counts.get(each, 0) for each in one_sided)
        names = some((plain(each, 30) for each in one_sided), 6)
        what = f"{count(len(one_sided), 'label')} in only one modality ({count(cells, 'cell')}): {names}"
        if rules.unshared == "refuse":
            st.warning(
                f"**{what}.** → Leave them out, or choose label columns that contain them in both files.",
                icon=":material/warning:",
            )
            if clicked("Leave out labels of one modality", key="labels.leave_out", icon=":material/content_cut:"):
                set_rules(replace(rules, unshared="leave out"))
        else:
            st.caption(f"✓ Left out, with their cells listed in the export: {what}.")


@in_own_place
def merged_labels(renamed: Sequence[tuple[str, str]]) -> None:
    """Which labels have another name under the rules; nothing if none."""
    if renamed:
        st.caption(f"✓ Merged: {some(f'{plain(old, 30)} as {plain(new, 30)}' for old, new in renamed)}")


@in_own_place
def _sizes(rules: LabelRules) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minimum = st.number_input(
            "Minimum cells per label and modality",
            min_value=1,
            value=rules.minimum_cells,
            step=1,
            key=session.widget_key("labels.minimum"),
            help="Smaller labels are left out. 1 keeps all, but no loss can be measured for a label of one cell.",
            width=300,
        )
        maximum = st.number_input(
            "Maximum cells per label and modality",
            min_value=0,
            value=rules.maximum_cells,
            step=1,
            key=session.widget_key("labels.maximum"),
            help="Of larger labels so many cells are drawn, by the seed of the run; the others are listed in the "
            "export. 0 keeps all cells.",
            width=300,
        )
    if (minimum, maximum) != (rules.minimum_cells, rules.maximum_cells):
        try:
            changed = replace(rules, minimum_cells=minimum, maximum_cells=maximum)
        except PsmatchError as error:
            show_error(error)
        else:
            set_rules(changed, keeps_widgets=True)


def _keep_only(rules: LabelRules, report: LabelReport) -> None:
    """The labels to keep, if not all; by their names after renaming."""
    names = {**report.source_counts, **report.target_counts}
    names |= {label: max(cells) for label, *cells in report.left_out}
    names |= dict.fromkeys(rules.keep_only, 0) | names
    said = f": {count(len(rules.keep_only), 'label')}" if rules.keep_only else ": all"
    with st.expander(f"Labels to keep{said}", icon=":material/filter_alt:"):
        chosen = st.multiselect(
            "Keep only these labels",
            sorted(names),
            default=sorted(rules.keep_only),
            format_func=display,
            placeholder="All labels are kept",
            key=session.widget_key("labels.keep_only"),
            help="Cells of all other labels are left out in both modalities, and listed in the export. Without any "
            "label here, all are kept.",
        )
    if set(chosen) != set(rules.keep_only):
        set_rules(replace(rules, keep_only=tuple(sorted(chosen))), keeps_widgets=True)


def _has_decisions(rules: LabelRules, report: LabelReport) -> bool:
    is_cut = rules.unshared != START_RULES.unshared and bool(report.only_source or report.only_target)
    return is_cut or replace(rules, unshared=START_RULES.unshared) != START_RULES


def set_rules(rules: LabelRules, *, keeps_widgets: bool = False) -> None:
    """Use other rules for the labels, and remember those before for “Undo the last change”."""
    workspace = session.workspace()
    session.put(EARLIER_RULES, (_content(workspace), (*_history(), workspace.labels)[-MOST_STEPS:]))
    _use_rules(rules, keeps_widgets=keeps_widgets)


def _step_back() -> None:
    *earlier, last = _history()
    session.put(EARLIER_RULES, (_content(session.workspace()), tuple(earlier)))
    _use_rules(last)


def _use_rules(rules: LabelRules, *, keeps_widgets: bool = False) -> None:
    if not keeps_widgets:  # whose values would otherwise change the rules back
        session.reset_widgets("labels.minimum")
        session.reset_widgets("labels.maximum")
        session.reset_widgets("labels.keep_only")
        session.reset_widgets(EDITOR)
    session.set_workspace(session.workspace().with_labels(rules))
    st.rerun()


def _history() -> tuple[LabelRules, ...]:
    """The rules before each change of these data."""
    content, rules = session.get(EARLIER_RULES) or (None, ())
    return tuple(rules) if content == _content(session.workspace()) else ()


def _content(workspace: Workspace) -> tuple[object, ...]:
    return tuple(side.content if side else None for side in (workspace.source, workspace.target))


def _figure(workspace: Workspace, report: LabelReport) -> None:
    from psmatch_core.plotting import label_counts

    if workspace.source is None or workspace.target is None:
        return
    names = workspace.source.name, workspace.target.name
    figure = label_counts(report.source_counts, report.target_counts, source_name=names[0], target_name=names[1])
    charts.show(figure, key="labels.figure", alt="Cells per label, source to the left, target to the right")
