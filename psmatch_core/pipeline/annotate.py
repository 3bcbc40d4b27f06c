"""annotate: the results of a run written into the AnnData objects that were matched, under keys of their own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.version import VERSION
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import MonitorReport
from psmatch_core.monitor.flags import flag_names
from psmatch_core.pipeline.run import Run

if TYPE_CHECKING:
    from anndata import AnnData

SCORES_KEY = "X_propensity"
UNS_KEY = "psmatch"
PREFIX = "psmatch_"  # of the columns of obs


def annotate(run: Run, source: AnnData, target: AnnData) -> None:
    """Write the results of a run into both objects; no key but those listed here is touched.

    * ``obsm["X_propensity"]``: position of each cell in the space in which cells were matched, ``(n_cells, d)``,
      float32. NaN for cells that were left out. ``uns["psmatch"]["columns"]`` names the columns.
    * ``obs["psmatch_label"]``: the label under which the cell was matched; missing for cells that were left out.
    * ``obs["psmatch_verdict"]``, ``obs["psmatch_flags"]``: the monitor's verdict on that label, and its flags.
    * ``obs["psmatch_confidence"]``: how well the matches of that label are reproduced from halves of the data, 1 the
      same and 0 unrelated; NaN if not measured. It is that of the label: no cell is judged on its own.
    * ``obs["psmatch_n_effective"]`` (source only): effective matches of the cell.
    * ``uns["psmatch"]``: version, recipe, names of both sides, verdict of the run, and its notes.

    Parameters
    ----------
    source, target
        The objects that were matched, or others with the same cells; a view becomes a copy of its own.

    Raises
    ------
    PsmatchError
        If an object lacks cells of the run, or names one twice; nothing is written then.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> psmatch.annotate(None, rna, image)
    Traceback (most recent call last):
    psmatch_core.base.errors.PsmatchError: annotate takes a finished run and the two objects that it matched. → ...
    """
    if not isinstance(run, Run):
        raise PsmatchError(
            "annotate takes a finished run and the two objects that it matched.",
            hint="psmatch.annotate(psmatch.match(rna, adt, label='ko', annotate=False), rna, adt)",
        )
    coupling = run.coupling
    sides = (coupling.source, coupling.target)
    places = [_places(scored, adata) for scored, adata in zip(sides, (source, target), strict=True)]
    for which, scored, adata, at in zip(SIDES, sides, (source, target), places, strict=True):
        names = [run.source.name, run.target.name]
        for name, column in _columns(coupling, scored, run.monitor, which).items():
            adata.obs[PREFIX + name] = pd.Series(column).reindex(at).set_axis(adata.obs_names)
        adata.obsm[SCORES_KEY] = _rows(scored.scores, at)
        adata.uns[UNS_KEY] = _record(run, scored, which=which, names=names)


def _places(scored: ScoredModality, adata: AnnData) -> np.ndarray:
    """The row of the run for each cell of the object ``(n_obs,)``; -1 for cells that were left out."""
    modality = scored.modality
    index = pd.Index(modality.obs_names)
    own = pd.Index(np.asarray(adata.obs_names, dtype=str))
    missing = index.difference(own)
    if len(missing) or not own.is_unique:
        problem = (
            f"lacks {plural(len(missing), 'cell')} of the run: {some(missing.tolist(), 3)}."
            if len(missing)
            else "names some cells twice."
        )
        raise PsmatchError(
            f"The object for {modality.name} {problem}",
            hint="Give the objects that were matched, source first.",
        )
    return np.asarray(index.get_indexer(own))


def _columns(coupling: Coupling, scored: ScoredModality, monitor: MonitorReport, which: str) -> dict[str, Any]:
    """The columns of the cells of the run, each ``(n_cells,)``."""
    labels = scored.modality.labels
    rows = [monitor.by_label[label] for label in labels.tolist()]
    columns: dict[str, Any] = {
        "label": pd.Categorical(labels),
        "verdict": pd.Categorical([row.verdict.value for row in rows]),
        "flags": pd.Categorical([flag_names(row.flags) for row in rows]),
        "confidence": np.array([row.agreement for row in rows], dtype=np.float64),
    }
    return columns if which != SIDES[0] else {**columns, "n_effective": coupling.n_effective}


def _rows(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    out = np.full((at.size, values.shape[1]), np.nan, dtype=np.float32)
    out[at >= 0] = values[at[at >= 0]]
    return out


def _record(run: Run, scored: ScoredModality, *, which: str, names: list[str]) -> dict[str, Any]:
    """What ``uns`` keeps: texts, numbers and lists only, so that h5ad and h5mu hold it."""
    n_columns = scored.scores.shape[1]
    is_labels = n_columns == len(scored.label_names)
    columns = scored.label_names if is_labels else [f"{scored.space_name} {each + 1}" for each in range(n_columns)]
    return {
        "version": VERSION,
        "side": which,
        "source": names[0],
        "target": names[1],
        "label_key": scored.modality.label_key,
        "columns": np.array(columns, dtype=object),
        "verdict": run.monitor.verdict.title,
        "labels": run.monitor.counted(),
        "recipe": json.dumps(run.recipe.to_dict()),
        "notes": np.array(run.notes, dtype=object),
    }
