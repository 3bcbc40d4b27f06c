"""Which labels two modalities share, in one sentence in plain words."""

from __future__ import annotations

from psmatch_core.base.errors import plural
from psmatch_core.data.labels.shared_labels import LabelReport


def answer_on_shared_labels(report: LabelReport, names: tuple[str, str]) -> str:
    """How many labels both modalities share, and how many of their cells that covers.

    Parameters
    ----------
    names
        Of the source and of the target.
    """
    counts = (report.source_counts, report.target_counts)
    n_labels = len(set(report.source_counts) | set(report.target_counts))
    totals = [sum(each.values()) for each in counts]
    kept = [sum(each[label] for label in report.shared) for each in counts]
    have = "Without the labels left out, " if report.left_out else ""
    have += f"{names[0]} has {plural(totals[0], 'cell')} and {names[1]} {totals[1]:,}"
    if not report.shared:
        enough = " with enough cells" if report.too_small else ""
        return f"{have}, but they share no label{enough}, so nothing can be matched."
    if len(report.shared) == n_labels:
        which = {1: "the only label occurs", 2: "both labels occur"}.get(n_labels, f"all {n_labels:,} labels occur")
        return f"{have}, and {which} in each of them."
    return (
        f"{have}; {len(report.shared):,} of {plural(n_labels, 'label')} can be matched, with {kept[0]:,} {names[0]} "
        f"and {kept[1]:,} {names[1]} cells."
    )
