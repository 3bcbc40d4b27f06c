"""A recipe with comments says the same as the recipe, and as itself with every comment on a setting removed."""

import re
import tomllib
from dataclasses import replace

import pytest

from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import Classifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import Matcher
from psmatch_core.pipeline.commented_recipe import as_toml
from psmatch_core.pipeline.recipe import PRESETS, Recipe
from psmatch_core.translation.translators import Translator

AWKWARD = 'C:\\data\\"rna"\t\x7f\u2028 µ.h5ad'


def read(text, tmp_path):
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    return Recipe.read(tmp_path / "mine.toml")


def recipes():
    yield from ((name, Recipe.preset(name)) for name in PRESETS)
    for name, family in (("classifier", Classifier), ("matcher", Matcher), ("translator", Translator)):
        yield from ((cls.__name__, Recipe().with_setting(name, cls.__name__)) for cls in family.kinds().values())


@pytest.mark.parametrize("recipe", [each for _, each in recipes()], ids=[name for name, _ in recipes()])
def test_reading_it_gives_the_recipe(recipe, tmp_path):
    assert read(as_toml(recipe), tmp_path) == recipe


@pytest.mark.parametrize("recipe", [Recipe.preset("paper"), Recipe.preset("recommended-2")], ids=("paper", "new"))
def test_a_setting_that_is_a_comment_shows_the_value_that_holds(recipe, tmp_path):
    text = re.sub(r"^# (\w+ = .*)$", r"\1", as_toml(recipe), flags=re.M)
    assert read(text, tmp_path) == recipe


def test_names_of_files_and_labels_survive(tmp_path):
    spec = DataSpec(path=AWKWARD, label_key="ko # 1", cells=("a > 1", 'b in "x"'), roles=(("a]", "ignored"),))
    recipe = Recipe().with_data(spec, replace(spec, path="b.csv"))
    recipe = recipe.with_setting("labels.rename_source", [["old = 1", "new\n2"]])
    assert read(as_toml(recipe, notes={"source": ["a\x00b\nc"]}), tmp_path) == recipe


def test_every_setting_is_named_below_its_meaning():
    recipe = Recipe().with_data(DataSpec(path="a.csv"), DataSpec(path="b.csv"))
    text = " ".join(line.removeprefix("# ") for line in as_toml(recipe).splitlines())

    def check(config):
        for name, declared in config.options().items():
            assert " ".join(declared.help.split()) in text
            if isinstance(getattr(config, name), Config):
                check(getattr(config, name))
            else:
                assert re.search(rf"\b{name} (=|is not set)", text)

    check(recipe)


def test_a_recipe_may_set_only_what_it_changes(tmp_path):
    assert read("seed = 3\n[matcher]\nkind = 'SinkhornMatcher'\nepsilon = 0.02", tmp_path) == replace(
        Recipe.preset("sharp"), seed=3
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("seed = three", "mine.toml is not TOML: Invalid value (at line 1"),
        ("[matcher]\nkind = 'Sinkhorn'", "'Sinkhorn' is not a kind of Matcher"),
        ("[labels]\nleave_outt = []", "has no option leave_outt"),
        ("seed = -1", "at least 0"),
    ],
)
def test_what_cannot_be_read_is_said(text, words, tmp_path):
    with pytest.raises(PsmatchError) as refused:
        read(text, tmp_path)
    assert words in refused.value.problem


def test_the_text_is_toml():
    assert tomllib.loads(as_toml(Recipe()))["matcher"]["kind"] == "SinkhornMatcher"
