"""May this matching be believed: the verdict in words, its evidence, and what can still be measured."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.shell import cache, charts, job_box, session
from pages.shell.errors import show_error, told
from pages.shell.tables import label_table
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.monitor import STATISTICS, THRESHOLDS, Monitoring, MonitorReport, Verdict
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.run_folder import RunFolder

MARKS = {
    Verdict.BELIEVE: ":material/check_circle:",
    Verdict.WITH_CARE: ":material/warning:",
    Verdict.DO_NOT: ":material/cancel:",
}
SHUFFLES = (0, 20, 50, 100, 200)
SHOWN_REASONS = 6


def monitor_view(folder: RunFolder) -> None:
    """Everything about whether to believe one matching."""
    report = _report(folder)
    _verdict(report)
    _measuring(folder, report)
    views = {
        "Losses": partial(_losses, folder, report),
        "Stability": partial(_stability, folder, report),
        "Shuffled labels": partial(_null, folder, report),
        "Label by label": partial(_table, folder, report),
    }
    tabs(views, key=f"monitor.tabs.{folder.id}")
    with st.expander("How the verdict is made"):
        st.markdown(
            "A label is believed where classifiers trained on other cells lead to much the same matches, where both "
            "modalities have learned to tell the labels, and where nothing else speaks against it. The numbers:"
        )
        rows = [
            {"threshold": name.replace("_", " "), "value": getattr(THRESHOLDS, name), "why": reason}
            for name, reason in THRESHOLDS.reasons().items()
        ]
        st.dataframe(rows, hide_index=True, column_config={"why": st.column_config.TextColumn(width="large")})
        st.caption(
            "Loss and stability together reject bad matchings; they are not fine enough to rank good ones, and neither "
            "proves that a single pair is right. Known pairs, on Evaluate, outweigh all of this."
        )


def _report(folder: RunFolder) -> MonitorReport:
    """What was measured, where it is about this matching; else the verdict that the losses alone allow."""
    quick = cache.quick_report(folder)
    try:
        kept = cache.monitor_report(folder)
    except PsmatchError as error:
        show_error(error)
        return quick
    if kept is not None and kept.made_of != quick.made_of:
        st.warning("What was measured here belongs to an earlier matching. → Measure again.", icon=":material/refresh:")
        return quick
    return kept or quick


def _verdict(report: MonitorReport) -> None:
    box = {Verdict.BELIEVE: st.success, Verdict.WITH_CARE: st.warning, Verdict.DO_NOT: st.error}[report.verdict]
    reasons = "\n".join(f"- {plain(reason)}" for reason in report.reasons[:SHOWN_REASONS])
    box(f"**{report.verdict.title}.**\n\n{reasons}", icon=MARKS[report.verdict])
    meaning = (
        "Where a cell's matches put it, correlated between classifiers trained on other cells: 1 same, 0 unrelated."
    )
    shown = [
        (
            f"{plain(name)} loss [nats]",
            number(side.loss),
            f"entropy {number(side.baseline)}",
            "Held-out cross-entropy a cell, calibrated, beside what label frequencies alone would lose.",
        )
        for name, side in zip(report.names, report.sides, strict=True)
    ]
    labels = ", ".join(f"{report.count(each)} {each.value}" for each in Verdict if report.count(each))
    charts.metrics(
        [
            *shown,
            ("Match stability", number(report.stability, 2), "unrelated 0", meaning),
            ("Labels to be believed", f"{report.count(Verdict.BELIEVE)} of {len(report.labels)}", labels, ""),
        ]
    )


def _measuring(folder: RunFolder, report: MonitorReport) -> None:
    if not cache.has_propensity_scores(folder):
        st.info(
            "This run was matched by latents: stability and shuffled labels are measured for propensity scores only. "
            "Read the losses here, and the known pairs on Evaluate.",
            icon=":material/info:",
        )
        return
    job = MonitorJob.of_run(folder)
    is_measured = report.stability == report.stability or report.null is not None
    if job is not None and not job.is_done:
        job_box.follow(job)
        if job.is_active:
            return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shuffles = st.selectbox(
            "Shuffles of the labels",
            SHUFFLES,
            index=1,
            key=f"shuffles.{folder.id}",
            format_func=lambda n: f"{n}: smallest p {1 / (1 + n):.2g}" if n else "none: stability alone",
            help="How often labels are dealt anew to the cells, to see what arises by chance.",
            width=260,
        )
        pressed = st.button(
            "Measure again" if is_measured else "Measure stability and null",
            type="secondary" if is_measured else "primary",
            key=f"measure.{folder.id}",
            icon=":material/monitor_heart:",
        )
    if not is_measured:
        st.caption("It trains both classifiers twice on half of the cells: about as long as the run's own training.")
    if pressed:
        with told():
            if job is None or not job.is_active:
                session.store().start_job(MonitorJob.create(folder, Monitoring(n_shuffles=int(shuffles or 0))))
            st.rerun()


def _losses(folder: RunFolder, report: MonitorReport) -> None:
    from psmatch_core.plotting import loss_evidence

    kind = st.segmented_control(
        "Losses", ["calibrated", "raw"], default="calibrated", required=True, key=f"raw.{folder.id}"
    )
    charts.show(
        loss_evidence(report, raw=kind == "raw"),
        key=f"evidence.{folder.id}.{kind}",
        alt="Held-out loss of each label in both modalities beside the loss of knowing label frequencies only",
    )
    heat = ", ".join(
        f"{plain(name)} {number(each, 2)}" for name, each in zip(report.names, report.temperatures, strict=True)
    )
    st.caption(
        f"Temperature: {heat}. Calibration divides the scores by it; above 1 a classifier is over-confident, and its "
        "raw loss looks worse than its matching. A label that a modality does not tell may still be matched well, by "
        "the scores of the other labels."
    )


def _stability(folder: RunFolder, report: MonitorReport) -> None:
    from psmatch_core.plotting import stability_bars

    if report.stability != report.stability:  # NaN
        st.info(
            "Not measured yet: press “Measure stability and null”. It shows whether classifiers trained on other cells "
            "lead to the same matches.",
            icon=":material/arrow_forward:",
        )
        return
    charts.show(stability_bars(report), key=f"stability.{folder.id}", alt="Match stability of each label")
    st.caption(
        f"Each classifier was trained twice, on either half of every label's cells, and the cells matched with both. "
        f"{report.shared_mass:.0%} of the weight lies on the same pairs in both matchings."
    )


def _null(folder: RunFolder, report: MonitorReport) -> None:
    from psmatch_core.plotting import null_strips

    if report.null is None:
        st.info(
            "Not measured yet: choose how many shuffles, then press the button above. It shows which losses and "
            "matches arise by chance, when labels say nothing about the cells.",
            icon=":material/arrow_forward:",
        )
        return
    null = report.null
    charts.show(null_strips(null), key=f"null.{folder.id}", alt="Statistics with true labels beside shuffled labels")
    rows = [
        {
            "statistic": STATISTICS[each.name][0],
            "true labels": each.observed,
            "shuffled, lowest": min(each.shuffled),
            "shuffled, highest": max(each.shuffled),
            "p": each.p_value,
            "unit": STATISTICS[each.name][2],
        }
        for each in null.statistics
    ]
    names = ("true labels", "shuffled, lowest", "shuffled, highest", "p")
    config: dict[str, Any] = {name: st.column_config.NumberColumn(name, format="%.3f") for name in names}
    st.dataframe(rows, hide_index=True, column_config=config)
    st.caption(
        f"{count(null.n_shuffles, 'shuffle')}; {null.n_source:,} and {null.n_target:,} cells took part. A cheap "
        "classifier (ridge regression on the labels) was trained on the true and on every shuffled labelling alike, so "
        "these figures compare with each other and not with those of the run."
    )


def _table(folder: RunFolder, report: MonitorReport) -> None:
    ordered = report.table().sort_values(["verdict", "label"], key=_by_verdict, kind="stable")
    column = st.column_config
    source, target = (plain(name) for name in report.names)
    config: dict[str, Any] = {
        "verdict": column.TextColumn("Verdict"),
        "reasons": column.TextColumn("Why", width="large"),
        "stability": column.NumberColumn("Stability", format="%.2f"),
        "n_source": column.NumberColumn(f"{source} [cells]", format="localized"),
        "n_target": column.NumberColumn(f"{target} [cells]", format="localized"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
        "null_p": column.NumberColumn("p of stability", format="%.3f", help="Against shuffled labels."),
    }
    for side, name in (("source", source), ("target", target)):
        config[f"loss_{side}"] = column.NumberColumn(f"{name} loss [nats]", format="%.3f")
        config[f"raw_loss_{side}"] = column.NumberColumn(f"{name} raw loss", format="%.3f")
        config[f"baseline_{side}"] = column.NumberColumn(f"{name} baseline", format="%.3f")
    label_table(ordered, config, key=f"verdicts.{folder.id}", columns=["label", *config])


def _by_verdict(values: Any) -> Any:
    levels = {each.value: -each.level for each in Verdict}
    return values.map(levels) if values.name == "verdict" else values
