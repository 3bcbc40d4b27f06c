"""The labels of both sides brought together: what is shared, what is not, and one button for each remedy."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.shell import charts, session
from pages.shell.errors import show_findings
from pages.shell.text import count, plain
from pages.shell.workspace import START_RULES, Workspace
from psmatch_core.data.checks import Severity, check_pair
from psmatch_core.data.shared_labels import LabelReport, suggested_map
from psmatch_core.pipeline.recipe import LabelRules

ONE_SIDED = "PM-L11"  # said here with its button instead


def label_panel(workspace: Workspace) -> None:
    """Show how the labels compare under the rules so far, and let the visitor decide."""
    report = workspace.report
    if report is None:
        return
    st.subheader("Labels of both sides")
    _pair_findings(workspace)
    shown = [f for f in report.findings if f.code != ONE_SIDED or f.severity is Severity.REJECT]
    show_findings(shown)
    charts.metrics(
        [
            ("Shared labels", f"{len(report.shared):,}", "", ""),
            ("Only in source", f"{len(report.only_source):,}", "", ""),
            ("Only in target", f"{len(report.only_target):,}", "", ""),
            ("Too small", f"{len(report.too_small):,}", "", "Shared labels with fewer cells than the minimum below."),
        ]
    )
    _remedies(workspace, report)
    _figure(workspace, report)


def _pair_findings(workspace: Workspace) -> None:
    if workspace.source is None or workspace.target is None:
        return
    if workspace.source.summary is None or workspace.target.summary is None:
        return
    source, target = workspace.source, workspace.target
    findings = check_pair(
        workspace.source.summary,
        workspace.target.summary,
        source_label_key=source.label_key,
        target_label_key=target.label_key,
    )
    show_findings(findings)


def _remedies(workspace: Workspace, report: LabelReport) -> None:
    rules = workspace.labels
    suggested = suggested_map(report)
    if suggested:
        examples = ", ".join(f"{plain(new, 30)} → {plain(old, 30)}" for new, old in list(suggested.items())[:3])
        if st.button(f"Treat {count(len(suggested), 'look-alike')} as one", help=examples, icon=":material/merge:"):
            _decide(replace(rules, rename_target=(*rules.rename_target, *suggested.items())))
    elif rules.rename_target or rules.rename_source:
        renamed = (*rules.rename_source, *rules.rename_target)
        examples = ", ".join(f"{plain(old, 30)} as {plain(new, 30)}" for old, new in renamed[:5])
        st.caption(f"✓ Treated as one: {examples}{' …' if len(renamed) > 5 else ''}")
    one_sided = (*report.only_source, *report.only_target)
    if one_sided:
        cells = sum(report.source_counts.get(each, 0) + report.target_counts.get(each, 0) for each in one_sided)
        names = ", ".join(plain(each, 30) for each in one_sided[:6]) + (" …" if len(one_sided) > 6 else "")
        what = f"{count(len(one_sided), 'label')} of one side only ({count(cells, 'cell')}): {names}"
        if rules.unshared == "refuse":
            st.warning(
                f"**{what}.** → Leave them out, or choose columns that hold them on both sides.",
                icon=":material/warning:",
            )
            if st.button("Leave out labels that only one side has", icon=":material/content_cut:"):
                _decide(replace(rules, unshared="leave out"))
        else:
            st.caption(f"✓ Left out, and listed cell by cell in the export: {what}.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        minimum = st.number_input(
            "Leave out labels with fewer cells than this on a side",
            min_value=1,
            value=rules.minimum_cells,
            step=1,
            key=session.key("labels.minimum"),
            help="1 keeps all; a label of one cell is matched, but no loss can be measured on it.",
            width=380,
        )
        if _has_decided(rules, report) and st.button("Undo all decisions about labels", icon=":material/undo:"):
            session.renew("labels.minimum")
            _decide(START_RULES)
    if minimum != rules.minimum_cells:
        _decide(replace(rules, minimum_cells=minimum))


def _has_decided(rules: LabelRules, report: LabelReport) -> bool:
    is_cut = rules.unshared != START_RULES.unshared and bool(report.only_source or report.only_target)
    return is_cut or bool(rules.rename_source or rules.rename_target) or rules.minimum_cells > 1


def _decide(rules: LabelRules) -> None:
    session.keep(session.workspace().with_labels(rules))
    st.rerun()


def _figure(workspace: Workspace, report: LabelReport) -> None:
    from psmatch_core.plotting import label_counts

    if workspace.source is None or workspace.target is None:
        return
    figure = label_counts(
        report.source_counts,
        report.target_counts,
        source_name=workspace.source.name,
        target_name=workspace.target.name,
    )
    charts.show(figure, key="labels.figure", alt="Cells of each label, source to the left, target to the right")
    with st.expander("The same as a table"):
        labels = sorted({**report.source_counts, **report.target_counts})
        status = dict.fromkeys(report.shared, "shared") | {label: "too few cells" for label, _, _ in report.too_small}
        rows = [
            {
                "label": label,
                "source": report.source_counts.get(label, 0),
                "target": report.target_counts.get(label, 0),
                "status": status.get(label, "one side only"),
            }
            for label in labels
        ]
        st.dataframe(
            rows,
            hide_index=True,
            column_config={
                "source": st.column_config.NumberColumn(f"{workspace.source.name} [cells]", format="localized"),
                "target": st.column_config.NumberColumn(f"{workspace.target.name} [cells]", format="localized"),
            },
        )
