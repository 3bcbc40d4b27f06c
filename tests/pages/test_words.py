"""No page and no report of a run calls a method by its class."""

from __future__ import annotations

import re

import pytest

from psmatch_core.report import report_html
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open
from tests.pages.test_bad_moments import everything

CLASS_NAME = re.compile(r"\b[A-Z][A-Za-z]+(?:Matcher|Classifier|Translator)\b")
PAGES = ("data", "propensity", "match", "monitor", "translate", "evaluate", "export")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_names_a_class(full: Open, page: str) -> None:
    assert not CLASS_NAME.findall(everything(full(page)))


def test_a_changed_method_is_named_as_in_the_menu(full: Open) -> None:
    app = full("match")
    (method,) = [each for each in app.selectbox if each.label == "Method"]
    method.select("Exact optimal transport").run()
    text = everything(app)
    assert not CLASS_NAME.findall(text)
    assert "These results were computed with Method = Entropic" in text
    assert "(now Exact optimal transport)" in text
    assert "align" not in text[text.index("These results were computed") :].partition("→")[0]


def test_no_report_names_a_class(finished: RunFolder) -> None:
    shown = re.sub(r"<(pre|script).*?</\1>", "", report_html(finished), flags=re.S)  # the recipe is a file for machines
    assert not CLASS_NAME.findall(shown)
    assert "Preset recommended, changed: Classifier, Translator." in shown
