"""A run by joint VAE latents: the pages show what is meaningful and say what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from psmatch_core.classification.baselines import HISTORY, JointVAE
from psmatch_core.classification.classifiers import MLPClassifier
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.manifest import remove_manifest
from psmatch_core.workspace.results import live_curves, live_history, load_models
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opener, texts
from tests.waiting import until

N_EPOCHS = 6


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of the screen demo by latents, done by the real worker up to the coupling."""
    recipe = Recipe(space=JointVAE(network=MLPClassifier(n_epochs=N_EPOCHS)))
    store = RunStore(tmp_path_factory.mktemp("joint"))
    folder = store.start(demo_recipe(recipe, "screen"), name="by latents")
    until(lambda: not folder.status().is_active or (folder.path / "map_pca.npz").exists(), "no map is drawn")
    if folder.status().is_active:
        store.cancel(folder)
    remove_manifest(folder.path)
    assert (folder.path / "map_pca.npz").exists(), folder.status()
    return folder


@pytest.fixture
def by_latents(joint: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Open:
    return opener(joint.path.parents[1], monkeypatch, run=joint.id)


def test_propensity_page_says_that_these_are_latents(by_latents: Open) -> None:
    app = by_latents("propensity")
    shown = texts(app)
    assert "latents of a joint VAE, not propensity scores" in shown
    labels = [metric.label for metric in app.metric]
    assert labels == ["Loss [nats]", "Accuracy", "Calibration", "Reconstruction", "KL [nats]", "Discriminator"] * 2
    assert app.tabs[0].label == "Map of latents"
    assert "principal components of the joint VAE latents" in shown
    assert "classifier's settings do not apply" in shown


@pytest.mark.parametrize("color", ["modality", "loss"])
def test_the_map_of_latents_takes_every_colour(by_latents: Open, joint: RunFolder, color: str) -> None:
    app = by_latents("propensity")
    app.selectbox(key=f"color.{joint.id}").select(color).run()
    assert not app.exception


@pytest.mark.parametrize("page", ["match", "evaluate", "export"])
def test_the_other_pages_work_on_latents(by_latents: Open, page: str) -> None:
    app = by_latents(page)
    assert not app.error
    assert "These results were computed with" not in texts(app)


def test_match_page_gives_epsilon_no_unit_of_nats(by_latents: Open) -> None:
    columns = json.loads(by_latents("match").dataframe[-1].proto.columns)
    assert columns["epsilon"]["label"] == "ε"


def test_curves_are_there_while_it_trains(joint: RunFolder) -> None:
    history, models = live_history(joint), load_models(joint)
    for model in models:
        assert history[model.modality.name].shape == (N_EPOCHS, len(HISTORY))
    assert set(live_curves(joint)) == {f"latents: {model.modality.name}" for model in models}


@pytest.mark.usefixtures("nothing_shipped")
def test_the_space_is_chosen_on_the_page(empty: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = empty()
    app.button(key="demo.screen").click().run()
    app.switch_page("pages/propensity.py").run()
    (space,) = [each for each in app.selectbox if each.label == "Space in which cells are matched"]
    space.select(JointVAE).run()
    assert not app.exception
    (alpha,) = [each for each in app.number_input if each.label.startswith("α")]
    alpha.set_value(0.5).run()
    app.button(key="train").click().run()
    assert not app.exception
    (run,) = (tmp_path / "workspace" / "runs").iterdir()
    assert RunFolder(run).recipe.space == JointVAE(label_weight=0.5)


@pytest.mark.usefixtures("nothing_shipped")
@pytest.mark.parametrize("preset", ["paper-snn", "paper-vae"])
def test_the_papers_presets_can_be_chosen(
    empty: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, preset: str
) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = empty()
    app.button(key="demo.screen").click().run()
    app.switch_page("pages/propensity.py").run()
    (chosen,) = [each for each in app.selectbox if each.label == "Preset"]
    chosen.select(preset).run()
    app.button(key="train").click().run()
    assert not app.exception
    (run,) = (tmp_path / "workspace" / "runs").iterdir()
    data, expected = RunFolder(run).recipe, Recipe.preset(preset)
    assert (data.space, data.classifier, data.matcher) == (expected.space, expected.classifier, expected.matcher)
