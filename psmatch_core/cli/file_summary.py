"""The contents of data files in lines for a terminal: of one file, of two compared, and what is proposed for them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import Finding, KnownPairs, Severity, display
from psmatch_core.data.checks.repeated_label import repetition_text
from psmatch_core.data.labels.label_rules import LabelRules, renamed
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.labels.suggestions import SUGGESTION_CODE, Suggestion
from psmatch_core.data.readers import ColumnSummary, DataSpec, FileSummary, MatrixSummary
from psmatch_core.data.sides import SIDES

if TYPE_CHECKING:
    from psmatch_core.data.preprocessing import Preprocessing
    from psmatch_core.data.proposals import Proposal

MOST_COLUMNS = 20
MOST_LABELS = 8
MOST_TYPED = 100  # characters of a setting that a user would rather type than read past


def describe(summary: FileSummary, preprocessing: Sequence[str] = (), *, is_chosen: bool = True) -> str:
    """The summary of one file.

    Parameters
    ----------
    preprocessing
        Lines about the preprocessing that suits it.
    is_chosen
        Whether the label column was chosen, and not taken as the usual one.
    """
    main = summary.matrices[0]
    size = f"{plural(summary.n_cells, 'cell')}{', ' if main.image_shape else ' × '}{main.size_text}"
    lines = [
        f"{summary.name}: {size} ({summary.format}, {_bytes(summary.n_bytes)}, SHA-256 {summary.sha256[:12]}…)",
        *_part_lines(summary),
        "  matrices",
        *(f"    {_matrix_line(each)}" for each in summary.matrices),
        *_bad_features(main),
    ]
    candidates = summary.label_candidates
    lines.append("  label candidates" if candidates else "  label candidates: none")
    lines += [f"    {_column_line(each)}" for each in candidates[:MOST_COLUMNS]]
    if len(candidates) > MOST_COLUMNS:
        lines.append(f"    … and {len(candidates) - MOST_COLUMNS:,} more")
    others = [each for each in summary.columns if not each.is_label_candidate]
    if others:
        lines.append("  other columns")
        lines += [f"    {display(each.name)}: {each.note or each.kind}" for each in others[:MOST_COLUMNS]]
        if len(others) > MOST_COLUMNS:
            lines.append(f"    … and {len(others) - MOST_COLUMNS:,} more")
    if summary.label_key:
        how = "" if is_chosen else " (taken for now; choose it, or another, with --label)"
        lines.append(f"  label column: {display(summary.label_key)}{how}")
        repeated = repetition_text(summary, summary.label_key)
        lines += [f"  {repeated}"] if repeated else []
    lines += [f"  preprocessing: {each}" for each in preprocessing]
    return "\n".join([*lines, *finding_lines(summary.findings)])


def _part_lines(summary: FileSummary) -> list[str]:
    """The modalities of a file with several, and which of them is described."""
    if not summary.parts:
        return []
    shown = summary.part or (summary.parts[0].name if summary.needs_part else "")
    sizes = (
        f"    {display(each.name, 60)}{f': {each.size_text}' if each.size_text else ''}"
        f"{' (described here)' if each.name == shown else ''}"
        for each in summary.parts
    )
    return ["  modalities in the file, chosen with --part", *sizes]


def describe_pair(report: LabelReport, findings: Sequence[Finding], pairs: KnownPairs) -> str:
    """The labels of two files compared, and how true pairs are known."""
    lines = [
        "labels of both files",
        f"  shared by both: {len(report.shared)}{_label_list(report.shared)}",
        f"  only in the first: {len(report.only_source)}{_label_list(report.only_source)}",
        f"  only in the second: {len(report.only_target)}{_label_list(report.only_target)}",
    ]
    if report.left_out:
        names = [label for label, _, _ in report.left_out]
        lines.append(f"  left out by label rules: {len(names)}{_label_list(names)}")
    if report.too_small:
        lines.append(
            f"  too few cells: {len(report.too_small)}{_label_list([label for label, _, _ in report.too_small])}"
        )
    lines.append(f"  {pairs}")
    if report.suggestions:
        lines.append("  suggestions (not applied; --accept NAME,NAME applies them, here and in match)")
        lines += [f"    {each.kind}: {each.title}. {each.reason}{_as_setting(each)}" for each in report.suggestions]
    rest = [each for each in report.findings if each.code != SUGGESTION_CODE]
    return "\n".join([*lines, *finding_lines((*rest, *findings))])


def proposal_lines(
    summary: FileSummary, spec: DataSpec, current: Preprocessing, *, side: str, rules: LabelRules
) -> list[str]:
    """What is proposed for the values that are used, and the settings that apply it."""
    proposal = _proposal_of(summary, spec, _counts(summary, spec, side, rules))
    return [] if proposal is None else [proposal.note(current, side) or proposal.reason]


def batch_lines(
    summaries: Sequence[FileSummary],
    specs: Sequence[DataSpec],
    preprocessing: Sequence[Preprocessing],
    *,
    rules: LabelRules,
) -> list[str]:
    """What is offered about the batches of two files."""
    from psmatch_core.data.batch_proposals import batches_of_file, propose_within_batches, shared_batches_note
    from psmatch_core.data.preprocessing import Preprocessing  # brings pandas, which only a proposal needs

    counts = [_counts(*each, rules) for each in zip(summaries, specs, SIDES, strict=True)]
    batches = [batches_of_file(*each) for each in zip(summaries, counts, strict=True)]
    lines = [shared_batches_note(batches[0], batches[1])]
    for at, side in enumerate(SIDES):
        found, current = _proposal_of(summaries[at], specs[at], counts[at]), preprocessing[at : at + 1]
        settings = current[0] if current else Preprocessing()
        within = propose_within_batches(batches[at], batches[1 - at], found, settings) if found else None
        lines.append(within.note(settings, side) if within else "")
    return [each for each in lines if each]


def _proposal_of(summary: FileSummary, spec: DataSpec, counts: dict[str, int]) -> Proposal | None:
    from psmatch_core.data.proposals import proposal_for  # brings pandas

    return proposal_for(summary.matrix(spec.chosen_matrix) or summary.matrices[0], summary.columns, counts)


def _counts(summary: FileSummary, spec: DataSpec, side: str, rules: LabelRules) -> dict[str, int]:
    """Cells of each label of a file under the rules [cells]."""
    labels = summary.column(spec.label_name)
    return renamed(labels.counts, rules.renaming(side)) if labels else {}


def _as_setting(offered: Suggestion) -> str:
    """The same change as a setting, where it is short enough to type."""
    changes = {
        "leave_out": offered.leave_out,
        "rename_source": [f"{old}={new}" for old, new in offered.rename_source],
        "rename_target": [f"{old}={new}" for old, new in offered.rename_target],
    }
    texts = [f" --set labels.{name}={shlex.quote(','.join(each))}" for name, each in changes.items() if each]
    is_plain = not any("," in label or "=" in label.partition("=")[2] for each in changes.values() for label in each)
    return f" [{''.join(texts).strip()}]" if is_plain and len("".join(texts)) <= MOST_TYPED else ""


def _matrix_line(matrix: MatrixSummary) -> str:
    if any(each.severity is Severity.REJECT for each in matrix.findings):
        return f"{display(matrix.key)}: cannot be used ({matrix.findings[0].problem})"
    storage = "sparse" if matrix.is_sparse else "dense"
    part = f", {matrix.sample_text}" if matrix.is_sampled else ""
    if matrix.image_shape is not None:
        return f"{display(matrix.key)}: {matrix.size_text} ({matrix.reason}{part})"
    line = f"{display(matrix.key)}: {matrix.size_text}, {storage}, {matrix.kind} ({matrix.reason}{part})"
    return f"{line}{_medians(matrix)}"


def _medians(matrix: MatrixSummary) -> str:
    """Library size, where the values are counts, and features per cell of the matrix that is described."""
    found = matrix.medians
    if found is None or matrix.kind != "counts":
        return ""
    return f"; median library size {found.total:,.0f}, {found.features:,.0f} features per cell ({found.sample_text})"


def _bad_features(matrix: MatrixSummary) -> list[str]:
    """All features with missing or infinite values, most first."""
    if not matrix.bad_features:
        return []
    ordered = sorted(matrix.bad_features, key=lambda each: -each[1])
    return [
        f"  features of {display(matrix.key)} with missing or infinite values",
        *(f"    {display(name, 60)}: {plural(count, 'cell')}" for name, count in ordered),
    ]


def _column_line(column: ColumnSummary) -> str:
    counts = ", ".join(f"{display(label, 24)} {count:,}" for label, count in list(column.counts.items())[:MOST_LABELS])
    more = f" and {column.n_distinct - MOST_LABELS:,} more" if column.n_distinct > MOST_LABELS else ""
    missing = f"; {plural(column.n_missing, 'cell')} without label" if column.n_missing else ""
    return f"{display(column.name)}: {plural(column.n_distinct, 'label')} ({counts}{more}{missing})"


def _label_list(labels: Sequence[str]) -> str:
    if not labels:
        return ""
    shown = ", ".join(display(each, 24) for each in labels[:MOST_LABELS])
    return f" ({shown}{f' and {len(labels) - MOST_LABELS:,} more' if len(labels) > MOST_LABELS else ''})"


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, with a mark that says whether the data stay usable."""
    marks = {Severity.WARN: "!", Severity.REJECT: "✗"}
    return [f"  {marks[each.severity]} {each}" for each in findings]


def _bytes(count: int) -> str:
    for unit, size in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return plural(count, "byte")
