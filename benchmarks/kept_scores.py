"""Scores of the judged cells of a split, trained once and kept, for benchmarks that ask several things of them."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import fit
from benchmarks.quality_splits import PAIRED, PANELS, Split, of_new_cells
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.recipe import Recipe

Models = tuple[PropensityModel, PropensityModel]
Places = tuple[np.ndarray, np.ndarray]  # (n_cells, d) of either side


@dataclass(frozen=True, eq=False)
class SplitScores:
    """What both benchmarks start from.

    Parameters
    ----------
    trained, judged
        Features of both modalities: cells that classifiers may be trained on, and cells that none of them has seen.
    default, bagged
        The judged cells, scored by the default classifier and by feature bagging.
    """

    trained: tuple[Modality, Modality]
    judged: tuple[Modality, Modality]
    default: Models
    bagged: Models

    def by_members(self, which: Models, *path: int) -> Places:
        """The judged cells' scores by one member of an ensemble, found by its number in each nested ensemble."""
        places = []
        for model in which:
            fitted: Any = model.fitted
            for number in path:
                fitted = fitted.members[number]
            places.append(fitted.logits(model.modality.in_shape(model.modality.X)))
        return places[0], places[1]


def placed(models: Models, places: Places) -> Models:
    """The models with these positions of the cells in place of their scores."""
    source, target = (replace(model, logits=each, linked=None) for model, each in zip(models, places, strict=True))
    return source, target


def add_splits(parser: argparse.ArgumentParser, out: Path, *, seeds: int = 3) -> None:
    """Let a benchmark be asked for splits, and where its results go."""
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=[*PAIRED, *PANELS])
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--scores", type=Path, default=None, help="a folder in which trained scores are kept")
    parser.add_argument("--out", type=Path, default=out)


def asked_splits(options: argparse.Namespace, control: str = "") -> Iterator[Split]:
    """All splits that were asked for, in protocol *separate*; how long each took is printed."""
    for seed in range(options.first_seed, options.seeds):
        for name in options.sets:
            started = time.perf_counter()
            yield Split(options.data / name, seed, "separate", control)
            print(f"# {name}, seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)


def split_scores(split: Split, folder: Path | None) -> SplitScores:
    """Train the default and feature bagging on one split, or read what was kept in the folder."""
    kept = None if folder is None else folder / f"{split.folder.name}-{split.protocol}-{split.control}{split.seed}"
    if kept is not None and kept.exists():
        return _read(kept)
    recipe = Recipe(seed=split.seed)
    cells = split.modalities()
    fitted = [
        config.fit(side, seed=split.seed)
        for side, config in zip(cells[0], (recipe.source_preprocessing, recipe.target_preprocessing), strict=True)
    ]
    trained, judged = ([each.transform(side) for each, side in zip(fitted, part, strict=True)] for part in cells)
    models = [of_new_cells(fit(trained, which, split.seed), judged) for which in ("default", "bagged")]
    found = SplitScores((trained[0], trained[1]), (judged[0], judged[1]), *models)
    if kept is not None:
        _write(found, kept)
    return found


def _write(found: SplitScores, place: Path) -> None:
    """Keep what was trained as files of results, all or none."""
    partial = place.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in ("trained", "judged", "default", "bagged"):
        for side, each in zip(SIDES, getattr(found, name), strict=True):
            result_files.save(each, partial / f"{name}_{side}.npz")
    partial.rename(place)


def _read(place: Path) -> SplitScores:
    trained, judged = (
        [result_files.load_modality(place / f"{name}_{side}.npz") for side in SIDES] for name in ("trained", "judged")
    )
    default, bagged = (
        [
            result_files.load_propensity(place / f"{name}_{side}.npz", cells)
            for side, cells in zip(SIDES, judged, strict=True)
        ]
        for name in ("default", "bagged")
    )
    return SplitScores(
        (trained[0], trained[1]), (judged[0], judged[1]), (default[0], default[1]), (bagged[0], bagged[1])
    )
