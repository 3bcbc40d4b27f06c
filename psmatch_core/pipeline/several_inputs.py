"""Inputs of several modalities: the labels that all of them have, and the cells that are left out of each, with why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psmatch_core.base.errors import plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.data.checks import display
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.labels.several_labels import check_shared, compare_labels
from psmatch_core.data.modality import Modality
from psmatch_core.data.modality_names import check_modality_names
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.sides import ALL_SIDES, SIDES
from psmatch_core.pipeline.inputs import FEW_LABELS, check_together, read_input


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


def read_files(
    files: Mapping[str, DataSpec],
    *,
    progress: Progress = silent,
    reading: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext(),
) -> dict[str, Modality]:
    """Read several modalities from their files, by name; of a demo the first is the source, the second the target.

    Parameters
    ----------
    reading
        Entered while the file of a name is read, to say more about what is refused.

    Raises
    ------
    PsmatchError
        If a file cannot be used.
    """
    found = {}
    for at, (name, spec) in enumerate(files.items()):
        progress(Event("read", at / len(files), f"reading {name}"))
        with reading(name):
            found[name] = read_input(spec, side=ALL_SIDES[min(at, len(ALL_SIDES) - 1)])
    progress(Event("read", 1.0))
    return found


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
    for one, other in itertools.combinations(names, 2):
        notes += [str(finding) for finding in check_together(came[one], came[other])]
    labels = compare_labels(rules, {name: cells.label_counts for name, cells in came.items()})
    notes += [str(finding) for finding in labels.findings]
    check_shared(labels, rules)
    named = {name: cells.with_labels(rules.renaming(sides[name])) for name, cells in came.items()}
    kept = {name: _kept(cells, labels.table, rules, seed) for name, cells in named.items()}
    notes += _said(named, kept, labels.table)
    n_shared = len(labels.shared)
    if n_shared < FEW_LABELS:
        notes.append(
            f"Only {n_shared} labels are in all modalities, so scores have {n_shared - 1} dimensions and "
            "distinguish cells within a label only roughly. More labels give better matches."
        )
    return SeveralInputs(kept, labels.table, tuple(dict.fromkeys(notes)))


def _called(cells: Modality, name: str) -> Modality:
    """The modality under the name that the user gave it, also in what is found in it."""
    facts = None if cells.facts is None else replace(cells.facts, name=name)
    return replace(cells, name=name, facts=facts)


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
