"""An option is declared once; everything that reads it agrees."""

import subprocess
import sys
from pathlib import Path

import pytest

import psmatch_core
from psmatch_core.base import config
from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import Classifier, EnsembleClassifier, LinearClassifier, MLPClassifier
from psmatch_core.classification.scored_modality import Space
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import Matcher, NeighborMatcher, SinkhornMatcher
from psmatch_core.pipeline.recipe import ExportRules, Recipe
from psmatch_core.translation.translators import Translator

ROOT = Path(__file__).parents[2]
FAMILIES = (Matcher, Classifier, Translator, Space)


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


@pytest.mark.parametrize("epsilon", [0, -1, float("nan"), float("inf"), "many", True])
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


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("Doublet", ("Doublet",)),
        ("Doublet, Negative,", ("Doublet", "Negative")),
        (7, ("7",)),
        (["with, comma"], ("with, comma",)),
        ("", ()),
    ],
)
def test_a_list_of_names_may_be_typed_with_commas(typed, names):
    assert Recipe().with_setting("labels.leave_out", typed).labels.leave_out == names


def test_a_rule_with_commas_is_one_entry():
    spec = DataSpec.from_dict({"path": "rna.h5ad", "cells": "plate in P1, P2", "label_with": "dose, time"})
    assert spec.cells == ("plate in P1, P2",)
    assert spec.label_with == ("dose", "time")


def test_a_list_of_pairs_may_be_typed_with_equals_signs():
    recipe = Recipe().with_setting("labels.rename_target", "negcon=NT, dose=0=low")
    assert recipe.labels.rename_target == (("negcon", "NT"), ("dose", "0=low"))
    with pytest.raises(PsmatchError, match="must be a list of pairs, got"):
        Recipe().with_setting("labels.rename_target", "negcon")


def test_a_strategy_of_another_kind_is_refused():
    with pytest.raises(PsmatchError, match="option 'matcher' takes an object of Matcher"):
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


def test_strategies_are_found_without_importing_them_and_without_heavy_libraries():
    code = (
        "import sys; from psmatch_core.classification.scored_modality import Space; print(*Space.kinds());"
        "print([m for m in ('torch', 'scanpy', 'umap', 'sklearn', 'anndata', 'ot', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["JointVAE PropensityScores", "[]"]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda each: each.__name__)
def test_every_strategy_is_public_and_every_menu_begins_with_the_default(family):
    assert set(family.kinds()) <= set(psmatch_core.__all__)
    assert {kind.__name__ for kind in family.kinds().values() if kind not in family.menu()} <= {"EnsembleClassifier"}
    assert len(set(family.menu().values())) == len(family.menu())
    defaults = {type(value) for value in vars(Recipe()).values()}
    assert next(iter(family.menu())) in defaults


def test_a_strategy_of_a_user_opens_from_a_recipe_and_is_in_no_list():
    class MineOwn(SinkhornMatcher, title="Mine"):
        """A matcher that does not come with the program."""

    assert isinstance(Matcher.from_dict({"kind": "MineOwn"}), MineOwn)
    assert "MineOwn" not in Matcher.kinds()
    assert MineOwn not in Matcher.menu()
    del Config._registry["MineOwn"]


def test_a_recipe_with_an_older_name_still_opens(monkeypatch):
    monkeypatch.setattr(
        config, "RENAMED", {"EntropicMatcher": "SinkhornMatcher", "SinkhornMatcher.sharpness": "epsilon"}
    )
    older = {"matcher": {"kind": "EntropicMatcher", "sharpness": 0.2}}
    assert Recipe.from_dict(older) == Recipe(matcher=SinkhornMatcher(epsilon=0.2))


def test_an_older_recipe_opens_without_the_options_that_are_gone():
    older = {"exports": {"kind": "ExportRules", "top": 3, "least": 0.3}}
    assert Recipe.from_dict(older) == Recipe(exports=ExportRules(top=3))
    for each in config.REMOVED:
        kind, _, name = each.partition(".")
        assert name not in Config._registry[kind].options()


def test_an_older_name_leads_to_one_that_exists():
    for old, new in config.RENAMED.items():
        kind, _, name = old.partition(".")
        assert kind not in Config._registry if not name else new in Config._registry[kind].options()
