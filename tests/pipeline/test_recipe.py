"""The recipe is the whole of a run's settings, and JSON carries it."""

import json

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.propensity import PropensityScores
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import NeighborMatcher, SinkhornMatcher
from psmatch_core.pipeline.recipe import PRESETS, Recipe


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    recipe = Recipe.preset(name)
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_files_and_renamed_labels_survive_json():
    recipe = Recipe(labels=LabelRules(rename_target=((" KO_A", "KO_A"),))).with_data(
        DataSpec(path="a.h5ad", label_key="label"), DataSpec(path="b.csv", label_key="ko", labels_path="labels.csv")
    )
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_default_is_the_recommended_preset():
    assert Recipe() == Recipe.preset("recommended")
    assert Recipe().matcher == SinkhornMatcher(epsilon=0.05, epsilon_unit="mean cost")


def test_paper_preset_is_the_papers():
    recipe = Recipe.preset("paper")
    network, matcher = recipe.classifier.network, recipe.matcher
    assert network.hidden == (1024,) * 5
    assert network.batch_norm
    assert (network.learning_rate, network.batch_size, network.dropout, network.weight_decay) == (1e-4, 256, 0, 0)
    assert network.patience >= network.n_epochs  # no early stop: the best epoch of the whole schedule
    assert (matcher.epsilon, matcher.epsilon_unit, matcher.align) == (0.05, "absolute", False)
    assert (matcher.cost, matcher.max_iterations) == ("euclidean", 1000)
    assert recipe.space == PropensityScores()


def test_paper_preset_reads_images_by_the_papers_convolutions():
    network = Recipe.preset("paper").classifier.image_network
    assert network.channels == (32, 54, 128, 256, 512)
    assert (network.learning_rate, network.batch_size, network.weight_decay) == (1e-4, 256, 0)
    assert network.patience >= network.n_epochs == 100


def test_paper_snn_is_its_released_code():
    recipe = Recipe.preset("paper-snn")
    assert recipe.matcher == NeighborMatcher(n_neighbors=1, normalize=True, align=False)
    assert recipe.classifier == Recipe.preset("paper").classifier


def test_paper_vae_has_the_network_it_is_compared_with():
    recipe = Recipe.preset("paper-vae")
    paper = Recipe.preset("paper").classifier
    assert (recipe.space.network, recipe.space.image_network) == (paper.network, paper.image_network)
    assert recipe.matcher == Recipe.preset("paper").matcher
    assert (recipe.space.kl_weight, recipe.space.label_weight, recipe.space.modality_weight) == (1e-9, 1.0, 0.1)


def test_the_space_is_a_setting_like_any_other():
    recipe = Recipe().with_setting("space", "JointVAE").with_setting("space.label_weight", 2.0)
    assert recipe.space == JointVAE(label_weight=2.0)
    assert recipe.with_setting("space.network.n_epochs", 7).space.network.n_epochs == 7
    with pytest.raises(PsmatchError, match="option 'label_weight' must be a number"):
        recipe.with_setting("space.label_weight", -1)


def test_unknown_preset_names_the_known():
    with pytest.raises(PsmatchError, match="There is no preset 'magic'") as caught:
        Recipe.preset("magic")
    assert "paper" in caught.value.hint


def test_broken_json_names_the_line():
    with pytest.raises(PsmatchError, match=r"recipe\.json is not JSON: .* in line 2"):
        Recipe.from_json('{"seed": 0,\n oops}')


def test_data_are_looked_for_beside_the_recipe(tmp_path):
    (tmp_path / "mine.h5ad").write_bytes(b"x")
    spec = {"path": "C:\\elsewhere\\mine.h5ad", "label_key": "label", "kind": "DataSpec"}
    (tmp_path / "recipe.json").write_text(json.dumps({"source": spec}), encoding="utf-8")
    assert Recipe.read(tmp_path / "recipe.json").source.path == str((tmp_path / "mine.h5ad").resolve())


def test_missing_recipe_is_said(tmp_path):
    with pytest.raises(PsmatchError, match=r"There is no file recipe\.json"):
        Recipe.read(tmp_path / "recipe.json")
