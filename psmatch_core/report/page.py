"""A page that grows: headings, texts, tables, figures; put together as one HTML file that asks nobody for anything."""

from __future__ import annotations

import html
import json
import numbers
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psmatch_core.data.checks import display

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 500  # of a table; more are told, and lie in the exports
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


@dataclass
class Page:
    """The report as it grows: sections in order, figures with their data."""

    parts: list[str] = field(default_factory=list)
    contents: list[tuple[str, str]] = field(default_factory=list)
    figures: list[tuple[str, go.Figure]] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        anchor = f"part-{len(self.contents)}"
        self.contents.append((anchor, text))
        self.parts.append(f'<h2 id="{anchor}">{html.escape(text)}</h2>')

    def subheading(self, text: str) -> None:
        """Begin a part of a section."""
        self.parts.append(f'<h3 class="part">{html.escape(text)}</h3>')

    def text(self, text: str, kind: str = "") -> None:
        """A paragraph; ``kind`` is a class of the style sheet."""
        self.parts.append(f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>")

    def points(self, texts: Iterable[str]) -> None:
        """A list; nothing where it is empty."""
        texts = list(texts)
        if not texts:
            return
        self.parts.append("<ul>" + "".join(f"<li>{html.escape(each)}</li>" for each in texts) + "</ul>")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """A table; numbers stand to the right, and what is cut off is said."""
        head = "".join(f'<th scope="col">{html.escape(each)}</th>' for each in columns)
        body = "".join("<tr>" + "".join(_cell(each) for each in row) + "</tr>" for row in rows[:MOST_ROWS])
        self.parts.append(
            f'<div class="wide" tabindex="0" role="region" aria-label="Table"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )
        if len(rows) > MOST_ROWS:
            self.text(f"The first {MOST_ROWS:,} of {len(rows):,} rows; all are in the exported files.", "small")

    def figure(self, figure: go.Figure) -> None:
        """A figure under its finding; without its title it would say nothing to a reader without eyes."""
        from psmatch_core.plotting import untitled

        title = figure.layout.title.text or ""
        finding, note = untitled(figure)
        name = f"figure-{len(self.figures)}"
        figure.update_layout(meta={"title": title})
        self.figures.append((name, figure))
        small = f'<p class="small">{html.escape(note)}</p>' if note else ""
        said = html.escape(finding)
        self.parts.append(
            f'<figure aria-label="{said}"><figcaption><h3>{said}</h3>{small}'
            f'</figcaption><div id="{name}" class="plot" style="height:{figure.layout.height or 400}px"></div></figure>'
        )

    def folded(self, summary: str, text: str) -> None:
        """Text that is shown on demand."""
        self.parts.append(f"<details><summary>{html.escape(summary)}</summary><pre>{html.escape(text)}</pre></details>")


def assembled(page: Page, name: str) -> str:
    """The whole file: style, contents, sections, one plotly.js, the figures' data."""
    from plotly.offline import get_plotlyjs

    from psmatch_core.plotting import template
    from psmatch_core.report.style import SCRIPT, STYLE

    data = {
        "templates": {kind: template(kind).to_plotly_json() for kind in ("light", "dark")},
        "figures": [[name, json.loads(_bare(figure))] for name, figure in page.figures],
    }
    made = time.strftime("%d %b %Y", time.localtime())
    contents = "".join(f'<li><a href="#{anchor}">{html.escape(text)}</a></li>' for anchor, text in page.contents)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>psmatch: {html.escape(name)}</title><style>{STYLE}</style></head><body><main>"
        f'<header><p class="small">psmatch report, {made}</p><h1>{html.escape(name)}</h1></header>'
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav>{"".join(page.parts)}</main>'
        f"<script>{get_plotlyjs()}</script>"
        f'<script type="application/json" id="data">{_inlined(json.dumps(data, ensure_ascii=False))}</script>'
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _bare(figure: go.Figure) -> str:
    """The figure without plotly's own template, which is larger than most of the figures."""
    figure.update_layout(template=None)
    return str(figure.to_json())


def _inlined(text: str) -> str:
    """JSON that cannot end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cell(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return f"<td>{html.escape(display(str(value), 300))}</td>"
    shown = "–" if value != value else f"{value:,}" if isinstance(value, numbers.Integral) else f"{float(value):,.4g}"
    return f'<td class="number">{shown}</td>'
