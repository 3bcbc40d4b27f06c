"""The results of a run for a terminal and for a program: each figure beside that of chance or of a uniform plan."""

from __future__ import annotations

from collections import Counter
from typing import Any

from psmatch_core.base.records import to_plain
from psmatch_core.cli.command import SHORT
from psmatch_core.evaluation.evaluate import CHANCE, INFLATED
from psmatch_core.evaluation.within_labels import accuracy_in_words
from psmatch_core.monitor.report import MonitorReport
from psmatch_core.workspace import files
from psmatch_core.workspace.evaluations import ShownEvaluation, load_evaluation
from psmatch_core.workspace.run_folder import RunFolder

NO_PAIRS = (
    "No true pairs are known, so the matches cannot be evaluated with them. What the monitor says without pairs is "
    "shown by `psmatch monitor`."
)


def run_summary(folder: RunFolder, seconds: float) -> str:
    """The results of a finished run.

    Parameters
    ----------
    seconds
        How long it took [s].
    """
    table = files.LABELS.read(folder)
    lines = []
    if table is not None:
        columns = ["label", "n_source", "n_target", "verdict", "agreement", "status", "n_effective", "flags", "note"]
        lines.append(table[columns].to_string(index=False, float_format=SHORT))
    report = files.MONITOR_REPORT.read(folder)
    lines += _judged(report) if report is not None else []
    figures = files.RUN_FIGURES.read(folder) or {}
    if "n_candidates" in figures:
        lines.append(
            f"\nA cell has {figures['n_effective']:.3g} effective matches of {figures['n_candidates']:.3g} candidates "
            "(medians over cells); a uniform plan has all of them."
        )
    lines += evaluation_lines(folder)
    notes = files.NOTES.read(folder)
    lines += ["\nNotes:", *(f"  {note}" for note in notes)] if notes else []
    lines.append(f"\nDone in {seconds:.0f} s. Exports: {folder.exports}")
    return "\n".join(lines)


def evaluation_lines(folder: RunFolder) -> list[str]:
    """What is known of how good the matches and predictions are: by pairs, by features, and by distributions."""
    evaluation = load_evaluation(folder)
    lines = _evaluated(evaluation) if evaluation is not None else []
    accuracy = files.ACCURACY.read(folder)
    if accuracy:
        lines.append("\nWhat the matching adds to the prediction of features, over the mean of a cell's label:")
        lines += [f"  {each}" for each in accuracy_in_words(accuracy)]
    return lines + [f"\n{each.report()}" for each in (files.DISTRIBUTIONS.read(folder) or {}).values()]


def run_record(folder: RunFolder, seconds: float | None = None) -> dict[str, Any]:
    """The same as plain data; what was not measured is absent or null.

    Parameters
    ----------
    seconds
        How long it took [s], where it was just done.
    """
    table, report = files.LABELS.read(folder), files.MONITOR_REPORT.read(folder)
    record: dict[str, Any] = {"run": str(folder.path), "state": folder.status().state, "seconds": seconds}
    record["exports"] = str(folder.exports)
    record["labels"] = table.to_dict("records") if table is not None else []
    if report is not None:
        record["verdict"] = {
            "verdict": report.verdict.value,
            "title": report.verdict.title,
            "reasons": report.reasons,
            "labels": dict(Counter(row.verdict.value for row in report.labels)),
            "flags": _counted_flags(report),
        }
        record["losses"] = [
            {"modality": name, "loss": side.loss, "raw_loss": side.raw_loss, "chance": side.baseline}
            for name, side in zip(report.names, report.sides, strict=True)
        ]
    record["figures"] = files.RUN_FIGURES.read(folder) or {}
    record["evaluation"] = evaluation_record(folder)
    record["notes"] = files.NOTES.read(folder) or ()
    return record


def evaluation_record(folder: RunFolder) -> dict[str, Any] | None:
    """The metrics of true pairs as plain data, beside those of a uniform plan and of chance; None without pairs."""
    shown = load_evaluation(folder)
    if shown is None:
        return None
    return {
        "pairs": "held out" if shown.is_held_out else "all, inflated",
        **to_plain(shown.summary),
        "chance": CHANCE,
        "inflated_micro": shown.inflated.micro,
        "labels": shown.labels.to_dict("records") if shown.labels is not None else [],
    }


def _judged(report: MonitorReport) -> list[str]:
    """Losses beside those of the label frequencies, the verdict, and the flags."""
    lines = ["\nHeld-out loss in nats per cell, beside that of a classifier that knows only the label frequencies:"]
    width = max(len(name) for name in report.names)
    for name, side in zip(report.names, report.sides, strict=True):
        lines.append(f"  {name:<{width}}  {side.loss:.3f}   frequencies {side.baseline:.3f}")
    lines.append(f"\n{report.verdict.title} ({report.counted()}):")
    lines += [f"  {reason}" for reason in report.reasons]
    flags = _counted_flags(report)
    if flags:
        lines.append("Labels with flags: " + ", ".join(f"{name} {count}" for name, count in flags.items()))
    return [*lines, "`psmatch monitor` has the evidence on each label."]


def _counted_flags(report: MonitorReport) -> dict[str, int]:
    """How many labels have each flag, most first."""
    return dict(
        Counter(flag for row in report.labels for flag in {each.flag.value for each in row.flags}).most_common()
    )


def _evaluated(shown: ShownEvaluation) -> list[str]:
    """The metrics of held-out pairs beside a uniform plan and chance, and the inflated ones of all pairs."""
    found = shown.summary
    what = "held-out pairs" if shown.is_held_out else "known pairs"
    lines = [f"\nEvaluated with {found.n_pairs:,} {what}, within labels, beside a uniform plan and chance:"]
    for name, chance in CHANCE.items():
        line = f"  {name:<11} {found.micro[name]:.3f}   uniform {found.uniform_micro[name]:.3f}   chance {chance:g}"
        lines.append(line + (f"   inflated {shown.inflated.micro[name]:.3f}" if shown.is_held_out else ""))
    return [*lines, f"  {'' if shown.is_held_out else 'All of it is '}{INFLATED}"]
