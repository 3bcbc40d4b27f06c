"""The chapter of the monitor: whether the matching can be trusted, with losses, stability and the null."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor import MonitorReport, judge
from psmatch_core.pipeline.stage_keys import matching_key
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files


def monitor_chapter(run: LoadedRun, page: Page) -> None:
    """The verdict, its reasons, and the evidence."""
    if run.coupling is None:
        return
    from psmatch_core.plotting import loss_evidence, null_strips, stability_bars

    losses_only = judge(run.coupling, made_of=matching_key(run.coupling, run.folder.recipe))
    report, remark = _measured_report(run, losses_only)
    page.heading("Monitor: can the matching be trusted?")
    page.text(f"{report.verdict.title}.", "attention" if report.verdict.level < 2 else "")
    page.points(report.reasons)
    if remark:
        page.text(remark, "small")
    page.table(
        ("modality", "calibrated loss [nats]", "raw loss [nats]", "label entropy [nats]", "temperature"),
        [
            (name, side.loss, side.raw_loss, side.baseline, temperature)
            for name, side, temperature in zip(report.names, report.sides, report.temperatures, strict=True)
        ],
    )
    page.figure(loss_evidence(report))
    if report.stability == report.stability:  # NaN where it was not measured
        page.figure(stability_bars(report))
        page.text(f"{report.shared_mass:.0%} of the weight is on the same pairs in both matchings.", "small")
    if report.null is not None:
        page.figure(null_strips(report.null))
        page.table(
            ("statistic", "true labels", "shuffled, lowest", "shuffled, highest", "p", "unit"),
            [
                (
                    each.statistic.title,
                    each.observed,
                    min(each.shuffled),
                    max(each.shuffled),
                    each.p_value,
                    each.statistic.unit,
                )
                for each in report.null.statistics
            ],
        )
    rows = report.table().sort_values("stability")
    page.table(
        ("label", "verdict", "reasons", "stability"),
        rows[["label", "verdict", "reasons", "stability"]].to_numpy(object),
    )


def _measured_report(run: LoadedRun, losses_only: MonitorReport) -> tuple[MonitorReport, str]:
    """The report that was measured for this matching; else the one on losses only, and why."""
    try:
        measured = files.MONITOR_REPORT.read(run.folder)
    except PsmatchError as error:
        return losses_only, f"Stability and null are not shown. {error.problem} {error.hint}"
    if measured is None:
        return losses_only, "Stability and null were not measured. You can measure them on the Monitor page."
    if measured.made_of != losses_only.made_of:
        return losses_only, "Stability and null were measured for an earlier matching and are not shown."
    return measured, ""
