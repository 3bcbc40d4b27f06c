"""Labels edited like a table: one row for each label, both sides next to each other, and the rules that edits make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.sides import SIDES


@dataclass(frozen=True)
class LabelRow:
    """One label under the present rules.

    Parameters
    ----------
    source, target
        Its name on each side; empty where the side does not have it.
    source_cells, target_cells
        Its cells [cells].
    is_used
        Whether no rule leaves it out.
    status
        What becomes of it, in words.
    """

    source: str
    source_cells: int
    target: str
    target_cells: int
    is_used: bool
    status: str


def label_rows(report: LabelReport) -> tuple[LabelRow, ...]:
    """The labels of both modalities, those that need a decision first, by name."""
    small = {label for label, _, _ in report.too_small}
    counts = {
        label: (report.source_counts.get(label, 0), report.target_counts.get(label, 0))
        for label in {**report.source_counts, **report.target_counts}
    }
    gone = {label: (n_source, n_target) for label, n_source, n_target in report.left_out}
    rows = []
    for label, (n_source, n_target) in {**counts, **gone}.items():
        status = "shared"
        if label in gone:
            status = "left out"
        elif not (n_source and n_target):
            status = "one modality only"
        elif label in small:
            status = "too few cells"
        names = label if n_source else "", label if n_target else ""
        rows.append(LabelRow(names[0], n_source, names[1], n_target, label not in gone, status))
    order = ("one modality only", "too few cells", "shared", "left out")
    return tuple(sorted(rows, key=lambda row: (order.index(row.status), row.source or row.target)))


def edited_rules(
    rules: LabelRules,
    rows: Sequence[LabelRow],
    edited: Sequence[LabelRow],
    counts: tuple[Mapping[str, int], Mapping[str, int]],
) -> LabelRules:
    """The rules after an edit of the table: names typed anew, labels left out or taken back.

    Parameters
    ----------
    rows, edited
        The rows of the table before and after, in the same order. Two equal names become one label.
    counts
        Cells of each label of source and target as the files have them [cells].

    Raises
    ------
    PsmatchError
        If a name is empty, or given where a side does not have the label.
    """
    for at, side in enumerate(SIDES):
        mapping = {}
        for row, after in zip(rows, edited, strict=True):
            old, typed = getattr(row, side), getattr(after, side)
            if typed == old:
                continue
            new = typed.strip()
            if old and not new:
                raise PsmatchError(
                    f"Label {display(old)} of the {side} has no name.",
                    hint="Type a name, or untick its row to leave the label out.",
                )
            if new and not old:
                other = row.target if side == "source" else row.source
                raise PsmatchError(
                    f"The {side} has no label {display(other)}, so there is nothing to call {display(new)}.",
                    hint="To bring two labels together, give the label of one side the name of the other side's label.",
                )
            if new:
                mapping[old] = new
        rules = rules.with_renaming(side, mapping, counts[at])
    left_out, keep_only = list(rules.leave_out), list(rules.keep_only)
    for row, after in zip(rows, edited, strict=True):
        before = {row.source, row.target} - {""}
        names = {
            new if new == old else new.strip()
            for old, new in ((row.source, after.source), (row.target, after.target))
            if new.strip()
        }
        if after.is_used and not row.is_used:
            left_out = [each for each in left_out if each not in before]
            keep_only += sorted(names - set(keep_only)) if keep_only else []
        elif not after.is_used and (row.is_used or names != before):
            left_out = [each for each in left_out if each not in before] + sorted(names)
    return replace(rules, leave_out=tuple(dict.fromkeys(left_out)), keep_only=tuple(keep_only))


def preview_of(before: LabelReport, after: LabelReport) -> tuple[tuple[str, int, int], ...]:
    """What a change does to the counts: shared labels and cells that are matched, before and after."""

    def cells(report: LabelReport, side: str) -> int:
        return sum(report.counts(side)[label] for label in report.shared)

    return (
        ("shared labels", len(before.shared), len(after.shared)),
        ("source cells with a shared label", cells(before, "source"), cells(after, "source")),
        ("target cells with a shared label", cells(before, "target"), cells(after, "target")),
    )
