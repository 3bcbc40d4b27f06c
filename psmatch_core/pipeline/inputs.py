"""Inputs: from the files of a recipe to two modalities with the same labels."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.data.checks import (
    AUTOMATIC,
    Finding,
    KnownPairs,
    LabelCounts,
    Severity,
    check_pair,
    display,
    raise_rejections,
)
from psmatch_core.data.checks.label_column import check_label_counts
from psmatch_core.data.checks.pairing import PAIRING_CODE
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules, renamed
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, copy_into, inspect_file
from psmatch_core.data.readers.clean_copy import read_copy
from psmatch_core.data.readers.sandbox import shared_sandbox
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline.recipe import DEMO_PREFIX, Recipe

OF_LABEL_SIZES = ("PM-L10", "PM-L13", "PM-L16")  # codes of what is found in the numbers of cells of labels
FEW_LABELS = 8  # with fewer labels than latent dimensions, scores lose information (Xi et al. 2024, Prop. 2)


@dataclass(frozen=True, eq=False)
class PreparedInputs:
    """Both modalities with their shared labels only; each lists the cells that were excluded from it.

    ``pairs`` says how true pairs are known; both modalities carry them.
    """

    source: Modality
    target: Modality
    labels: LabelReport
    notes: tuple[str, ...]
    pairs: KnownPairs


def sandbox_of(recipe: Recipe) -> AbstractContextManager[None]:
    """Where the files of a recipe are opened: while inside, by children of one process. A demo needs none."""
    named = [each for each in (recipe.source, recipe.target) if each is not None]
    return nullcontext() if all(each.path.startswith(DEMO_PREFIX) for each in named) else shared_sandbox()


def check_inputs(recipe: Recipe) -> None:
    """Open the files of a recipe, before anything is written for a run of them.

    Raises
    ------
    PsmatchError
        If the recipe names no files, or a file, its matrix or its label column cannot be used.
    """
    for spec in _specs(recipe):
        if not spec.path.startswith(DEMO_PREFIX):
            inspect_file(spec, is_final=True)


def read_inputs(recipe: Recipe, *, progress: Progress = silent) -> tuple[Modality, Modality]:
    """Read the two modalities from the files of a recipe.

    Raises
    ------
    PsmatchError
        If the recipe names no files, or a file cannot be used.
    """
    modalities = []
    with sandbox_of(recipe):
        for side, spec in zip(("source", "target"), _specs(recipe), strict=True):
            progress(Event("read", 0.0 if side == "source" else 0.5, f"reading {spec.name or side}"))
            modalities.append(read_input(spec, side=side))
    progress(Event("read", 1.0))
    return modalities[0], modalities[1]


def _specs(recipe: Recipe) -> tuple[DataSpec, DataSpec]:
    if recipe.source is None or recipe.target is None:
        raise PsmatchError(
            "The recipe names no data files.",
            hint="Give a source and a target modality, or name the files in the recipe.",
        )
    return recipe.source, recipe.target


def read_input(spec: DataSpec, *, side: str) -> Modality:
    """Read one modality, of a demo or of a file; a file is first copied by a child process with limits."""
    name = spec.name or side
    if not spec.path.startswith(DEMO_PREFIX):
        with tempfile.TemporaryDirectory(prefix="psmatch-") as folder:
            return Modality.from_checked(read_copy(copy_into(spec, Path(folder) / f"{side}.h5ad"), spec), spec, name)
    from psmatch_core.pipeline.demo_sides import demo_sides

    sides = demo_sides(spec.path.removeprefix(DEMO_PREFIX))  # the same data for every seed of the run
    if side not in sides:
        raise PsmatchError(f"The demo has no {side} modality.", hint="Give a file as the third.")
    return Modality.from_anndata(
        sides[side],
        label_key=spec.label_name,
        name=name,
        matrix=spec.matrix,
        pair_key=spec.pair_key or None,
        missing_labels=spec.missing_labels,
    )


def check_together(source: Modality, target: Modality) -> tuple[Finding, ...]:
    """The findings on two modalities together, as ``inspect`` reports them for two files.

    How true pairs are known is decided with the settings of the run, and is left out here.
    """
    if source.facts is None or target.facts is None:
        return ()
    one, other = source.facts, target.facts
    may_be_same = one.n_cells == other.n_cells and one.features.digest == other.features.digest
    if may_be_same and not (one.sha256 and other.sha256):
        one, other = (replace(each.facts, sha256=each.fingerprint) for each in (source, target) if each.facts)
    found = check_pair(
        one,
        other,
        source_label_key=source.label_key,
        target_label_key=target.label_key,
        pair_keys=(one.pair_key, other.pair_key),
    )
    return tuple(each for each in found if each.code != PAIRING_CODE)


def prepare_inputs(
    rules: LabelRules, source: Modality, target: Modality, *, pairs: str = AUTOMATIC, seed: int = 0
) -> PreparedInputs:
    """Rename labels, decide how pairs are known, exclude and list the cells that are left out.

    Parameters
    ----------
    pairs
        The setting ``judging.pairs``.
    seed
        The seed of the run, by which cells of large labels are drawn.

    Raises
    ------
    PsmatchError
        If fewer than two labels are shared, or if labels of one modality only are to be refused.
    """
    together = check_together(source, target)
    counts = source.label_counts, target.label_counts  # as the files have them
    findings = (*_findings_under(rules, source, "source"), *_findings_under(rules, target, "target"))
    source = source.with_labels(rules.renaming("source"))
    target = target.with_labels(rules.renaming("target"))
    source, target, known = with_known_pairs(source, target, pairs)
    names = (
        (source.name, target.name)
        if source.name != target.name
        else (f"{source.name} (source)", f"{target.name} (target)")
    )
    report = reconcile_by_rules(rules, *counts, source_name=names[0], target_name=names[1])
    raise_rejections(report.findings)
    one_sided = report.only_source + report.only_target
    if one_sided and rules.unshared == "refuse":
        raise PsmatchError(
            f"{plural(len(one_sided), 'label')} found in one modality only: {some(one_sided)}.",
            hint="Rename each to its counterpart, or set labels.unshared to 'leave out'.",
            code="PM-L11",
        )
    notes = [str(finding) for finding in (*findings, *together, *report.findings)]
    notes += [
        f"{side.name}: {plural(len(side.excluded), 'cell')} excluded on reading; excluded_cells.csv lists them."
        for side in (source, target)
        if side.excluded
    ]
    sides = []
    for which, side in zip(SIDES, (source, target), strict=True):
        kept = _kept_cells(side, report, rules, seed=seed, which=which)
        n_excluded = side.n_cells - kept.n_cells
        if n_excluded:
            notes.append(f"{side.name}: {plural(n_excluded, 'cell')} excluded by label; excluded_cells.csv lists them.")
        notes += _rule_notes(side.name, report, rules, kept.excluded[len(side.excluded) :], which=which)
        sides.append(kept)
    if len(report.shared) < 2:
        hint = "Choose a label column with two or more shared labels, or lower labels.minimum_cells."
        if report.lookalikes:
            one, other, how = report.lookalikes[0]
            pair = f"{display(one, 20)!r} and {display(other, 20)!r} differ ({how})"
            hint = f"Rename labels that look alike (labels.rename_target): {pair}."
        raise PsmatchError(
            f"{plural(len(report.shared), 'label')} left that both modalities share, but a classifier needs two.",
            hint=hint,
            code="PM-L15",
        )
    if len(report.shared) < FEW_LABELS:
        notes.append(
            f"Only {len(report.shared)} labels are shared, so scores have {len(report.shared) - 1} dimensions and "
            "distinguish cells within a label only roughly. More labels give better matches."
        )
    return PreparedInputs(sides[0], sides[1], report, tuple(notes), known)


def _findings_under(rules: LabelRules, side: Modality, which: str) -> list[Finding]:
    """The findings on one modality, those on the sizes of its labels as they are under the rules."""
    named = renamed(side.label_counts, rules.renaming(which))
    left = {label: cells for label, cells in named.items() if not rules.reason_against(label)}
    if left == side.label_counts or not left:
        return list(side.findings)
    ordered = dict(sorted(left.items(), key=lambda each: (-each[1], each[0])))
    n_cells = sum(ordered.values())
    again = check_label_counts(LabelCounts("text", ordered, n_cells, 0, 0), name=side.name, label_key=side.label_key)
    kept = [each for each in side.findings if each.code not in OF_LABEL_SIZES]
    return [*kept, *(each for each in again if each.code in OF_LABEL_SIZES and each.severity is Severity.WARN)]


def _kept_cells(side: Modality, report: LabelReport, rules: LabelRules, *, seed: int, which: str) -> Modality:
    """The cells of shared labels that the rules keep; every other cell is listed with its reason."""
    for label in side.label_names:
        if reason := rules.reason_against(label):
            side = side.select(side.labels != label, reason)
    small = [label for label, _, _ in report.too_small]
    side = side.select(np.isin(side.labels, [*report.shared, *small]), "its label is in this modality only")
    reason = f"its label has fewer than {rules.minimum_cells} cells in one modality"
    side = side.select(~np.isin(side.labels, small), reason)
    drawn = np.ones(side.n_cells, dtype=bool)
    for label, n_cells in side.label_counts.items():
        if 0 < rules.maximum_cells < n_cells:
            cells = np.flatnonzero(side.labels == label)
            # Each side draws for itself: if both measured the same physical cells, nothing may link them.
            order = stream(seed, "cells of a large label", which, label).permutation(cells)
            drawn[order[rules.maximum_cells :]] = False
    return side.select(drawn, f"its label has more than {rules.maximum_cells} cells, and others were drawn")


def _rule_notes(
    name: str, report: LabelReport, rules: LabelRules, excluded: tuple[tuple[str, str], ...], *, which: str
) -> list[str]:
    """What the rules took away, counted by label."""
    column = 1 + SIDES.index(which)
    gone = [f"{display(row[0], 24)} ({row[column]:,})" for row in report.left_out if row[column]]
    notes = [f"{name}: cells left out by labels.leave_out or labels.keep_only: {some(gone, 8)}."] if gone else []
    n_thinned = sum("others were drawn" in reason for _, reason in excluded)
    if n_thinned:
        notes.append(
            f"{name}: {plural(n_thinned, 'cell')} left out so that no label has more than {rules.maximum_cells:,} "
            "(labels.maximum_cells)."
        )
    return notes
