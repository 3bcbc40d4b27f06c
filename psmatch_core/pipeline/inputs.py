"""Inputs: from a recipe's files to two modalities whose labels have been brought together."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.data.checks import raise_rejections
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec, copy_into
from psmatch_core.data.shared_labels import LabelReport, reconcile
from psmatch_core.pipeline.recipe import DEMO_PREFIX, LabelRules, Recipe

FEW_LABELS = 8  # fewer labels than latent dimensions lose information (Xi et al. 2024, Prop. 2)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Both sides after their labels were brought together; what was left out is listed in each modality."""

    source: Modality
    target: Modality
    labels: LabelReport
    notes: tuple[str, ...]


def load_inputs(recipe: Recipe, *, progress: Progress = silent) -> tuple[Modality, Modality]:
    """The two modalities that a recipe's files hold."""
    if recipe.source is None or recipe.target is None:
        raise PsmatchError(
            "The recipe names no data files.",
            hint="Give source and target modalities, or name the files in the recipe.",
        )
    modalities = []
    for side, spec in (("source", recipe.source), ("target", recipe.target)):
        progress(Event("read", 0.0 if side == "source" else 0.5, f"reading {spec.name or side}"))
        modalities.append(load_input(spec, side=side))
    progress(Event("read", 1.0))
    return modalities[0], modalities[1]


def load_input(spec: DataSpec, *, side: str) -> Modality:
    """One modality: a demo's side, or a file, opened in a child process and copied before it is read."""
    name = spec.name or side
    dropped: tuple[str, ...] = ()
    if spec.path.startswith(DEMO_PREFIX):
        from psmatch_core.pipeline.demo_data import demo

        pair = demo(spec.path.removeprefix(DEMO_PREFIX))  # the same data whatever the seed of the run
        adata = pair[0 if side == "source" else 1]
        matrix = spec.matrix
    else:
        import anndata

        with tempfile.TemporaryDirectory(prefix="psmatch-") as folder:
            adata = anndata.read_h5ad(copy_into(spec, Path(folder) / f"{side}.h5ad"))
        matrix = "X"  # the copy holds the chosen matrix alone
        dropped = tuple(str(cell) for cell in adata.uns["psmatch"]["dropped_without_label"])
    modality = Modality.from_anndata(
        adata,
        label_key=spec.label_key,
        name=name,
        matrix=matrix,
        pair_key=spec.pair_key or None,
        missing_labels=spec.missing_labels,
    )
    reason = f"no label in column {spec.label_key!r}"
    return replace(modality, excluded=(*modality.excluded, *((cell, reason) for cell in dropped)))


def prepare(rules: LabelRules, source: Modality, target: Modality) -> Prepared:
    """Bring the labels of both sides together: rename, leave out what only one side has, list every cell left out.

    Raises
    ------
    PsmatchError
        Where no label is shared, or labels on one side only are to be refused.
    """
    source = source.with_labels(dict(rules.rename_source))
    target = target.with_labels(dict(rules.rename_target))
    names = (
        (source.name, target.name)
        if source.name != target.name
        else (f"{source.name} (source)", f"{target.name} (target)")
    )
    report = reconcile(
        source.label_counts,
        target.label_counts,
        minimum_cells=rules.minimum_cells,
        source_name=names[0],
        target_name=names[1],
    )
    raise_rejections(report.findings)
    one_sided = report.only_source + report.only_target
    if one_sided and rules.unshared == "refuse":
        raise PsmatchError(
            f"{plural(len(one_sided), 'label')} stand in one modality only: {some(one_sided)}.",
            hint="Rename them to their counterpart, or set labels.unshared to 'leave out'.",
            code="PM-L11",
        )
    notes = [str(finding) for finding in (*source.findings, *target.findings, *report.findings)]
    notes += [
        f"{side.name}: {plural(len(side.excluded), 'cell')} left out when reading, listed in excluded_cells.csv."
        for side in (source, target)
        if side.excluded
    ]
    sides = []
    for side in (source, target):
        shared = np.isin(side.labels, report.shared)
        small = np.isin(side.labels, [label for label, _, _ in report.too_small])
        kept = side.select(shared | small, "its label is in this modality only")
        small = small[shared | small]
        kept = kept.select(~small, f"its label has fewer than {rules.minimum_cells} cells on a side")
        left_out = side.n_cells - kept.n_cells
        if left_out:
            notes.append(
                f"{side.name}: {plural(left_out, 'cell')} left out by label; they are listed in excluded_cells.csv."
            )
        sides.append(kept)
    if len(report.shared) < 2:
        raise PsmatchError(
            f"Only {plural(len(report.shared), 'label')} remain on both sides; a classifier needs two.",
            hint="Choose a label column with two or more shared labels, or lower labels.minimum_cells.",
            code="PM-L15",
        )
    if len(report.shared) < FEW_LABELS:
        notes.append(
            f"Only {len(report.shared)} labels are shared: scores then live in {len(report.shared) - 1} dimensions and "
            "tell cells within a label apart only roughly. More labels match better."
        )
    return Prepared(sides[0], sides[1], report, tuple(notes))
