"""A page holds every text as text, whatever the text is, and needs no other file."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import plotly.graph_objects as go
import pytest

from psmatch_core.report.page import MOST_TABLE_ROWS, Page, render

# Each of these would become an element, an attribute or the end of a script if it were not escaped.
HOSTILE = (
    "<evil>",
    "</p><evil>",
    '" onclick="evil()" x="',
    "' onclick='evil()'",
    "</script><evil></evil>",
    "<!--",
    "{{ evil }}",
    "{% include 'style.py' %}",
    "&lt;evil&gt;",
)


class Read(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its visible texts, its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attributes)
        self.texts += [value or "" for name, value in attributes if name == "aria-label"]
        self.open = tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open in ("script", "style") else self.texts).append(data)

    @property
    def data(self) -> dict[str, object]:
        """The figures with their data."""
        return json.loads(next(each for each in self.scripts if each.startswith('{"templates"')))


@pytest.fixture(scope="module", autouse=True)
def short_plotly():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plotly.offline.get_plotlyjs", lambda: "plotly")  # five megabytes that say nothing here
        yield


def full_page(text: str, title: str = "A finding") -> Page:
    """A page with this text in every place that takes one, and a figure with this title."""
    page = Page()
    page.heading(text)
    page.subheading(text)
    page.text(text)
    page.text(text, "small")
    page.points([text])
    page.table([text], [[text], [1.5], [None]])
    page.figure(go.Figure(go.Scatter(x=[1], y=[1], name=text), layout={"title": {"text": title}}))
    page.details(text, text)
    return page


def plain() -> Read:
    return Read(render(full_page("harmless"), "harmless"))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    read, usual = Read(render(full_page(text), text)), plain()
    assert read.tags == usual.tags
    assert read.attributes == usual.attributes
    assert len(read.scripts) == len(usual.scripts)
    shown = [each.strip() for each in read.texts]
    assert shown.count(text) == [each.strip() for each in usual.texts].count("harmless") >= 11
    ((_, figure),) = read.data["figures"]
    assert figure["data"][0]["name"] == text


@pytest.mark.parametrize("title", HOSTILE)
def test_no_title_of_a_figure_becomes_markup(title: str) -> None:
    """It is plotly's markup, of which the text outside the figure keeps the words alone."""
    read, usual = Read(render(full_page("harmless", title), "harmless")), plain()
    assert read.tags == usual.tags
    assert read.attributes == usual.attributes
    assert len(read.scripts) == len(usual.scripts)
    ((_, figure),) = read.data["figures"]
    assert figure["layout"]["meta"]["title"] == title


def test_each_chapter_is_linked_and_each_figure_has_its_place() -> None:
    text = render(full_page("harmless"), "harmless")
    assert text.count('href="#part-0"') == text.count('id="part-0"') == 1
    assert text.count('id="figure-0"') == 1
    assert text.startswith("<!DOCTYPE html>\n")


def test_numbers_are_aligned_and_missing_ones_are_dashes() -> None:
    page = Page()
    page.table(["a"], [[1234], [0.123456], [23456.7], [float("nan")], [True], ["1234"]])
    text = render(page, "numbers")
    for cell in (
        '<td class="number">1,234</td>',
        '<td class="number">0.123</td>',
        '<td class="number">23,457</td>',
        '<th scope="col" class="number">a</th>',
        '<td class="number">–</td>',
    ):
        assert cell in text
    assert "<td>True</td>" in text
    assert "<td>1234</td>" in text


def test_a_long_table_says_what_it_does_not_show() -> None:
    page = Page()
    page.table(["n"], [[i] for i in range(MOST_TABLE_ROWS + 1)])
    text = render(page, "long")
    assert text.count("<tr>") == MOST_TABLE_ROWS + 1  # with the head
    assert f"The first {MOST_TABLE_ROWS} of {MOST_TABLE_ROWS + 1} rows" in text


def test_an_empty_list_is_left_out() -> None:
    page = Page()
    page.points([])
    assert "<ul><li>" not in render(page, "empty")
