"""Labels of both modalities compared: shared, on one side only, too small, or equal except for their spelling."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import rejection, warning
from psmatch_core.data.labels.suggestions import Suggestion, doubted_codes, suggest
from psmatch_core.data.names.look_alikes import PARTING, folded, plain_number
from psmatch_core.data.names.screen_names import is_gene_id

_PLUS = re.compile(r"(?<=\w)\+(?=\s|$)")  # CD4+ T, but neither CD4+CD25+ nor A+B

MOSTLY_IDS = 0.5  # the share of the labels of one side that must be identifiers of genes


@dataclass(frozen=True)
class LabelReport:
    """The labels of both modalities compared.

    Parameters
    ----------
    shared
        Labels on both sides, each with enough cells.
    only_source, only_target
        Labels that only one side has.
    too_small
        Shared labels with too few cells on one side: label, source cells, target cells.
    source_counts, target_counts
        Cells of each label that is not left out by a rule.
    lookalikes
        Source label, target label, and how they differ although they look alike.
    findings
        The warnings and refusals that follow.
    left_out
        Labels that the label rules leave out although a side has them: label, source cells, target cells.
    suggestions
        Changes of the label rules that the names of the labels suggest.
    """

    shared: tuple[str, ...]
    only_source: tuple[str, ...]
    only_target: tuple[str, ...]
    too_small: tuple[tuple[str, int, int], ...]
    source_counts: Mapping[str, int]
    target_counts: Mapping[str, int]
    lookalikes: tuple[tuple[str, str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: tuple[tuple[str, int, int], ...] = ()
    suggestions: tuple[Suggestion, ...] = ()

    def counts(self, side: str) -> Mapping[str, int]:
        """Cells of each label of the ``source`` or the ``target``."""
        return {"source": self.source_counts, "target": self.target_counts}[side]


def reconcile(
    source_counts: Mapping[str, int],
    target_counts: Mapping[str, int],
    *,
    minimum_cells: int = 2,
    source_name: str = "source",
    target_name: str = "target",
) -> LabelReport:
    """Compare the labels of both modalities.

    Parameters
    ----------
    source_counts, target_counts
        Cells of each label [cells].
    minimum_cells
        Fewest cells that a shared label needs on each side.
    source_name, target_name
        Names of the modalities in messages.
    """
    source, target = display(source_name, 20), display(target_name, 20)
    if source == target:
        source, target = f"{source} (source)", f"{target} (target)"
    both = [label for label in source_counts if label in target_counts]
    small = tuple(
        (label, source_counts[label], target_counts[label])
        for label in both
        if min(source_counts[label], target_counts[label]) < minimum_cells
    )
    dropped = {label for label, _, _ in small}
    only_source = tuple(label for label in source_counts if label not in target_counts)
    only_target = tuple(label for label in target_counts if label not in source_counts)
    report = LabelReport(
        shared=tuple(label for label in both if label not in dropped),
        only_source=only_source,
        only_target=only_target,
        too_small=small,
        lookalikes=_lookalikes(source_counts, target_counts, only_source, only_target),
        source_counts=dict(source_counts),
        target_counts=dict(target_counts),
        suggestions=suggest(source_counts, target_counts, names=(source, target)),
    )
    codes = doubted_codes(source_counts, target_counts, names=(source, target))
    offered = [each.finding() for each in report.suggestions]
    found = (*_findings(report, minimum_cells, source, target), *((codes,) if codes else ()), *offered)
    return LabelReport(**{**vars(report), "findings": found})


def suggested_map(report: LabelReport) -> dict[str, str]:
    """Target label → source label for look-alikes of labels that only the target has."""
    only_target = set(report.only_target)
    mapping: dict[str, str] = {}
    for source_label, target_label, _ in report.lookalikes:
        if target_label in only_target:
            mapping.setdefault(target_label, source_label)
    return mapping


def _with_gene_ids(report: LabelReport, source: str, target: str) -> str:
    """What to do where one side has identifiers of genes and the other their names; empty where they do not."""
    ids, names = source, target
    shares = [sum(map(is_gene_id, each)) / max(1, len(each)) for each in (report.only_source, report.only_target)]
    if shares[1] > shares[0]:
        ids, names, shares = target, source, shares[::-1]
    if shares[0] <= MOSTLY_IDS or shares[1]:
        return ""
    return f"{ids} has Ensembl ids and {names} names of genes: write one column in the way of the other."


def _findings(report: LabelReport, minimum_cells: int, source: str, target: str) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    alike = report.lookalikes
    kinds = ", ".join(each.kind for each in report.suggestions)
    offer = f", or accept suggestions ({kinds})" if kinds else ""
    if not report.shared and not suggested_map(report):
        if report.too_small:
            label, n_source, n_target = report.too_small[0]
            problem = (
                f"No shared label has {minimum_cells} cells on both sides: {display(label, 24)} has "
                f"{n_source:,} in {source} and {n_target:,} in {target}."
            )
            findings.append(rejection("PM-L10", problem, "Merge small labels or load more cells."))
        else:
            here, there = name_list(report.only_source, 2), name_list(report.only_target, 2)
            problem = f"No label is shared: {source} has {here}; {target} has {there}."
            hint = _with_gene_ids(report, source, target)
            hint = hint or f"Choose label columns that mean the same, or rename the labels{offer}."
            findings.append(rejection("PM-L09", problem, hint))
    if len(report.shared) == 1 and not suggested_map(report):
        problem = f"{source} and {target} share only one label: {display(report.shared[0])}."
        hint = _with_gene_ids(report, source, target)
        hint = hint or f"Choose label columns with two or more labels in common{offer}; propensity scores need two."
        findings.append(rejection("PM-L15", problem, hint))
    if alike:
        shown = "; ".join(f"{display(a, 20)!r} and {display(b, 20)!r} ({why})" for a, b, why in alike[:2])
        verbs = "looks alike but is not equal" if len(alike) == 1 else "look alike but are not equal"
        problem = f"{plural(len(alike), 'pair')} of labels in {source} and {target} {verbs}: {shown}."
        code = {"Unicode form": "PM-L06", "similar characters": "PM-L07"}.get(alike[0][2], "PM-L05")
        findings.append(warning(code, problem, "Treat look-alikes as the same label, or rename them."))
    pairs = {label for a, b, _ in alike for label in (a, b)}
    sides = (
        (report.only_source, report.source_counts, source, target),
        (report.only_target, report.target_counts, target, source),
    )
    for labels, counts, here, there in sides:
        alone = [label for label in labels if label not in pairs]
        if alone and (report.shared or alike):
            cells = plural(sum(counts[label] for label in alone), "cell")
            problem = f"{plural(len(alone), 'label')} only in {here}, not in {there}: {name_list(alone)} ({cells})."
            findings.append(
                warning(
                    "PM-L11",
                    problem,
                    "These cells are left out; to keep them, rename or merge the labels.",
                )
            )
    if report.too_small and report.shared:
        shown = ", ".join(f"{display(label, 20)} ({n:,} and {m:,})" for label, n, m in report.too_small[:3])
        more = f" and {len(report.too_small) - 3} more" if len(report.too_small) > 3 else ""
        count = plural(len(report.too_small), "shared label")
        problem = f"{count} with too few cells (under {minimum_cells}) on one side: {shown}{more}."
        findings.append(warning("PM-L10", problem, "Merge small labels, or leave them out of the matching."))
    return tuple(findings)


def _lookalikes(
    source: Mapping[str, int], target: Mapping[str, int], only_source: tuple[str, ...], only_target: tuple[str, ...]
) -> tuple[tuple[str, str, str], ...]:
    by_form: dict[str, list[str]] = {}
    for label in source:
        by_form.setdefault(folded(label), []).append(label)
    found = [
        (each, label, _difference(each, label)) for label in only_target for each in by_form.get(folded(label), ())
    ]
    of_target = {folded(label): label for label in target if label in source}
    for label in only_source:
        twin = of_target.get(folded(label))
        if twin is not None:
            found.append((label, twin, _difference(label, twin)))
    known = {label for each in found for label in each[:2]}
    plus = [_without_plus(labels, known) for labels in (only_source, only_target)]
    return (*found, *((plus[0][form], label, "plus sign") for form, label in plus[1].items() if form in plus[0]))


def _without_plus(labels: tuple[str, ...], known: set[str]) -> dict[str, str]:
    """The labels by their form without plus signs, as CD4+ T is called CD4 T too; none where two have one form."""
    forms = {label: folded(_PLUS.sub("", label)) for label in labels if label not in known}
    times = Counter(forms.values())
    return {form: label for label, form in forms.items() if times[form] == 1}


def _difference(one: str, other: str) -> str:
    """How two labels that look alike differ, in a word or two."""
    if plain_number(one) == plain_number(other):
        return "1.0 and 1"
    if " ".join(one.split()) == " ".join(other.split()):
        return "spaces"
    if " ".join(one.split()).casefold() == " ".join(other.split()).casefold():
        return "case" if len(one) == len(other) else "case, spaces"
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other):
        return "Unicode form"
    if PARTING.sub(" ", one).strip().casefold() == PARTING.sub(" ", other).strip().casefold():
        return "spelling"
    return "similar characters"
