"""The chapter of the monitor: what the matches are good for, with losses, halves, hidden labels and the null."""

from __future__ import annotations

from psmatch_core.monitor import REPRODUCIBLE
from psmatch_core.report.chapters.verdict import add_verdict
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page


def monitor_chapter(run: LoadedRun, page: Page) -> None:
    """The verdict, its reasons, and the evidence."""
    if run.coupling is None:
        return
    from psmatch_core.plotting import agreement_bars, hidden_label_matrix, loss_evidence, null_strips

    report, remark = run.judged
    page.heading("Monitor: what are the matches good for?")
    add_verdict(page, report)
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
