"""matched.h5mu: matched cells as one MuData object, one observation a pair, with the features of both modalities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.data.original_columns import with_originals
from psmatch_core.exports.h5mu import WrittenModality, write_h5mu
from psmatch_core.exports.pairs import choose_pairs, verdict_columns
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import MonitorReport
from psmatch_core.pipeline.recipe import ExportRules

MATCHED_FILE = "matched.h5mu"
MATCHED_OF_RUN = "matched_{}.h5mu"  # written later, by its values: the manifest of the run lists the other
BETWEEN = "|"  # between the names of the two cells of an observation
# How the target's features of an observation come about, and what an observation is.
VALUES = {
    "best": "one observation for each source cell, with its heaviest match",
    "sampled": "one observation for each source cell, with a match drawn by weight",
    "barycentric": "one observation for each source cell, with the weighted mean of all its matches",
    "pairs": "one observation for each pair of pairs.csv",
}


def write_matched(
    coupling: Coupling,
    sides: tuple[Modality, Modality],
    path: Path | str,
    *,
    values: str = "best",
    rules: ExportRules | None = None,
    monitor: MonitorReport | None = None,
    seed: int = 0,
    uns: Mapping[str, Any] | None = None,
) -> Path:
    """Write matched cells as ``h5mu``: the source's features as one modality, the matched ones as the other.

    Observations are called ``source cell|target cell``. ``obs`` holds ``source_cell``, ``target_cell``, ``label``,
    ``weight``, ``rank``, ``n_effective``, ``mass``, and the verdict, agreement and flags of the label; ``obs`` of each
    modality the columns that its cells came with. A sparse matrix stays sparse, and rows are written as they are made.

    Parameters
    ----------
    sides
        Both modalities with the features to write ``(n_cells, n_features)``; their cells are those of the coupling.
    values
        One of :data:`VALUES`. The target cell of ``barycentric`` is the heaviest match, and its features are dense.
    rules
        Which pairs ``pairs`` are.
    monitor
        Of the run, for verdict, agreement and flags; without it they are left out.
    uns
        What else the file is to say of itself.

    Returns
    -------
    The file.

    Raises
    ------
    PsmatchError
        For unknown values, features of other cells, or a coupling in which no cell is matched.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> place = Path(tempfile.mkdtemp())
    >>> psmatch.write_matched(coupling, (source, target), place / "matched.h5mu").name
    'matched.h5mu'
    """
    if values not in VALUES:
        raise PsmatchError(
            f"{values!r} are no values of {MATCHED_FILE}.", hint=f"Choose one of {', '.join(map(repr, VALUES))}."
        )
    for given, scored in zip(sides, (coupling.source, coupling.target), strict=True):
        if not np.array_equal(given.obs_names, scored.modality.obs_names):
            raise PsmatchError(
                f"The features given for {scored.modality.name} are not those of the matched cells.",
                hint="Give the same cells in the same order.",
            )
    pairs = choose_pairs(coupling, _rules(values, rules), seed=seed)
    if not len(pairs):
        raise PsmatchError(f"No cell is matched, so {MATCHED_FILE} would be empty.", hint="Match with other settings.")
    if monitor is not None:
        pairs = pairs.assign(**verdict_columns(pairs["label"].to_numpy(), monitor))
    rows = [
        pd.Index(side.obs_names).get_indexer(pairs[f"{which}_cell"])
        for which, side in zip(("source", "target"), sides, strict=True)
    ]
    names = np.array(
        [f"{one}{BETWEEN}{other}" for one, other in zip(pairs["source_cell"], pairs["target_cell"], strict=True)]
    )
    obs = pairs.set_axis(pd.Index(names), axis=0)
    for column in ("label", "verdict", "flags"):
        if column in obs:
            obs[column] = pd.Categorical(obs[column])
    source, target = (
        written_modality(side, at, names, which=which)
        for side, at, which in zip(sides, rows, ("source", "target"), strict=True)
    )
    if values == "barycentric":
        mean = means_of_matches(coupling, sides[1], rows[0])
        target = replace(target, rows=mean, is_sparse=False, obs=target.obs.iloc[:, :0])
    keys = _distinct_names(sides)
    about = {"values": values, "meaning": VALUES[values], "source": keys[0], "target": keys[1], **(uns or {})}
    return write_h5mu(Path(path), dict(zip(keys, (source, target), strict=True)), obs, {"psmatch": about})


def _rules(values: str, rules: ExportRules | None) -> ExportRules:
    if values == "pairs":
        return rules or ExportRules()
    return ExportRules(pairs="sampled" if values == "sampled" else "heaviest", top=1)


def written_modality(side: Modality, at: np.ndarray, names: np.ndarray, *, which: str) -> WrittenModality:
    """The features of the cells at rows ``at`` ``(n_pairs,)``, under the names of the observations.

    Parameters
    ----------
    which
        ``source`` or ``target``: how the column with the names of the cells is called.
    """
    came = None if side.obs is None else side.obs.iloc[at]
    ids = (
        {}
        if side.feature_ids is None or (side.var is not None and "feature_id" in side.var)
        else {"feature_id": side.feature_ids}
    )
    return WrittenModality(
        obs=with_originals(came, names, {f"{which}_cell": side.obs_names[at]}),
        var=with_originals(side.var, side.var_names, ids),
        rows=lambda start, stop: side.X[at[start:stop]],
        is_sparse=sparse.issparse(side.X),
        uns={"name": side.name},
    )


def means_of_matches(coupling: Coupling, target: Modality, at: np.ndarray) -> Callable[[int, int], np.ndarray]:
    """Weighted means of the target's features for source cells ``at`` ``(n_pairs,)``, which follow label by label."""
    labels, place = coupling.source.modality.labels, np.full(coupling.source.modality.n_cells, -1)
    for cells in coupling.source_cells.values():
        place[cells] = np.arange(cells.size)  # row of the cell in its block

    def rows(start: int, stop: int) -> np.ndarray:
        cells = at[start:stop]
        out = np.empty((cells.size, target.n_features), dtype=np.float32)
        for label in dict.fromkeys(labels[cells].tolist()):
            mine = labels[cells] == label
            part = coupling.blocks[label].part(place[cells[mine]])
            features = to_dense(target.X[coupling.target_cells[label]])
            out[mine] = part.pull(features) / part.marginals[0][:, None]
        return out

    return rows


def _distinct_names(sides: tuple[Modality, Modality]) -> tuple[str, str]:
    """Names of the two modalities that HDF5 allows and that differ."""
    source, target = (
        side.name.replace("/", "_") or which for side, which in zip(sides, ("source", "target"), strict=True)
    )
    return (source, target) if source != target else (f"{source} source", f"{target} target")
