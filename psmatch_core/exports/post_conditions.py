"""What must hold of a result before a file of it leaves the program."""

from __future__ import annotations

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.pipeline.run import Run

UNSOUND_CODE = "PM-R01"


def check_exports(run: Run, pairs: pd.DataFrame) -> None:
    """Refuse to export a result that breaks a rule.

    Parameters
    ----------
    pairs
        The chosen pairs (:func:`~psmatch_core.exports.pairs.choose_pairs`).

    Raises
    ------
    PsmatchError
        With every broken rule; nothing has been written then.
    """
    broken = [*_broken_names(run.source), *_broken_names(run.target), *_broken_pairs(run, pairs)]
    if broken:
        raise PsmatchError(
            f"Nothing was exported, because the result breaks a rule: {'; '.join(broken)}.",
            hint="This is a fault of psmatch, not of your data: please report it with the recipe of the run.",
            code=UNSOUND_CODE,
        )


def _broken_names(modality: Modality) -> list[str]:
    """Rules on the names of cells: unique, and no cell both kept and excluded."""
    names = pd.Index(modality.obs_names)
    broken = []
    if not names.is_unique:
        broken.append(f"{modality.name} has two cells of one name")
    both = names.intersection([cell for cell, _ in modality.excluded])
    if len(both):
        broken.append(f"{modality.name} has cells that are both kept and excluded, such as {both[0]}")
    return broken


def _broken_pairs(run: Run, pairs: pd.DataFrame) -> list[str]:
    """Rules on the pairs: known cells of one label, weights from 0 to 1, every cell with a match and no other."""
    broken = []
    labels = []
    for side, modality in (("source", run.source), ("target", run.target)):
        of_cell = pd.Series(modality.labels, index=modality.obs_names)
        known = pairs[f"{side}_cell"].isin(of_cell.index)
        if not known.all():
            return [f"a pair names a cell that {modality.name} does not have"]
        labels.append(of_cell[pairs[f"{side}_cell"]].to_numpy())
    if not ((labels[0] == labels[1]) & (labels[0] == pairs["label"].to_numpy())).all():
        broken.append("a pair joins cells of two labels")
    weights = pairs["weight"].to_numpy(dtype=float)
    if not (np.isfinite(weights) & (weights >= 0) & (weights <= 1 + 1e-6)).all():
        broken.append("a weight is not between 0 and 1")
    matched = np.zeros(run.source.n_cells, dtype=bool)
    for label, block in run.coupling.blocks.items():
        matched[run.coupling.source_cells[label]] = block.marginals[0] > 0
    if set(pairs["source_cell"]) != set(run.source.obs_names[matched]):
        broken.append("the cells with a pair are not those with a match")
    return broken
