"""The chapter of the monitor: what the matches are good for, with losses, halves, hidden labels and the null."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor import REPRODUCIBLE, MonitorReport, Verdict, judge
from psmatch_core.pipeline.stage_keys import matching_key
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files


def monitor_chapter(run: LoadedRun, page: Page) -> None:
    """The verdict, its reasons, and the evidence."""
    if run.coupling is None:
        return
    from psmatch_core.plotting import agreement_bars, hidden_label_matrix, loss_evidence, null_strips

    losses_only = judge(run.coupling, made_of=matching_key(run.coupling, run.folder.recipe))
    report, remark = _measured_report(run, losses_only)
    page.heading("Monitor: what are the matches good for?")
    verdict = f"{report.verdict.title}. Labels: {report.counted()}."
    page.text(verdict, "" if report.verdict is Verdict.USE else "attention")
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
    rows = report.table()
    page.table(
        ("label", "verdict", "agreement", "reasons", "what would help"),
        rows[["label", "verdict", "agreement", "reasons", "advice"]].to_numpy(object),
    )
    if report.is_measured:
        page.figure(agreement_bars(report))
        page.text(REPRODUCIBLE, "small")
    if report.hidden is not None:
        page.text(f"Hidden labels found again: {report.hidden.described()}.")
        page.figure(hidden_label_matrix(report.hidden))
    if report.modalities is not None:
        page.text(f"Agreement of the modalities on which labels are alike: {report.modalities.described()}.")
    if report.epsilon is not None:
        page.text(f"Epsilon: {report.epsilon.described()}.")
    page.figure(loss_evidence(report))
    for note in report.notes:
        page.text(f"Not measured: {note}.", "small")
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


def _measured_report(run: LoadedRun, losses_only: MonitorReport) -> tuple[MonitorReport, str]:
    """The report that was measured for this matching; else the one on losses only, and why."""
    try:
        measured = files.MONITOR_REPORT.read(run.folder)
    except PsmatchError as error:
        return losses_only, f"The measurements are not shown. {error.problem} {error.hint}"
    if measured is None:
        return losses_only, "Only the losses and the plan are judged. Measure the run on the Monitor page."
    if measured.made_of != losses_only.made_of:
        return losses_only, "The measurements belong to an earlier matching and are not shown."
    return measured, ""
