"""Page: a report as it grows, part by part, and its rendering as one HTML file that needs no other file.

Every text goes through the template ``page.html`` with autoescape on: no text of a data file can become markup.
"""

from __future__ import annotations

import json
import numbers
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psmatch_core.data.checks import display

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from psmatch_core.report.linked_cells import LinkedCells

MOST_TABLE_ROWS = 500  # more than this make a page slow; the exported files hold all
CELLS = Path(__file__).parent / "cells"  # maps and pairs: their markup, style and script
SCRIPT_PARTS = (
    "data",
    "selection",
    "colors",
    "maps",
    "drawing",
    "pairs",
    "controls",
)  # .js, one function in this order
CELLS_SCRIPT = '"use strict";\n(async () => {{\n{}}})();\n'
DEFAULT_HEIGHT = 400  # of a figure that gives none [pixels]


@dataclass
class Page:
    """Headings, texts, tables and figures in order."""

    parts: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, go.Figure] = field(default_factory=dict)
    packed_cells: str = ""

    def heading(self, text: str) -> None:
        """Start a chapter."""
        self._add("heading", text=text, anchor=f"part-{len(self.parts)}")

    def subheading(self, text: str) -> None:
        """Start a section of a chapter."""
        self._add("subheading", text=text)

    def text(self, text: str, style: str = "") -> None:
        """A paragraph; ``style`` is a class of the style sheet (``small``, ``attention``)."""
        self._add("text", text=text, style=style)

    def points(self, texts: Iterable[str]) -> None:
        """A bullet list; nothing if it is empty."""
        if texts := list(texts):
            self._add("list", texts=texts)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table. Numbers have three digits and are aligned right; a note says how many rows are not shown."""
        cells = [[_cell(each) for each in row] for row in rows[:MOST_TABLE_ROWS]]
        headings = [(column, bool(cells) and cells[0][at][1]) for at, column in enumerate(columns)]
        self._add("table", columns=headings, rows=cells)
        if len(rows) > MOST_TABLE_ROWS:
            self.text(f"The first {MOST_TABLE_ROWS:,} of {len(rows):,} rows; the exported files hold all.", "small")

    def figure(self, figure: go.Figure) -> None:
        """A figure below its title, which becomes text so that screen readers read it."""
        from psmatch_core.plotting import take_title

        title = figure.layout.title.text or ""
        finding, note = take_title(figure)
        figure.update_layout(meta={"title": title})  # for the copy that a reader downloads
        name = f"figure-{len(self.figures)}"
        self.figures[name] = figure
        self._add("figure", id=name, finding=finding, note=note, height=figure.layout.height or DEFAULT_HEIGHT)

    def cells(self, linked: LinkedCells) -> None:
        """Linked maps and a table of pairs, once in a page."""
        self.packed_cells = linked.text()
        names = [side.model.modality.name for side in (linked.source, linked.target)]
        names = [display(name, 40) for name in names]
        self._add("cells", names=names, cards=linked.cards(), about=linked.about())

    def details(self, summary: str, text: str) -> None:
        """Text that a click unfolds."""
        self._add("details", summary=summary, text=text)

    def _add(self, kind: str, **values: Any) -> None:
        self.parts.append({"kind": kind, **values})


def render(page: Page, name: str) -> str:
    """The whole file: style, contents, chapters, the cells, one copy of plotly.js, and the data of the figures."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    from psmatch_core.plotting import template
    from psmatch_core.report.style import SCRIPT, STYLE

    data = {
        "templates": {kind: template(kind).to_plotly_json() for kind in ("light", "dark")},
        "figures": [[name, json.loads(_bare(figure))] for name, figure in page.figures.items()],
    }
    environment = Environment(
        loader=FileSystemLoader(CELLS.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(
        name=name,
        date=time.strftime("%d %b %Y", time.localtime()),
        parts=page.parts,
        # Ours or plotly's, not of a data file; the JSON cannot end its script element.
        style=Markup(STYLE + _own("cells.css")),
        script=Markup(SCRIPT),
        cells_script=Markup(CELLS_SCRIPT.format("\n".join(_own(f"{name}.js") for name in SCRIPT_PARTS))),
        packed_cells=page.packed_cells,
        plotly=Markup(get_plotlyjs()),
        data=Markup(_json_in_html(data)),
    )


def _own(name: str) -> str:
    return (CELLS / name).read_text(encoding="utf-8")


def _bare(figure: go.Figure) -> str:
    """The figure without plotly's own template, which is larger than most figures."""
    figure.update_layout(template=None)
    return str(figure.to_json())


def _json_in_html(data: Any) -> str:
    """JSON without a character that HTML could read as the end of the script element."""
    text = json.dumps(data, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cell(value: Any) -> tuple[str, bool]:
    """The text of a table cell, and whether it is a number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return display(str(value), 300), False
    if value != value:
        return "–", True
    if isinstance(value, numbers.Integral) or abs(float(value)) >= 1000:
        return f"{value:,.0f}", True
    return f"{float(value):.3g}", True
