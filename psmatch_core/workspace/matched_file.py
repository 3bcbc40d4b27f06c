"""matched.h5mu of a finished run: what `psmatch matched` and the Export page write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from psmatch_core.data.modality import Modality
from psmatch_core.exports.matched_h5mu import write_matched
from psmatch_core.exports.provenance import portable_recipe, versions
from psmatch_core.matching.coupling import Coupling
from psmatch_core.pipeline.recipe import ExportRules
from psmatch_core.workspace import files
from psmatch_core.workspace.results import load_matching, load_modalities, load_models
from psmatch_core.workspace.run_folder import RunFolder


def write_matched_of(
    folder: RunFolder,
    path: Path,
    *,
    values: str = "best",
    rules: ExportRules | None = None,
    coupling: Coupling | None = None,
) -> Path:
    """Write the matched cells of a run; see :func:`~psmatch_core.exports.matched_h5mu.write_matched`.

    Parameters
    ----------
    rules
        Which pairs ``pairs`` are; those of the run unless given.
    coupling
        The run's coupling, if it is loaded already.
    """
    if folder.path in path.parents:
        folder.check_writable()
    recipe = folder.recipe
    source, target = load_modalities(folder)
    return write_matched(
        coupling or load_matching(folder, load_models(folder)),
        (_with_columns(folder, source, "source"), _with_columns(folder, target, "target")),
        path,
        values=values,
        rules=rules or recipe.exports,
        monitor=files.MONITOR_REPORT.read(folder),
        seed=recipe.seed,
        uns={"recipe": json.dumps(portable_recipe(recipe)), "versions": versions()},
    )


def _with_columns(folder: RunFolder, modality: Modality, side: str) -> Modality:
    columns = files.COLUMNS.read(folder, which=side)
    is_whole = columns is not None and len(columns) == modality.n_cells
    return replace(modality, obs=columns) if is_whole else modality
