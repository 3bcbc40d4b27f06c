"""Settings in words: those of the form, and only real differences."""

from dataclasses import dataclass, replace

import pytest

from psmatch_core.base.setting_words import (
    FAMILIES,
    differences,
    kind_title,
    option_title,
    same_value,
    settings_in_words,
    value_words,
)
from psmatch_core.classification.classifiers import Classifier
from psmatch_core.matching.matchers import ExactMatcher, Matcher, SinkhornMatcher
from psmatch_core.pipeline.preset_words import changed_from_preset, nearest_preset, preset_in_words
from psmatch_core.pipeline.recipe import PRESETS, ExportRules, Recipe
from psmatch_core.translation.translators import RidgeTranslator, Translator

STRATEGIES = [kind for family in (Classifier, Matcher, Translator) for kind in family.kinds().values()]


@pytest.mark.parametrize("kind", STRATEGIES, ids=lambda kind: kind.__name__)
def test_no_method_is_called_by_its_class(kind):
    title = kind_title(kind)
    assert kind.__name__ not in title
    assert not title.endswith(FAMILIES)
    assert title[0].isupper() or title.startswith("k ")
    assert not kind.menu_title or title == kind.menu_title


def test_a_method_that_no_menu_lists_is_named_in_plain_words():
    @dataclass(frozen=True)
    class OwnSNNMatcher(ExactMatcher):
        """A user's own."""

    assert kind_title(OwnSNNMatcher) == "Own SNN"


@pytest.mark.parametrize(
    ("value", "words"),
    [(True, "on"), (False, "off"), (0.05, "0.05"), (3, "3"), ("leave_out", "leave out"), ("", "–"), (None, "–"),
     ((128, 64), "128, 64"), ((), "–"), (0.0, "0"), (0, "0")],
)  # fmt: skip
def test_a_value_is_written_as_the_form_shows_it(value, words):
    assert value_words(value) == words


def test_titles_are_those_of_the_form():
    words = settings_in_words(Recipe())
    assert words["matcher"].title == "Method"
    assert words["matcher.epsilon"].title == "Method: epsilon"
    assert words["source_preprocessing"].title == "Source preprocessing"
    assert option_title("n_neighbors", SinkhornMatcher.options()["epsilon"]) == "Neighbors"
    assert option_title("h5mu", ExportRules.options()["h5mu"]) == "matched.h5mu"  # the name of a file
    assert settings_in_words(RidgeTranslator())["penalty"].title == "λ"
    assert all("_" not in each.title for each in words.values())


def test_only_what_differs_is_a_difference():
    one = Recipe()
    assert differences(one, one) == ()
    assert differences(one, one.with_setting("matcher.epsilon", 0.05 * (1 + 1e-12))) == ()
    other = one.with_setting("matcher.epsilon", 0.2).with_setting("seed", 3)
    found = differences(one, other)
    assert [(each.name, each.title, each.before, each.now) for each in found] == [
        ("matcher.epsilon", "Method: epsilon", "0.05", "0.2"),
        ("seed", "Seed", "0", "3"),
    ]
    assert [each.name for each in differences(one, other, only=("matcher",))] == ["matcher.epsilon"]


def test_of_two_methods_only_the_method_is_a_difference():
    (found,) = differences(Recipe(), replace(Recipe(), matcher=ExactMatcher()))
    assert (found.title, found.before, found.now) == ("Method", kind_title(SinkhornMatcher), "Exact optimal transport")


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (True, 1, False),
        ((1, 2), [1, 2], True),
        ((1,), (1, 2), False),
        (0, 0.0, True),
    ],
)
def test_equal_numbers_are_the_same_value(one, other, is_same):
    assert same_value(one, other) is is_same


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_named_alone_only_if_nothing_was_changed(name):
    recipe = Recipe.preset(name)
    assert nearest_preset(recipe) == name
    assert preset_in_words(recipe) == f"preset {name}"
    assert preset_in_words(replace(recipe, seed=5)) == f"preset {name}"
    changed = replace(recipe, translator=RidgeTranslator())
    assert preset_in_words(changed) == f"preset {name}, changed: Translator"


def test_many_changes_are_counted():
    recipe = replace(Recipe(), translator=RidgeTranslator())
    for option, value in (("matcher.epsilon", 0.3), ("matcher.max_iterations", 7), ("scoring.n_folds", 3)):
        recipe = recipe.with_setting(option, value)
    assert len(changed_from_preset(recipe)) == 4
    assert preset_in_words(recipe).endswith(" and 1 more")
