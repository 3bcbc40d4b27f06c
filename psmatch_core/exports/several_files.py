"""Everything of several matched modalities as files: matched cells, pairs, couplings, labels, consistency, and how."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.h5ad_elements import H5adContent, write_h5ad
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent
from psmatch_core.base.records import to_plain
from psmatch_core.data.modality_names import SEVERAL_FILE, coupling_file, pairs_file
from psmatch_core.data.original_columns import with_originals
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.exports.matched_h5mu import MATCHED_FILE
from psmatch_core.exports.matched_tuples import write_tuples
from psmatch_core.exports.pairs import choose_pairs, verdict_columns
from psmatch_core.exports.provenance import portable_recipe, versions
from psmatch_core.exports.tables import write_csv
from psmatch_core.matching.several import PLANS
from psmatch_core.pipeline.match_modalities import MatchedModalities
from psmatch_core.pipeline.several_figures import several_figures

HELD_OUT_CELLS = "held-out cells"  # that no classifier saw, in the column ``judged``


def export_several(
    matched: MatchedModalities,
    folder: Path,
    *,
    values: str = "best",
    made_by: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> list[Path]:
    """Write matched modalities into a folder.

    ``matched.h5mu``; ``pairs_REFERENCE_NAME.csv`` of each other modality; ``coupling_A_B.h5ad`` of each pair;
    ``labels.csv``, ``excluded_cells.csv``, ``cycle_consistency.csv`` where it is known, ``evaluation.csv`` if pairs are
    known, ``README.txt``, and ``modalities.json`` with all settings, the figures, and length and SHA-256 of each file.

    Parameters
    ----------
    values
        Of ``matched.h5mu``, as in :func:`~psmatch_core.exports.matched_tuples.write_tuples`.
    made_by
        What else ``modalities.json`` is to say, such as the files and the command.

    Returns
    -------
    The files.
    """
    reference, *others = matched.names
    rules, seed = matched.recipe.exports, matched.recipe.seed
    files: list[Path] = []

    def share(begun: float = 0.0) -> float:
        return min(0.99, (len(files) + begun) / (8 + 2 * len(others) ** 2))

    def add(path: Path) -> None:
        files.append(path)
        progress(Event("export", share(), path.name))

    def part(message: str, begun: float = 0.0) -> StagePart:
        """Half of the next file; what is done for it is told before it is done, since a large plan takes minutes."""
        progress(Event("export", share(begun), message))
        return StagePart(progress, "export", message, share(begun), share(begun + 0.5))

    part(f"{MATCHED_FILE}: choosing partners")
    add(write_tuples(matched, folder / MATCHED_FILE, values=values))
    for name in others:
        choosing = part(f"{pairs_file(reference, name)}: choosing pairs")
        pairs = choose_pairs(matched.coupling(reference, name), rules, seed=seed, part=choosing)
        pairs = pairs.assign(**verdict_columns(pairs["label"].to_numpy(), matched.monitors[name]))
        add(write_csv(pairs, folder / pairs_file(reference, name)))
    for one, other in itertools.combinations(matched.names, 2):
        name = coupling_file(one, other)
        content = coupling_of(matched, one, other, part=part(f"{name}: reading the plan"))
        writing = part(f"{name}: writing {content.X.nnz:,} entries", 0.5)
        add(write_h5ad(content, folder / name, part=writing))
    add(write_csv(matched.labels, folder / "labels.csv"))
    add(write_csv(matched.excluded, folder / "excluded_cells.csv"))
    if matched.cycles is not None:
        add(write_csv(matched.cycles.table, folder / "cycle_consistency.csv"))
    if matched.evaluations:
        add(write_csv(_evaluations(matched), folder / "evaluation.csv"))
    add(disk.write_text(folder / "README.txt", _readme(matched, files)))
    about = {
        "modalities": {
            name: {
                "n_cells": cells.n_cells,
                "n_features": cells.n_features,
                "fingerprint": cells.fingerprint,
                "sha256": cells.file_hash,
            }
            for name, cells in matched.modalities.items()
        },
        "plans": matched.couplings.plans,
        "recipe": portable_recipe(matched.recipe),
        "preprocessing": {name: fitted.config.to_dict() for name, fitted in matched.preprocessing.items()},
        "versions": versions(),
        "notes": list(matched.notes),
        "figures": to_plain(several_figures(matched)),  # by which the app opens this folder
        "written": {path.name: disk.facts_of(path) for path in files},
        "made": time.time(),
        **(made_by or {}),
    }
    add(disk.write_json(folder / SEVERAL_FILE, about))
    progress(Event("export", 1.0, SEVERAL_FILE))
    return files


def coupling_of(matched: MatchedModalities, source: str, target: str, *, part: StagePart = UNHEARD) -> H5adContent:
    """The coupling of two of the modalities as source cells × target cells, sparse, as ``coupling.h5ad`` of a run."""
    coupling = matched.coupling(source, target)
    matrix = coupling.to_sparse(smallest=matched.recipe.exports.smallest, part=part)
    obs, var = (
        with_originals(side.obs, side.obs_names, {"label": pd.Categorical(side.labels), **more})
        for side, more in (
            (matched.modalities[source], {"n_effective": coupling.n_effective}),
            (matched.modalities[target], {}),
        )
    )
    uns = {
        "recipe": json.dumps(portable_recipe(matched.recipe)),
        "source": source,
        "target": target,
        "plans": matched.couplings.plans,
        "weights": "whole coupling: each row sums to 1 / matched source cells; divide it by its sum to get weights",
        "smallest_kept_share_of_row": matched.recipe.exports.smallest,
        "left_out_mass": 1 - float(matrix.sum()),
    }
    return H5adContent(X=matrix, obs=obs, var=var, uns=uns)


def _evaluations(matched: MatchedModalities) -> pd.DataFrame:
    kinds = ((HELD_OUT_CELLS, matched.held_out_evaluations), (f"all pairs, {INFLATED}", matched.evaluations))
    tables = [
        each.table().assign(source=source, target=target, judged=judged)
        for judged, evaluations in kinds
        for (source, target), each in evaluations.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    first = ["source", "target", "judged"]
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _readme(matched: MatchedModalities, files: Sequence[Path]) -> str:
    reference = matched.names[0]
    return "\n".join(
        [
            f"Matched cells of {', '.join(matched.names)}; {reference} is the reference",
            "",
            f"{MATCHED_FILE} has one observation for each cell of {reference}, with a partner in each other modality.",
            f"Plans: {PLANS[matched.couplings.plans]}.",
            "The weight of a pair is its share of the source cell's mass, 0 to 1. Pairs are inferred, not measured.",
            "",
            *(
                f"{reference} and {name}: {monitor.verdict.title} ({monitor.counted()})"
                for name, monitor in matched.monitors.items()
            ),
            "",
            *([words, ""] if (words := several_figures(matched).cycles_in_words()) else []),
            *(f"  {path.name}" for path in [*files, Path("README.txt"), Path(SEVERAL_FILE)]),
            "",
            "Notes:",
            *(f"- {note}" for note in matched.notes or ["none"]),
            "",
        ]
    )
