"""Runs in which something is unusual, as pages must be able to show them: awkward labels, failures, older versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.array_files import write_arrays
from psmatch_core.classification.classifiers import LinearClassifier, MLPClassifier
from psmatch_core.data.checks import EQUAL_NAMES
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.evaluate import Judging
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.manifest import remove_manifest
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.worker import execute

# All alike but for their ends, so that a name cut short at its end names every one of them.
_TEXT = "CRISPRi knock-down of an enhancer, replicate pool, batch seven, " * 4
LONG = tuple(f"{_TEXT[:197]} {i:02d}" for i in range(6))
MANY = tuple(f"gene_{i:03d}" for i in range(400))
# What the first version of a run's folder did not hold yet.
LATER_FILES = (
    "observables.json",
    "accuracy.json",
    "known_pairs.json",
    "held_out_*",
    "predicted_*",
    "measured_*",
    "*_columns.parquet",
)


def table(path: Path, labels: Sequence[str], *, prefix: str, n_features: int = 8) -> Path:
    """A csv of cells that lie around their label's own corner, with cell names that count."""
    names = sorted(set(labels))
    corner = np.random.default_rng(n_features).normal(size=(len(names), n_features)) * 2
    at = np.array([names.index(label) for label in labels])
    values = corner[at] + np.random.default_rng(len(prefix)).normal(size=(len(labels), n_features))
    frame = pd.DataFrame(values.round(3), columns=[f"{prefix}_{i}" for i in range(n_features)])
    frame.insert(0, "label", list(labels))
    frame.insert(0, "cell", [f"cell_{i:04d}" for i in range(len(labels))])
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def recipe_of(folder: Path, labels: Sequence[str], *, n_features: int = 8, **settings: Any) -> Recipe:
    """A recipe for two tables with these labels, one a cell, written to ``folder``."""
    specs = []
    for name, n in (("RNA", n_features), ("Protein", n_features - 2)):
        path = table(folder / f"{name}.csv", labels, prefix=name, n_features=n)
        specs.append(DataSpec(path=str(path), label_key="label", name=name))
    # Their names count and are the same cells nevertheless.
    judging = Judging(pairs=EQUAL_NAMES)
    return Recipe(**{"classifier": LinearClassifier(), "judging": judging, **settings}).with_data(*specs)


def many_labels(folder: Path) -> Recipe:
    """400 labels of three cells."""
    return recipe_of(folder, MANY * 3)


def long_labels(folder: Path) -> Recipe:
    """Six labels of 200 characters, which differ in the last two."""
    return recipe_of(folder, LONG * 12)


def small_label(folder: Path) -> Recipe:
    """Three labels of thirty cells, and one of three."""
    return recipe_of(folder, ("control", "JAK2", "STAT1") * 30 + ("IRF9",) * 3)


def failing(folder: Path) -> Recipe:
    """More components than there are features: the worker refuses it."""
    return recipe_of(folder, ("control", "JAK2") * 20, source_preprocessing=Preprocessing(n_components=90))


def slow(folder: Path) -> Recipe:
    """Trains for longer than anybody waits."""
    network = MLPClassifier(n_epochs=5000, patience=5000, batch_size=2)
    return recipe_of(folder, ("control", "JAK2", "STAT1") * 200, classifier=network)


def run(store: RunStore, recipe: Recipe, *, name: str, state: str = "done") -> RunFolder:
    """Do a recipe by the worker's own code, in this process."""
    folder = RunFolder.create(store.runs, recipe, name=name)
    status = execute(RunJob(folder), cache=store.stages)
    assert status.state == state, status
    return folder


def copied(store: RunStore, folder: RunFolder, *, name: str) -> RunFolder:
    """Another run with the same results, whose files may be changed to those of another version."""
    copy = store.adopt(folder)
    remove_manifest(copy.path)
    (copy.path / "job.json").write_text(json.dumps({**copy.job, "name": name}))
    return copy


def of_earlier_layout(folder: RunFolder) -> RunFolder:
    """Make a run one of the first version: it names that version, and lacks every file that later ones write."""
    for pattern in LATER_FILES:
        for path in folder.path.glob(pattern):
            path.unlink()
    environment = json.loads((folder.path / "environment.json").read_text())
    (folder.path / "environment.json").write_text(json.dumps({**environment, "psmatch": "0.0.9"}))
    return folder


def of_other_settings(folder: RunFolder) -> RunFolder:
    """Give a run's matcher an option that this version does not have."""
    recipe = json.loads((folder.path / "recipe.json").read_text())
    recipe["matcher"]["temperature_of_old"] = 2.0
    (folder.path / "recipe.json").write_text(json.dumps(recipe))
    return folder


def of_other_files(folder: RunFolder) -> RunFolder:
    """Take out of a run's results what a version left out that did not know it yet."""
    for side in ("source", "target"):
        path = folder.stage_file(f"{side}_propensity")
        with np.load(path) as stored:
            arrays = dict(stored)
        meta = json.loads(bytes(arrays.pop("meta.json")))
        del meta["scoring"]
        write_arrays(path, arrays, meta)
    return folder
