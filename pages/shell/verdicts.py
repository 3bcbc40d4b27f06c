"""The verdict of the monitor on every page that shows a run, a label or a table of labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache
from pages.shell.errors import show_error
from pages.shell.navigation import path_of
from pages.shell.places import in_own_place
from pages.shell.tables import text_width
from pages.shell.text import number, plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor import LabelEvidence, MonitorReport, Verdict
from psmatch_core.monitor.flags import flag_names
from psmatch_core.pipeline.label_outcomes import NOT_JUDGED
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

COLORS = {
    Verdict.USE: ("green", ":material/check_circle:"),
    Verdict.CAUTION: ("orange", ":material/warning:"),
    Verdict.LABEL_ONLY: ("red", ":material/label:"),
    Verdict.NOT_MATCHED: ("gray", ":material/cancel:"),
}
BEING_JUDGED = (
    ":gray-badge[:material/hourglass_top: Not judged yet] The matches are ready. What they are good for is being "
    "measured."
)


def report_of(folder: RunFolder, *, explain: bool = False) -> MonitorReport:
    """The measured report if it belongs to this matching, otherwise one from the losses and the plan alone.

    Parameters
    ----------
    explain
        Say on the page why the measured report is not shown; the Monitor page does.
    """
    quick = _quick_report(str(folder.path), files.COUPLING.times(folder))
    return _measured_report(folder, quick.made_of, explain=explain) or quick


def is_being_judged(folder: RunFolder) -> bool:
    """Whether the run is matched, and still works on what the matches are good for."""
    if not folder.status().is_active:
        return False
    quick = _quick_report(str(folder.path), files.COUPLING.times(folder))
    return _measured_report(folder, quick.made_of) is None


def _measured_report(folder: RunFolder, made_of: str, *, explain: bool = False) -> MonitorReport | None:
    try:
        measured = files.MONITOR_REPORT.read(folder)
    except PsmatchError as error:
        if explain:
            show_error(error)
        return None
    if measured is not None and measured.made_of != made_of:
        if explain:
            st.warning("The measurements belong to an earlier matching. → Measure again.", icon=":material/refresh:")
        return None
    return measured


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Evaluating the losses…")
def _quick_report(path: str, times: tuple[int, ...]) -> MonitorReport:
    from psmatch_core.monitor import judge
    from psmatch_core.pipeline.stage_keys import matching_key

    folder = RunFolder(Path(path))
    coupling = cache.coupling(folder)
    return judge(coupling, made_of=matching_key(coupling, folder.recipe))


@in_own_place
def run_verdict(folder: RunFolder) -> None:
    """One line: what the matches of the run are good for, with a link to the evidence."""
    if is_being_judged(folder):
        st.markdown(BEING_JUDGED)
        return
    report = report_of(folder)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        text = f"{badge(report.verdict, report.verdict.title)} Labels: {plain(report.counted())}"
        st.markdown(text, width="content")
        st.page_link(path_of("monitor"), label="Why", icon=":material/monitor_heart:", width="content")


@in_own_place
def label_verdict(folder: RunFolder, label: str) -> None:
    """One line: the verdict on a label, its agreement, its decisive reason, and its flags."""
    row = report_of(folder).by_label.get(label)
    if row is not None and not is_being_judged(folder):
        st.markdown(_line(row))


def with_verdicts(folder: RunFolder, table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A table of labels with columns for verdict, agreement and flags, and what their headings are."""
    by_label, is_judged = report_of(folder).by_label, not is_being_judged(folder)
    rows = [by_label.get(label) if is_judged else None for label in table["label"]]
    missing = [
        NOT_JUDGED if label in by_label and not is_judged else Verdict.NOT_MATCHED.value for label in table["label"]
    ]
    flags = [flag_names(row.flags) if row is not None else "" for row in rows]
    config = {
        "verdict": st.column_config.TextColumn(
            "Verdict",
            width=text_width([each.value for each in Verdict]),
            help="What the label's matches are good for (Monitor).",
        ),
        "agreement": st.column_config.NumberColumn(
            "Agreement", format="%.2f", help="Of matchings from halves of the cells and of the features (Monitor)."
        ),
        "flags": st.column_config.TextColumn("Flags", width=text_width(flags)),
    }
    columns: dict[str, list[Any]] = {
        "verdict": [row.verdict.value if row is not None else word for row, word in zip(rows, missing, strict=True)],
        "agreement": [row.agreement if row is not None else float("nan") for row in rows],
        "flags": flags,
    }
    return table.assign(**columns), config


def _line(row: LabelEvidence) -> str:
    agreement = f"agreement {number(row.agreement, 2)}: " if row.agreement == row.agreement else ""
    flags = [plain(each.detail) for each in row.flags]
    reasons = [plain(row.reasons[0]), *(each for each in flags if each != plain(row.reasons[0]))]
    advice = f" → {plain('; '.join(row.advice))}" if row.advice else ""
    return f"{badge(row.verdict, row.verdict.value)} :small[{agreement}{'; '.join(reasons[:3])}.{advice}]"


def badge(verdict: Verdict, text: str) -> str:
    """A coloured badge in Markdown."""
    color, icon = COLORS[verdict]
    return f":{color}-badge[{icon} {text}]"
