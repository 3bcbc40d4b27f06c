"""matched.h5mu of several modalities: one observation a tuple, a cell of the reference with a partner in each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import read_only
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.exports.h5mu import write_h5mu
from psmatch_core.exports.matched_h5mu import BETWEEN, MATCHED_FILE, VALUES, means_of_matches, written_modality
from psmatch_core.exports.pairs import choose_pairs, verdict_columns
from psmatch_core.exports.provenance import portable_recipe, versions
from psmatch_core.pipeline.match_modalities import MatchedModalities
from psmatch_core.pipeline.recipe import ExportRules

CONSISTENCY = "cycle_consistency"
TUPLE_VALUES = tuple(name for name in VALUES if name != "pairs")


@dataclass(frozen=True, eq=False)
class MatchedTuples:
    """Cells of the reference, each with one partner in every other modality.

    Parameters
    ----------
    table
        One row for each tuple, with the columns that :func:`choose_tuples` lists.
    n_incomplete
        Cells of the reference without a match in one of the modalities; they are in no tuple.
    """

    table: pd.DataFrame
    n_incomplete: int


def choose_tuples(matched: MatchedModalities, values: str = "best") -> MatchedTuples:
    """The tuples of all matched cells of the reference, label by label.

    Each partner is chosen by the coupling with the reference alone: its heaviest match, or one drawn by weight.

    Parameters
    ----------
    values
        One of :data:`TUPLE_VALUES`.

    Returns
    -------
    ``source_cell`` (of the reference), ``label``, and of every other modality ``target_cell``, ``weight``, ``rank``,
    ``n_effective``, ``mass``, ``verdict``, ``agreement`` and ``flags``, as in ``pairs.csv``, each with its name behind
    (``target_cell_adt``) if there are more than two modalities; with them ``cycle_consistency``, where it is known.

    Raises
    ------
    PsmatchError
        For unknown values, or if no cell has a match in all modalities.
    """
    if values not in TUPLE_VALUES:
        raise PsmatchError(
            f"{values!r} are no values of {MATCHED_FILE} of several modalities.",
            hint=f"Choose one of {', '.join(map(repr, TUPLE_VALUES))}.",
        )
    reference, *others = matched.names
    rules = ExportRules(pairs="sampled" if values == "sampled" else "heaviest", top=1)
    table: pd.DataFrame | None = None
    for name in others:
        pairs = choose_pairs(matched.coupling(reference, name), rules, seed=matched.recipe.seed)
        pairs = pairs.assign(**verdict_columns(pairs["label"].to_numpy(), matched.monitors[name]))
        if matched.cycles is not None:
            found = pd.Series(matched.cycles.of_cells(reference, name), index=matched.modalities[reference].obs_names)
            pairs = pairs.assign(**{CONSISTENCY: found[pairs["source_cell"]].to_numpy()})
        keys = ["source_cell", "label"]
        if len(others) > 1:
            pairs = pairs.rename(columns={column: f"{column}_{name}" for column in pairs if column not in keys})
        table = pairs if table is None else table.merge(pairs, on=keys, how="inner", validate="one_to_one")
    if table is None or not len(table):
        raise PsmatchError(
            f"No cell of {reference} has a match in every modality, so {MATCHED_FILE} would be empty.",
            hint="Match with other settings, or fewer modalities.",
        )
    return MatchedTuples(table, matched.modalities[reference].n_cells - len(table))


def write_tuples(matched: MatchedModalities, path: Path | str, *, values: str = "best") -> Path:
    """Write matched modalities as ``h5mu``: one observation for each cell of the reference, all modalities beside.

    Observations are called ``cell|partner|partner``. ``obs`` has the columns of :func:`choose_tuples`, ``obs`` of each
    modality those that its cells came with. A sparse matrix stays sparse.

    Parameters
    ----------
    values
        ``best``, ``sampled`` or ``barycentric``: which partners, or the mean of all matches by weight; then the cell
        that is named is the heaviest match, and features are dense.

    Returns
    -------
    The file.

    Raises
    ------
    PsmatchError
        For unknown values, or if no cell has a match in all modalities.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier(strength=0.05))
    >>> quick = quick.with_setting("monitoring.stability", False)
    >>> matched = psmatch.match(psmatch.demo_views(), label="label", recipe=quick)
    >>> psmatch.write_tuples(matched, Path(tempfile.mkdtemp()) / "matched.h5mu").name
    'matched.h5mu'
    """
    chosen = choose_tuples(matched, values)
    reference, *others = matched.names
    columns = {reference: "source_cell"}
    columns |= {name: "target_cell" if len(others) == 1 else f"target_cell_{name}" for name in others}
    cells = {name: chosen.table[column].to_numpy(dtype=str) for name, column in columns.items()}
    rows = {name: pd.Index(matched.modalities[name].obs_names).get_indexer(cells[name]) for name in matched.names}
    names = read_only(np.array([BETWEEN.join(each) for each in zip(*cells.values(), strict=True)], dtype=str))
    written = {}
    for name in matched.names:
        side = "source" if name == reference else "target"
        written[name] = written_modality(matched.modalities[name], rows[name], names, which=side)
        if values == "barycentric" and name != reference:
            mean = means_of_matches(matched.coupling(reference, name), matched.modalities[name], rows[reference])
            written[name] = replace(written[name], rows=mean, is_sparse=False, obs=written[name].obs.iloc[:, :0])
    obs = chosen.table.set_axis(pd.Index(names), axis=0)
    for column in obs:
        if column == "label" or column.startswith(("verdict", "flags")):
            obs[column] = pd.Categorical(obs[column])
    about = {**_about(matched, chosen), "values": values, "meaning": VALUES[values]}
    return write_h5mu(Path(path), written, obs, {"psmatch": about})


def _about(matched: MatchedModalities, chosen: MatchedTuples) -> Mapping[str, Any]:
    """What the file says of itself."""
    notes = list(matched.notes)
    if chosen.n_incomplete:
        notes.append(f"{plural(chosen.n_incomplete, 'cell')} of the reference without a match in every modality.")
    reference, *others = matched.names
    return {
        "reference": reference,
        "others": np.array(others),
        "plans": matched.couplings.plans,
        "recipe": json.dumps(portable_recipe(matched.recipe)),
        "versions": versions(),
        "fingerprints": {name: cells.fingerprint for name, cells in matched.modalities.items()},
        "notes": notes,
    }
