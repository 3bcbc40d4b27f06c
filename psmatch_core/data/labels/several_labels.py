"""Labels of several modalities compared: those that all of them have, and why others are not matched."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.checks import Finding, display, name_list, raise_rejections
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules, renamed
from psmatch_core.data.labels.shared_labels import LabelReport, suggested_map
from psmatch_core.data.sides import SIDES

# Codes of what the table of labels says already: labels that one modality lacks or has few cells of. Between two
# modalities that are not the reference they are not said again.
SAID_OF_THE_REFERENCE = ("PM-L10", "PM-L11")
RULES_WITHOUT_LABEL = "PM-L27"  # a rule on a label that one pair lacks may be meant for another: asked of all at once
MOST_NAMED = 3  # modalities whose labels a message lists
LONGEST_RENAMING = 200  # characters of a setting that a message shows whole


@dataclass(frozen=True)
class SeveralLabels:
    """The labels of several modalities compared.

    Parameters
    ----------
    counts
        By modality, the reference first: cells of each label, by its name under the rules [cells].
    shared
        Labels that all modalities have, each with enough cells.
    reasons
        Why each other label is not matched.
    renames
        Labels of others that look like one of the reference, with that one.
    findings
        What is remarkable.
    """

    counts: Mapping[str, Mapping[str, int]]
    shared: frozenset[str]
    reasons: Mapping[str, str]
    renames: Mapping[str, str]
    findings: tuple[Finding, ...]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each label: ``label``, its cells in each modality (``n_NAME``), ``matched``, and ``reason``."""
        rows = []
        for label in sorted({*self.shared, *self.reasons}):
            columns = {f"n_{name}": found.get(label, 0) for name, found in self.counts.items()}
            rows.append(
                {"label": label, **columns, "matched": label in self.shared, "reason": self.reasons.get(label, "")}
            )
        return pd.DataFrame(rows)


def compare_labels(rules: LabelRules, files: Mapping[str, Mapping[str, int]]) -> SeveralLabels:
    """Compare the labels of several modalities as they are under some rules.

    ``rename_source`` holds for the reference, ``rename_target`` for all others.

    Parameters
    ----------
    files
        By modality, the reference first: cells of each label as the files have them [cells].

    Raises
    ------
    PsmatchError
        For labels that only look alike in two of them so that nothing could be matched.
    """
    names = tuple(files)
    sides = {name: SIDES[min(at, 1)] for at, name in enumerate(names)}
    counts = {name: renamed(files[name], rules.renaming(sides[name])) for name in names}
    shared = set(counts[names[0]])
    small: dict[str, str] = {}
    renames: dict[str, str] = {}
    findings: list[Finding] = []
    for one, other in itertools.combinations(names, 2):
        report = _compared(rules, files, (one, other), sides[one])
        raise_rejections(report.findings)
        if one == names[0]:
            shared &= set(report.shared)
            small |= {label: f"fewer than {rules.minimum_cells} cells in a modality" for label, *_ in report.too_small}
            renames = {**suggested_map(report), **renames}
        said = (RULES_WITHOUT_LABEL, *(() if one == names[0] else SAID_OF_THE_REFERENCE))
        findings += [finding for finding in report.findings if finding.code not in said]
    findings += _rules_without_label(rules, files)
    reasons = _reasons(counts, shared, rules, small)
    return SeveralLabels(counts, frozenset(shared), reasons, renames, tuple(dict.fromkeys(findings)))


def look_alikes(rules: LabelRules, files: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Labels of the last modality that differ from one of the reference by spelling only, with that one.

    Parameters
    ----------
    files
        As of :func:`compare_labels`; it is not asked whether anything could be matched.
    """
    reference, *_, last = files
    return suggested_map(_compared(rules, files, (reference, last), SIDES[0]))


def rules_of_two(rules: LabelRules, target: Mapping[str, int], third: Mapping[str, int]) -> LabelRules:
    """The rules for the first two modalities: without the renaming of labels that only a third has.

    Parameters
    ----------
    target, third
        Cells of each label as the files have them [cells].
    """
    pairs = tuple(pair for pair in rules.rename_target if pair[0] in target or pair[0] not in third)
    return rules if pairs == rules.rename_target else replace(rules, rename_target=pairs)


def check_shared(labels: SeveralLabels, rules: LabelRules) -> None:
    """Refuse labels that are not in all modalities if they are to be refused, and fewer than two that are.

    Raises
    ------
    PsmatchError
        With what each modality has, and the renaming that would help.
    """
    one_sided = [label for label, reason in labels.reasons.items() if reason.startswith("its label is not in")]
    if one_sided and rules.unshared == "refuse":
        raise PsmatchError(
            f"{plural(len(one_sided), 'label')} not in every modality: {some(one_sided)}.",
            hint="Rename each to its counterpart, or set labels.unshared to 'leave out'.",
            code="PM-L11",
        )
    if len(labels.shared) < 2:
        hint = "Choose label columns with two or more labels in common, or lower labels.minimum_cells."
        renames = labels.renames
        if renames:
            hint = f"Rename labels that look alike: {_rename_setting(renames)} (after --set, or in the recipe)."
        first = {*renames, *renames.values()}
        each = "; ".join(_labels_of(name, labels.counts[name], first) for name in list(labels.counts)[:MOST_NAMED])
        raise PsmatchError(
            f"{plural(len(labels.shared), 'label')} left that all modalities share, but a classifier needs two: "
            f"{each}.",
            hint=hint,
            code="PM-L15",
        )


def _compared(
    rules: LabelRules, files: Mapping[str, Mapping[str, int]], names: tuple[str, str], side: str
) -> LabelReport:
    """The labels of two modalities compared; ``side`` is whose renaming holds for the first."""
    one, other = names
    counts = files[one]
    if side != SIDES[0]:  # neither is the reference: both are renamed as the target
        counts = renamed(counts, rules.renaming(side))
        rules = replace(rules, rename_source=())
    return reconcile_by_rules(rules, counts, files[other], source_name=one, target_name=other)


def _rules_without_label(rules: LabelRules, files: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Rules on labels that no modality has, in which they would do nothing in silence."""
    reference, *others = files
    rest = dict(sum((Counter(files[name]) for name in others), Counter()))
    name = others[0] if len(others) == 1 else "the rest"
    report = reconcile_by_rules(rules, files[reference], rest, source_name=reference, target_name=name)
    return [finding for finding in report.findings if finding.code == RULES_WITHOUT_LABEL]


def _reasons(
    counts: Mapping[str, Mapping[str, int]], shared: set[str], rules: LabelRules, small: Mapping[str, str]
) -> dict[str, str]:
    """Why each label that is not shared is not matched, by label in order."""
    found = {}
    for label in sorted({label for each in counts.values() for label in each} - shared):
        missing = [name for name, each in counts.items() if not each.get(label, 0)]
        absent = f"its label is not in {some(missing)}" if missing else ""
        few = f"its label has {small[label]}" if label in small else ""
        found[label] = rules.reason_against(label) or absent or few
    return found


def _rename_setting(renames: Mapping[str, str]) -> str:
    """The setting that renames labels of the other modalities, as it is typed; its start if it is long."""
    if any(set(label) & set("=,'") for pair in renames.items() for label in pair):
        text = json.dumps([list(pair) for pair in renames.items()], ensure_ascii=False).replace("'", "'\\''")
    else:
        text = ", ".join(f"{was}={becomes}" for was, becomes in renames.items())
    if len(text) <= LONGEST_RENAMING:
        return f"labels.rename_target='{text}'"
    was, becomes = next(iter(renames.items()))
    more = f"and {len(renames) - 1:,} more alike" if len(renames) > 1 else "in full"
    return f"labels.rename_target with {display(was, 40)!r} to {display(becomes, 40)!r} {more}"


def _labels_of(name: str, counts: Mapping[str, int], first: set[str]) -> str:
    """Such as ``rna has STAT1, MYC and 3 more``; ``first`` come first."""
    found: Sequence[str] = sorted(sorted(counts), key=lambda label: label not in first)
    return f"{display(name, 20)} has {name_list(found, 2)}"
