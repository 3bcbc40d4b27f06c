"""Match shows a cell and its matches as pictures where they are images, and no page calls a new run an old one."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from psmatch_core.classification.classifiers import CNNClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.worker import execute
from tests.pages.conftest import Open, opened, opener, texts

PAGES = ("data", "propensity", "match", "monitor", "translate", "evaluate", "export")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of small images whose partners are known; its classifier has hardly been trained."""
    place = tmp_path_factory.mktemp("images")
    specs = []
    sides = interventional_images(n_shared=72, n_source_only=12, n_target_only=12, size=16)
    for name, adata in zip(("Circles", "Squares"), sides, strict=True):
        adata.write_h5ad(place / f"{name}.h5ad")
        path = str(place / f"{name}.h5ad")
        specs.append(DataSpec(path=path, label_key="label", name=name, pair_key="cell"))
    recipe = replace(Recipe(), classifier=CNNClassifier(n_epochs=1, channels=(4,))).with_data(*specs)
    folder = RunFolder.create(RunStore(place / "workspace").runs, recipe)
    status = execute(RunJob(folder))
    assert status.state == DONE, status
    return folder


@pytest.fixture
def walk(images: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Open:
    return opener(images.path.parents[1], monkeypatch, run=images.id)


def test_a_cell_and_its_matches_are_pictures(walk: Open, images: RunFolder) -> None:
    app = opened(walk("match"), f"match.tabs.{images.id}", "One cell")
    captions = [caption for each in app.get("image") for caption in each.captions]
    assert captions[:3] == ["this cell", "translation: mean of its matches", "mean of its label"]
    assert sum(caption.startswith("match ") for caption in captions) >= 3
    found = files.ACCURACY.read(images)
    assert found is not None
    text = texts(app).replace("\\", "")
    assert found["target_to_source"][0].finding() in text
    assert "the mean of the label has 0" in " ".join(text.split()) or "true partner" not in captions


@pytest.mark.parametrize("page", PAGES)
def test_no_page_says_that_an_earlier_version_made_a_new_run(walk: Open, page: str) -> None:
    text = texts(walk(page)).replace("\\", "")
    assert not re.search(r"earlier version|[Mm]ade by version", text), page
