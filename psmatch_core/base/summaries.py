"""Summaries in notebooks: results as a short list made of the words of their ``repr``, settings as a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from html import escape

# Between two facts: a comma that is in no brackets.
_BETWEEN = re.compile(r", (?![^(]*\))")


class HtmlSummary:
    """A result with a ``repr`` such as ``Modality(RNA: 60 cells, 3 labels)``, which a notebook shows as a list."""

    def _repr_html_(self) -> str:
        """The ``repr`` as a heading and a list; texts of the data are escaped."""
        kind, _, rest = repr(self).partition("(")
        name, colon, facts = rest.removesuffix(")").partition(": ")
        items = _BETWEEN.split(facts if colon else name)
        heading = f"<strong>{escape(kind)}</strong> {escape(name) if colon else ''}"
        return f"<div>{heading}<ul>{''.join(f'<li>{escape(each)}</li>' for each in items)}</ul></div>"


def html_table(title: str, rows: Mapping[str, Sequence[str]], *, bold: Collection[str] = ()) -> str:
    """A table for a notebook: one row for each name; every text is escaped."""
    lines = []
    for name, cells in rows.items():
        tag = "th" if name in bold else "td"
        columns = "".join(f'<{tag} style="text-align: left">{escape(each)}</{tag}>' for each in (name, *cells[:1]))
        lines.append(f"<tr>{columns}{''.join(f'<td>{escape(each)}</td>' for each in cells[1:])}</tr>")
    return f"<div><strong>{escape(title)}</strong><table>{''.join(lines)}</table></div>"
