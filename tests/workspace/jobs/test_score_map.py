"""UMAP of a finished run as a job: the map of the run's own scores, shared by runs with the same ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.exploration.maps import map_scores
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.score_map import UMAP, ScoreMapJob
from psmatch_core.workspace.manifest import damage_in
from psmatch_core.workspace.results import load_models
from psmatch_core.workspace.run_folder import DONE, LastStage, RunFolder
from psmatch_core.workspace.worker import execute
from tests.conftest import make_adata


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    specs = []
    for seed, name in enumerate(("RNA", "ADT")):
        make_adata(n=40, seed=seed).write_h5ad(tmp_path / f"{name}.h5ad")
        specs.append(DataSpec(path=str(tmp_path / f"{name}.h5ad"), label_key="label", name=name))
    recipe = Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs)
    folder = RunFolder.create_at(tmp_path / "run", recipe, stop_after=LastStage.PROPENSITY)
    assert execute(RunJob(folder), cache=tmp_path / "stages").state == DONE
    return folder


def test_the_map_is_that_of_the_scores_and_lies_in_the_run(run: RunFolder, tmp_path: Path) -> None:
    assert ScoreMapJob.of_run(run) is None
    assert not files.SCORE_MAP.is_in(run, UMAP)
    job = ScoreMapJob.create(run)
    assert execute(job, cache=tmp_path / "stages").state == DONE
    found = files.SCORE_MAP.read(run, which=UMAP)
    models = load_models(run)
    expected = map_scores(*models, method=UMAP, by_label=run.recipe.matcher.aligns, seed=run.recipe.seed)
    assert found is not None
    assert np.array_equal(found.source_cells, expected.source_cells)
    assert np.allclose(found.source_xy, expected.source_xy)
    assert damage_in(run.path) is None  # the run's list of files has the new one
    assert ScoreMapJob.of_run(run) == job


def test_a_run_with_the_same_scores_takes_the_map_of_the_first(run: RunFolder, tmp_path: Path) -> None:
    cache = tmp_path / "stages"
    assert execute(ScoreMapJob.create(run), cache=cache).state == DONE
    other = RunFolder.create_at(tmp_path / "other", run.recipe, stop_after=LastStage.PROPENSITY)
    assert execute(RunJob(other), cache=cache).state == DONE
    assert execute(ScoreMapJob.create(other), cache=cache).state == DONE
    assert files.SCORE_MAP.path(other, UMAP).samefile(files.SCORE_MAP.path(run, UMAP))
