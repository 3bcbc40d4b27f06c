"""How long a run is expected to work: short where its scores are in the cache."""

from __future__ import annotations

from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.expected_seconds import Measured, expected_seconds, record_seconds
from psmatch_core.workspace.queue_order import UNKNOWN_SECONDS


def recipe_of(path: str = "a.h5ad") -> Recipe:
    return Recipe().with_data(*(DataSpec(path=path, label_key="label", name=name) for name in ("RNA", "ADT")))


def test_nothing_is_known_before_anything_was_measured(tmp_path):
    assert expected_seconds(recipe_of(), tmp_path) == UNKNOWN_SECONDS
    assert expected_seconds(recipe_of(), None) == UNKNOWN_SECONDS


def test_scores_in_the_cache_make_a_run_short(tmp_path):
    recipe = recipe_of()
    record_seconds(recipe, tmp_path, Measured(training=200.0, rest=12.0))
    assert expected_seconds(recipe, tmp_path) == 12
    assert expected_seconds(recipe.with_setting("matcher.epsilon", 0.2), tmp_path) == 12  # the same scores
    assert expected_seconds(recipe.with_setting("seed", 5), tmp_path) == 212  # trained again
    assert expected_seconds(recipe, tmp_path, trains=True) == 212  # a label left out trains in any case
    assert expected_seconds(recipe_of("other.h5ad"), tmp_path) == UNKNOWN_SECONDS


def test_a_run_that_found_its_scores_keeps_what_is_known_about_training(tmp_path):
    recipe = recipe_of()
    record_seconds(recipe, tmp_path, Measured(training=200.0, rest=12.0))
    record_seconds(recipe, tmp_path, Measured(training=None, rest=8.0))
    assert expected_seconds(recipe, tmp_path) == 8
    assert expected_seconds(recipe, tmp_path, trains=True) == 208


def test_a_damaged_record_counts_as_none(tmp_path):
    record_seconds(recipe_of(), tmp_path, Measured(training=200.0, rest=12.0))
    for path in tmp_path.iterdir():
        path.write_text("{")
    assert expected_seconds(recipe_of(), tmp_path) == UNKNOWN_SECONDS
