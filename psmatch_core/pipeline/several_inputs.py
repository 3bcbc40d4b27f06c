"""Inputs of several modalities: the labels that all of them have, and the cells that are left out of each, with why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.randomness import stream
from psmatch_core.data.checks import display, raise_rejections
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.inputs import FEW_LABELS, check_together


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
        If fewer than two labels are in all modalities, or if labels that are not in all are to be refused.
    """
    names = tuple(modalities)
    for name in names:
        if not name.strip() or "/" in name or "|" in name:
            raise PsmatchError(
                f"{name!r} cannot be the name of a modality: it becomes part of columns and of an HDF5 file.",
                hint="Use a short text without / and |, such as rna.",
            )
    sides = {name: SIDES[min(at, 1)] for at, name in enumerate(names)}
    came = {name: replace(cells, name=name) for name, cells in modalities.items()}
    notes = [str(finding) for cells in came.values() for finding in cells.findings]
    reference = came[names[0]]
    small: dict[str, str] = {}
    shared = set(reference.with_labels(rules.renaming(SIDES[0])).label_names)
    for name in names[1:]:
        notes += [str(finding) for finding in check_together(reference, came[name])]
        counts = reference.label_counts, came[name].label_counts
        report = reconcile_by_rules(rules, *counts, source_name=names[0], target_name=name)
        raise_rejections(report.findings)
        notes += [str(finding) for finding in report.findings]
        shared &= set(report.shared)
        small |= {label: f"fewer than {rules.minimum_cells} cells in a modality" for label, *_ in report.too_small}
    named = {name: cells.with_labels(rules.renaming(sides[name])) for name, cells in came.items()}
    table = _label_table(named, shared, rules, small)
    _check_shared(table, rules)
    kept = {name: _kept(cells, table, rules, seed) for name, cells in named.items()}
    notes += _said(named, kept, table)
    if len(shared) < FEW_LABELS:
        notes.append(
            f"Only {len(shared)} labels are in all modalities, so scores have {len(shared) - 1} dimensions and "
            "distinguish cells within a label only roughly. More labels give better matches."
        )
    return SeveralInputs(kept, table, tuple(dict.fromkeys(notes)))


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


def _check_shared(table: pd.DataFrame, rules: LabelRules) -> None:
    one_sided = table[table["reason"].str.startswith("its label is not in")]
    if len(one_sided) and rules.unshared == "refuse":
        raise PsmatchError(
            f"{plural(len(one_sided), 'label')} not in every modality: {some(one_sided['label'].tolist())}.",
            hint="Rename each to its counterpart, or set labels.unshared to 'leave out'.",
            code="PM-L11",
        )
    n_shared = int(table["matched"].sum())
    if n_shared < 2:
        raise PsmatchError(
            f"{plural(n_shared, 'label')} left that all modalities share, but a classifier needs two.",
            hint="Choose label columns with two or more labels in common, or lower labels.minimum_cells.",
            code="PM-L15",
        )


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
