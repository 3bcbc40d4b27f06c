"""An option is declared once; everything that reads it agrees."""

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import Classifier, EnsembleClassifier, LinearClassifier, MLPClassifier
from psmatch_core.matching.matchers import Matcher, NeighborMatcher, SinkhornMatcher
from psmatch_core.pipeline.recipe import Recipe


@pytest.mark.parametrize(
    "config", [SinkhornMatcher(epsilon=0.2), NeighborMatcher(n_neighbors=7), Recipe.preset("paper")]
)
def test_config_survives_plain_data(config):
    assert type(config).from_dict(config.to_dict()) == config


def test_nested_configs_survive_plain_data():
    config = EnsembleClassifier((MLPClassifier(hidden=(8, 4)), LinearClassifier(strength=0.5)))
    assert Classifier.from_dict(config.to_dict()) == config


def test_equal_configs_hash_alike():
    assert hash(SinkhornMatcher(epsilon=0.1)) == hash(SinkhornMatcher(epsilon=0.1))


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), float("inf"), "many"])
def test_epsilon_outside_its_range_is_refused(epsilon):
    with pytest.raises(PsmatchError, match=r"SinkhornMatcher: option 'epsilon' must be a number \(above 0"):
        SinkhornMatcher(epsilon=epsilon)


def test_decimal_comma_is_explained():
    with pytest.raises(PsmatchError) as caught:
        SinkhornMatcher(epsilon="0,05")
    assert "Write the decimal with a point" in caught.value.hint


def test_whole_numbers_only_where_only_they_mean_something():
    with pytest.raises(PsmatchError, match="must be a whole number"):
        NeighborMatcher(n_neighbors=1.5)


@pytest.mark.parametrize("hidden", ["x", (0,), (-3, 8), (1.5,), 96])
def test_what_stands_in_a_list_is_checked_too(hidden):
    with pytest.raises(PsmatchError, match="MLPClassifier: option 'hidden' must be"):
        MLPClassifier(hidden=hidden)


def test_a_strategy_of_another_kind_is_refused():
    with pytest.raises(PsmatchError, match="option 'matcher' must be a Matcher"):
        Recipe(matcher=LinearClassifier())


def test_choice_outside_the_list_is_refused():
    with pytest.raises(PsmatchError, match="must be one of euclidean, sqeuclidean, got 'cosine'"):
        SinkhornMatcher(cost="cosine")


def test_unknown_kind_and_option_are_named():
    with pytest.raises(PsmatchError, match="'Magic' is not a kind of Matcher"):
        Matcher.from_dict({"kind": "Magic"})
    with pytest.raises(PsmatchError, match="SinkhornMatcher has no option sharpness"):
        Matcher.from_dict({"kind": "SinkhornMatcher", "sharpness": 1})


def test_a_matcher_is_not_a_classifier():
    with pytest.raises(PsmatchError, match="is not a kind of Classifier"):
        Classifier.from_dict(SinkhornMatcher().to_dict())


def test_setting_by_dotted_name():
    recipe = Recipe().with_setting("matcher.epsilon", 0.5).with_setting("classifier.n_networks", 2)
    assert recipe.matcher.epsilon == 0.5
    assert recipe.classifier.n_networks == 2
    assert isinstance(Recipe().with_setting("matcher", "NeighborMatcher").matcher, NeighborMatcher)
    with pytest.raises(PsmatchError, match=r"There is no setting 'matcher\.sharpness'"):
        Recipe().with_setting("matcher.sharpness", 1)


def test_every_option_says_what_it_is():
    for kind in (Recipe, SinkhornMatcher, MLPClassifier, NeighborMatcher):
        for name, declared in kind.options().items():
            assert len(declared.help) > 15, (kind, name)
