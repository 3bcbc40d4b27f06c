"""Chapters on whether to believe a run: the monitor's verdict with its evidence, and how sharp the plans are."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display
from psmatch_core.monitor import MonitorReport, judge
from psmatch_core.pipeline.stage_keys import matching_key
from psmatch_core.report.content import Content
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob


def monitor(content: Content, page: Page) -> None:
    """The verdict in words, its reasons, losses, stability, null."""
    if content.coupling is None:
        return
    from psmatch_core.plotting import loss_evidence, null_strips, stability_bars

    quick = judge(content.coupling, made_of=matching_key(content.coupling, content.folder.recipe))
    report, why_not = _measured(content, quick)
    page.heading("Monitor: should it be believed?")
    page.text(f"{report.verdict.title}.", "attention" if report.verdict.level < 2 else "")
    page.points(report.reasons)
    if why_not:
        page.text(why_not, "small")
    columns = ("modality", "calibrated loss [nats]", "raw loss [nats]", "label entropy [nats]", "temperature")
    page.table(
        columns,
        [
            (name, side.loss, side.raw_loss, side.baseline, heat)
            for name, side, heat in zip(report.names, report.sides, report.temperatures, strict=True)
        ],
    )
    page.figure(loss_evidence(report))
    if report.stability == report.stability:
        page.figure(stability_bars(report))
        page.text(f"{report.shared_mass:.0%} of the weight lies on the same pairs in both matchings.", "small")
    if report.null is not None:
        page.figure(null_strips(report.null))
        page.table(
            ("statistic", "true labels", "shuffled, lowest", "shuffled, highest", "p", "unit"),
            [
                (each.statistic.title, each.observed, min(each.shuffled), max(each.shuffled), each.p_value,
                 each.statistic.unit)
                for each in report.null.statistics
            ],
        )  # fmt: skip
    rows = report.table().sort_values("stability")
    page.table(
        ("label", "verdict", "why", "stability"), rows[["label", "verdict", "reasons", "stability"]].to_numpy(object)
    )


def _measured(content: Content, quick: MonitorReport) -> tuple[MonitorReport, str]:
    """The report that was measured of this matching, or that of the losses alone and why."""
    try:
        kept = files.MONITOR_REPORT.read(content.folder)
    except PsmatchError as error:
        return quick, f"{error.problem} {error.hint}"
    if kept is None:
        return quick, "Stability and the null of shuffled labels were not measured: the Monitor page does it."
    if kept.made_of != quick.made_of:
        return quick, "What was measured belongs to an earlier matching, and is left out."
    return kept, ""


def curves(content: Content, page: Page) -> None:
    """Cost against effective matches of the labels that were solved from sharp to smooth on the Match page."""
    if content.models is None or content.coupling is None:
        return
    from psmatch_core.plotting import l_curve_figure

    said: set[str] = set()
    for job in EpsilonPathJob.jobs_of(content.folder):
        label = job.label
        try:
            found = None if label in said else job.result(content.models)
        except PsmatchError:  # of another version: the page solves it again when it is asked for
            continue
        if found is None:
            continue
        if not said:
            page.heading("How sharp? Cost against effective matches")
        said.add(label)
        page.text(f"{display(label, 60)}, solved at {plural(len(found), 'value')} of {found.option}:")
        page.figure(l_curve_figure(found.curve, current=getattr(content.folder.recipe.matcher, found.option, None)))
