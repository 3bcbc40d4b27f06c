"""What `psmatch inspect` finds in one file or two, as text and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import to_plain
from psmatch_core.cli.file_summary import (
    batch_lines,
    describe,
    describe_pair,
    finding_lines,
    proposal_lines,
)
from psmatch_core.cli.first_look import FirstLook
from psmatch_core.data.checks import Severity, check_pair, pairs_of_files
from psmatch_core.data.checks.pairing import PAIRING_CODE
from psmatch_core.data.labels.label_rules import LabelRules, accept_suggestions, reconcile_by_rules
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec, FileSummary, inspect_file, shown_name
from psmatch_core.data.sides import SIDES

FOR_COMPARISON = ("cells", "features")  # of a summary: hashes and names by which two files are compared


@dataclass(frozen=True)
class InspectedFiles:
    """What was found.

    Parameters
    ----------
    text
        For a terminal.
    record
        The same as plain data.
    can_be_used
        Whether no file, and no label of the two, is refused.
    """

    text: str
    record: Mapping[str, Any]
    can_be_used: bool


def describe_files(specs: Sequence[DataSpec], **settings: Any) -> tuple[str, int]:
    """The contents of files in words, and the exit code; the settings are those of :func:`inspect_files`."""
    found = inspect_files(specs, **settings)
    return found.text, 0 if found.can_be_used else 1


def inspect_files(
    specs: Sequence[DataSpec],
    *,
    rules: LabelRules | None = None,
    accepted: Sequence[str] = (),
    preprocessing: Sequence[Preprocessing] = (),
    first: FirstLook | None = None,
) -> InspectedFiles:
    """The contents of files.

    Parameters
    ----------
    specs
        The files, and what is chosen of them; where no label column is chosen, the usual one is taken, which is said.
        The labels of two files are compared as well.
    rules
        The label rules under which the labels of two files are compared; those of a default run if None.
    accepted
        Suggestions on the labels to apply, by name.
    preprocessing
        The settings of each file, with which a proposed preprocessing is compared; those of a default run if empty.
    first
        What was already found in the first file.

    Raises
    ------
    PsmatchError
        If the labels do not suggest what is accepted.
    """
    rules = rules or LabelRules()
    specs = list(specs)
    blocks: list[str] = []
    summaries: list[FileSummary] = []
    records: list[dict[str, Any]] = []
    is_refused = False
    for at, spec in enumerate(specs):
        try:
            is_known = first is not None and at == 0 and spec == first.spec
            others = [each.label_key for each in summaries]
            summaries.append(first.summary() if first and is_known else inspect_file(spec, label_names=others))
            specs[at] = replace(spec, label_key=spec.label_key or summaries[-1].label_key)
            current = preprocessing[at] if preprocessing else Preprocessing()
            proposed = proposal_lines(summaries[-1], specs[at], current, side=SIDES[at], rules=rules)
            blocks.append(describe(summaries[-1], proposed, is_chosen=bool(spec.label_key)))
            records.append(_file_record(summaries[-1], proposed, is_chosen=bool(spec.label_key)))
            is_refused = is_refused or any(each.severity is Severity.REJECT for each in summaries[-1].findings)
        except PsmatchError as error:
            blocks.append(f"{shown_name(spec.path)}: refused\n  ✗ {error}")
            refused = {"problem": error.problem, "hint": error.hint, "code": error.code}
            records.append({"name": shown_name(spec.path), "refused": refused})
            is_refused = True
    record: dict[str, Any] = {"files": records}
    if len(summaries) == 2 == len(specs):
        both, record["both"], is_pair_refused = _compared(summaries, specs, rules, accepted=accepted)
        blocks.append(both)
        is_refused = is_refused or is_pair_refused
        record["both"]["batches"] = batch_lines(summaries, specs, preprocessing, rules=rules)
        if lines := record["both"]["batches"]:
            blocks.append("\n".join(["batches of both files", *(f"  {each}" for each in lines)]))
    return InspectedFiles("\n\n".join(blocks), {"can_be_used": not is_refused, **record}, not is_refused)


def _compared(
    summaries: Sequence[FileSummary], specs: Sequence[DataSpec], rules: LabelRules, *, accepted: Sequence[str]
) -> tuple[str, dict[str, Any], bool]:
    """Two files compared: as text, as plain data, and whether their labels are refused."""
    source, target = summaries
    keys = [spec.label_name for spec in specs]
    found = check_pair(
        source,
        target,
        source_label_key=keys[0],
        target_label_key=keys[1],
        pair_keys=(specs[0].pair_key, specs[1].pair_key),
    )
    pair = [each for each in found if each.code != PAIRING_CODE]  # the decision is printed in any case
    one, other = source.column(keys[0]), target.column(keys[1])
    have_pairs = (bool(specs[0].pair_key), bool(specs[1].pair_key))
    known = pairs_of_files(source, target, keys[0], keys[1], columns=have_pairs)
    record = {"true_pairs": to_plain(known), "findings": to_plain(tuple(pair)), "labels": None}
    if one is None or other is None:
        return "\n".join(["both files", f"  {known}", *finding_lines(pair)]), record, False
    applied = accept_suggestions(rules, accepted, one.counts, other.counts)
    report = reconcile_by_rules(applied, one.counts, other.counts, source_name=source.name, target_name=target.name)
    is_refused = any(each.severity is Severity.REJECT for each in report.findings)
    return describe_pair(report, pair, known), {**record, "labels": to_plain(report)}, is_refused


def _file_record(summary: FileSummary, proposed: Sequence[str], *, is_chosen: bool) -> dict[str, Any]:
    """One file as plain data, without the pictures and what only a comparison reads."""
    record = {name: value for name, value in summary.to_dict().items() if name not in FOR_COMPARISON}
    for matrix in record["matrices"]:
        matrix.pop("preview")
    candidates = [each.name for each in summary.label_candidates]
    return {
        **record,
        "label_candidates": candidates,
        "label_is_proposed": bool(summary.label_key) and not is_chosen,
        "preprocessing": list(proposed),
    }
