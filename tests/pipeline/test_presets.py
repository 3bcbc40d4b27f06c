"""Presets are data: what is written there is what a recipe gets, and a numbered name never changes."""

import hashlib
import json
from datetime import date

import pytest

from psmatch_core.base.setting_words import differences
from psmatch_core.pipeline.presets import read_presets
from psmatch_core.pipeline.recipe import PRESETS, Recipe

FROZEN = {"recommended-1": "a4f86e59216da390", "recommended-2": "d438465b88ad42f7"}  # hashes of what they set


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_it_is_for_and_when_it_changed(name):
    preset = read_presets()[name]
    assert preset.about.endswith(".")
    assert date.fromisoformat(preset.version) <= date.today()
    assert Recipe.preset(name) == Recipe.from_dict(preset.settings)


def test_a_preset_differs_from_the_default_only_where_it_says_so():
    changed = {each.name for each in differences(Recipe(), Recipe.preset("sharp"))}
    assert changed == {"matcher.epsilon"}
    changed = {each.name for each in differences(Recipe(), Recipe.preset("recommended-1"))}
    assert changed == {"classifier.network.start", "classifier.image_network.start"}
    assert {each.name for each in differences(Recipe(), Recipe.preset("fast"))} == {"classifier.n_networks"}


@pytest.mark.parametrize("name", FROZEN)
def test_a_numbered_preset_sets_what_it_always_set(name):
    """A change of these belongs into a preset with another number; defaults that it does not set are pinned too."""
    parts = ("space", "classifier", "scoring", "matcher", "linking", "translator")
    text = json.dumps({part: Recipe.preset(name).to_dict()[part] for part in parts}, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == FROZEN[name]


def test_a_preset_that_is_based_on_another_keeps_the_rest_of_it():
    paper, neighbours = Recipe.preset("paper"), Recipe.preset("paper-snn")
    assert neighbours.classifier == paper.classifier
    assert neighbours.matcher != paper.matcher
