"""Inputs of several modalities: the labels that all of them have, and the cells that are left out of each, with why."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.randomness import stream
from psmatch_core.data.checks import display, name_list, raise_rejections
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules, renamed
from psmatch_core.data.labels.shared_labels import LabelReport, suggested_map
from psmatch_core.data.modality import Modality
from psmatch_core.data.modality_names import check_modality_names
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.inputs import FEW_LABELS, check_together

# Codes of what the table of labels says already: labels that one modality lacks or has few cells of. Between two
# modalities that are not the reference they are not said again.
SAID_OF_THE_REFERENCE = ("PM-L10", "PM-L11")
RULES_WITHOUT_LABEL = "PM-L27"  # a rule on a label that one pair lacks may be meant for another: asked of all at once
MOST_NAMED = 3  # modalities whose labels a message lists
LONGEST_RENAMING = 200  # characters of a setting that a message shows whole


@dataclass(frozen=True, eq=False)
class SeveralInputs:
    """Modalities with the labels that all of them have; each lists the cells that were excluded from it.

    Parameters
    ----------
    modalities
        By name, the reference first.
    labels
        One row for each label of any modality: ``label``, its cells in each modality (``n_NAME``), ``matched``, and
        ``reason`` if it is not.
    """

    modalities: Mapping[str, Modality]
    labels: pd.DataFrame
    notes: tuple[str, ...]


def prepare_several(rules: LabelRules, modalities: Mapping[str, Modality], *, seed: int = 0) -> SeveralInputs:
    """Rename labels, and exclude and list the cells whose label is not in every modality.

    ``rename_source`` holds for the reference, ``rename_target`` for all others.

    Raises
    ------
    PsmatchError
        For names that cannot be used, if fewer than two labels are in all modalities, or if labels that are not in all
        are to be refused.
    """
    names = tuple(modalities)
    check_modality_names(names)
    sides = {name: SIDES[min(at, 1)] for at, name in enumerate(names)}
    came = {name: _called(cells, name) for name, cells in modalities.items()}
    notes = [str(finding) for cells in came.values() for finding in cells.findings]
    small: dict[str, str] = {}
    shared = set(came[names[0]].with_labels(rules.renaming(SIDES[0])).label_names)
    renames: dict[str, str] = {}
    for one, other in itertools.combinations(names, 2):
        notes += [str(finding) for finding in check_together(came[one], came[other])]
        report = _compared(rules, came[one], came[other], sides[one])
        raise_rejections(report.findings)
        if one == names[0]:
            shared &= set(report.shared)
            small |= {label: f"fewer than {rules.minimum_cells} cells in a modality" for label, *_ in report.too_small}
            renames = {**suggested_map(report), **renames}
        said = (RULES_WITHOUT_LABEL, *(() if one == names[0] else SAID_OF_THE_REFERENCE))
        notes += [str(finding) for finding in report.findings if finding.code not in said]
    notes += _rules_without_label(rules, list(came.values()))
    named = {name: cells.with_labels(rules.renaming(sides[name])) for name, cells in came.items()}
    table = _label_table(named, shared, rules, small)
    _check_shared(table, rules, names, renames)
    kept = {name: _kept(cells, table, rules, seed) for name, cells in named.items()}
    notes += _said(named, kept, table)
    if len(shared) < FEW_LABELS:
        notes.append(
            f"Only {len(shared)} labels are in all modalities, so scores have {len(shared) - 1} dimensions and "
            "distinguish cells within a label only roughly. More labels give better matches."
        )
    return SeveralInputs(kept, table, tuple(dict.fromkeys(notes)))


def _called(cells: Modality, name: str) -> Modality:
    """The modality under the name that the user gave it, also in what is found in it."""
    facts = None if cells.facts is None else replace(cells.facts, name=name)
    return replace(cells, name=name, facts=facts)


def _compared(rules: LabelRules, one: Modality, other: Modality, side: str) -> LabelReport:
    """The labels of two modalities compared; ``side`` is whose renaming holds for the first."""
    counts = one.label_counts
    if side != SIDES[0]:  # neither is the reference: both are renamed as the target
        counts = renamed(counts, rules.renaming(side))
        rules = replace(rules, rename_source=())
    return reconcile_by_rules(rules, counts, other.label_counts, source_name=one.name, target_name=other.name)


def _rules_without_label(rules: LabelRules, came: Sequence[Modality]) -> list[str]:
    """Rules on labels that no modality has, in which they would do nothing in silence."""
    reference, *others = came
    rest = dict(sum((Counter(cells.label_counts) for cells in others), Counter()))
    name = others[0].name if len(others) == 1 else "the rest"
    report = reconcile_by_rules(rules, reference.label_counts, rest, source_name=reference.name, target_name=name)
    return [str(finding) for finding in report.findings if finding.code == RULES_WITHOUT_LABEL]


def _label_table(
    named: Mapping[str, Modality], shared: set[str], rules: LabelRules, small: Mapping[str, str]
) -> pd.DataFrame:
    rows = []
    for label in sorted({label for cells in named.values() for label in cells.label_names}):
        counts = {name: cells.label_counts.get(label, 0) for name, cells in named.items()}
        missing = [name for name, count in counts.items() if not count]
        absent = f"its label is not in {some(missing)}" if missing else ""
        few = f"its label has {small[label]}" if label in small else ""
        reason = "" if label in shared else rules.reason_against(label) or absent or few
        columns = {f"n_{name}": count for name, count in counts.items()}
        rows.append({"label": label, **columns, "matched": label in shared, "reason": reason})
    return pd.DataFrame(rows)


def _check_shared(table: pd.DataFrame, rules: LabelRules, names: Sequence[str], renames: Mapping[str, str]) -> None:
    """Refuse labels that are not in all modalities if they are to be refused, and fewer than two that are.

    Parameters
    ----------
    renames
        Labels of others that look like one of the reference, with that one.
    """
    one_sided = table[table["reason"].str.startswith("its label is not in")]
    if len(one_sided) and rules.unshared == "refuse":
        raise PsmatchError(
            f"{plural(len(one_sided), 'label')} not in every modality: {some(one_sided['label'].tolist())}.",
            hint="Rename each to its counterpart, or set labels.unshared to 'leave out'.",
            code="PM-L11",
        )
    n_shared = int(table["matched"].sum())
    if n_shared < 2:
        hint = "Choose label columns with two or more labels in common, or lower labels.minimum_cells."
        if renames:
            hint = f"Rename labels that look alike: {_rename_setting(renames)} (after --set, or in the recipe)."
        each = "; ".join(_labels_of(table, name, {*renames, *renames.values()}) for name in names[:MOST_NAMED])
        raise PsmatchError(
            f"{plural(n_shared, 'label')} left that all modalities share, but a classifier needs two: {each}.",
            hint=hint,
            code="PM-L15",
        )


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


def _labels_of(table: pd.DataFrame, name: str, first: set[str]) -> str:
    """Such as ``rna has STAT1, MYC and 3 more``; ``first`` come first."""
    found = sorted(table.loc[table[f"n_{name}"] > 0, "label"].tolist(), key=lambda label: label not in first)
    return f"{display(name, 20)} has {name_list(found, 2)}"


def _kept(cells: Modality, table: pd.DataFrame, rules: LabelRules, seed: int) -> Modality:
    """The cells of the labels that are matched; every other cell is listed with its reason."""
    for label, reason in table.loc[~table["matched"], ["label", "reason"]].itertuples(index=False):
        cells = cells.select(cells.labels != label, reason)
    drawn = np.ones(cells.n_cells, dtype=bool)
    for label, n_cells in cells.label_counts.items():
        if 0 < rules.maximum_cells < n_cells:
            mine = np.flatnonzero(cells.labels == label)
            # Each modality draws for itself: if two measured the same physical cells, nothing may link them.
            order = stream(seed, "cells of a large label", cells.name, label).permutation(mine)
            drawn[order[rules.maximum_cells :]] = False
    return cells.select(drawn, f"its label has more than {rules.maximum_cells} cells, and others were drawn")


def _said(came: Mapping[str, Modality], kept: Mapping[str, Modality], table: pd.DataFrame) -> list[str]:
    """What was left out, by label and by modality."""
    notes = []
    left = table[~table["matched"]]
    if len(left):
        each = [f"{display(label, 24)} ({reason})" for label, reason in zip(left["label"], left["reason"], strict=True)]
        notes.append(f"{plural(len(left), 'label')} not matched: {some(each, 6)}.")
    for name, cells in kept.items():
        n_read, n_label = len(came[name].excluded), len(cells.excluded) - len(came[name].excluded)
        if n_read:
            notes.append(f"{name}: {plural(n_read, 'cell')} excluded on reading.")
        if n_label:
            notes.append(f"{name}: {plural(n_label, 'cell')} excluded by label.")
    return notes
