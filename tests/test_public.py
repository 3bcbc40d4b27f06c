"""The public package as a user of a notebook meets it: names, summaries, examples, errors in words."""

import doctest
import inspect
import subprocess
import sys
import tempfile
from html.parser import HTMLParser

import pytest

import psmatch
import psmatch_core
import psmatch_core.plotting
from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.summaries import HtmlSummary, html_table
from psmatch_core.matching.matchers import Matcher, UniformMatcher
from tests.conftest import make_modality

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
WITH_EXAMPLES = [name for name in psmatch_core.__all__ if ">>>" in (getattr(psmatch_core, name).__doc__ or "")]


class Texts(HTMLParser):
    """The tags and texts of a piece of HTML."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_every_public_name_is_the_same_object_under_both_names():
    assert set(dir(psmatch)) == {*dir(psmatch_core), "pl"}
    for name in psmatch_core.__all__:
        assert getattr(psmatch, name) is getattr(psmatch_core, name), name
    with pytest.raises(AttributeError, match="module 'psmatch' has no attribute 'nothing'"):
        psmatch.nothing


def test_importing_psmatch_loads_nothing_heavy():
    code = (
        "import sys, psmatch;"
        "print([m for m in ('torch','scanpy','umap','sklearn','anndata','ot','plotly','numba','pandas','numpy') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_figures_are_reached_and_described():
    assert psmatch.pl is psmatch_core.plotting
    for name in psmatch.pl.__all__:
        assert getattr(psmatch.pl, name) is not None
        if callable(getattr(psmatch.pl, name)):
            assert getattr(psmatch.pl, name).__doc__, name


@pytest.mark.parametrize("name", ["psmatch", *WITH_EXAMPLES])
def test_the_examples_of_docstrings_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    thing = psmatch if name == "psmatch" else getattr(psmatch_core, name)
    tests = doctest.DocTestFinder(recurse=False).find(thing, name, globs={})
    assert tests
    runner = doctest.DocTestRunner(optionflags=FLAGS | doctest.IGNORE_EXCEPTION_DETAIL)
    for each in tests:
        assert runner.run(each).failed == 0, name


def test_every_function_says_what_it_returns_and_shows_a_call():
    for name in psmatch_core.__all__:
        thing = getattr(psmatch_core, name)
        if inspect.isfunction(thing) and name != "compare_distributions":  # which `run` calls, and its file is full
            assert ">>>" in thing.__doc__, name
            returns_nothing = inspect.signature(thing).return_annotation in (None, "None")
            assert returns_nothing != ("Returns\n" in thing.__doc__), name


def test_the_objects_that_users_make_or_get_have_examples():
    assert {
        "Coupling", "DataSpec", "ExportRules", "LabelRules", "Modality", "Preprocessing", "PsmatchError", "Recipe",
        "SinkhornMatcher",
    } <= set(WITH_EXAMPLES)  # fmt: skip


@pytest.mark.parametrize("kind", sorted(Matcher.kinds()))
def test_a_strategy_prints_as_the_line_that_makes_it(kind):
    names = {each: getattr(psmatch_core, each) for each in psmatch_core.__all__}
    made = Matcher.kinds()[kind]()
    assert eval(repr(made), {kind: Matcher.kinds()[kind], **names}) == made
    assert repr(made) == f"{kind}()"


def test_presets_print_as_the_line_that_makes_them():
    from psmatch_core.pipeline.recipe import PRESETS

    known = {name: kind for name, kind in Config._registry.items() if kind.__module__.startswith("psmatch_core.")}
    for name in PRESETS:
        recipe = psmatch.Recipe.preset(name)
        assert eval(repr(recipe), dict(known)) == recipe


def test_results_are_lists_and_settings_tables_in_a_notebook(models):
    coupling = psmatch.match(*models, UniformMatcher())
    for result in (models[0], models[0].modality, coupling, psmatch.translate(coupling)):
        assert isinstance(result, HtmlSummary)
        shown = Texts(result._repr_html_())
        assert type(result).__name__ in shown.texts[0]
        assert shown.tags.count("li") > 1
    shown = Texts(psmatch.SinkhornMatcher(epsilon=0.02)._repr_html_())
    assert shown.tags.count("tr") == len(psmatch.SinkhornMatcher.options())
    assert shown.tags.count("th") == 2  # the changed option and its value
    assert "0.02" in shown.texts


def test_names_of_the_data_are_no_markup():
    shown = Texts(make_modality("<img src=x>")._repr_html_())
    assert "img" not in shown.tags
    assert "img" not in Texts(html_table("<img>", {"<img>": ("<img>", "<img>")})).tags


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: psmatch.Recipe(matcher="sinkhorn"), r"of Matcher, got 'sinkhorn'.*Recipe\(matcher=SinkhornMatcher\("),
        (lambda: psmatch.Recipe(matcher="Exact"), r"matcher=ExactMatcher\(\)"),
        (lambda: psmatch.Recipe(classifier="liner"), r"classifier=LinearClassifier\(\)"),
        (lambda: psmatch.Recipe(translator=psmatch.RidgeTranslator), r"the class RidgeTr.*=RidgeTranslator\(\)"),
        (lambda: psmatch.Recipe(classifier=3), r"takes an object of Classifier, got 3"),
        (lambda: psmatch.Recipe(matchr=UniformMatcher()), r"Recipe has no option matchr.*Did you mean matcher\?"),
        (lambda: psmatch.SinkhornMatcher(eps=0.1), r"has no option eps.*The options are epsilon"),
        (lambda: psmatch.SinkhornMatcher(epsilon="small"), r"'epsilon' must be a number"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_answered_with_the_line_to_write(make, said):
    with pytest.raises(PsmatchError, match=said) as error:
        make()
    assert len(str(error.value)) <= 300
