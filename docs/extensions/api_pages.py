"""The pages of the public names, one for each room and one for the figures, written when the site is built.

The names are those of ``psmatch`` and of ``psmatch.pl``; nothing is listed by hand.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

from generated_pages import write_pages
from sphinx.application import Sphinx

import psmatch
import psmatch_core.plotting

FOLDER = "api"  # below docs, ignored by git
# The rooms of docs/architecture.md that have public names, in its order, by what a user looks for.
TITLES = {
    "pipeline": "Match, run and keep",
    "data": "Data and labels",
    "classification": "Classifiers and scores",
    "matching": "Matchers and couplings",
    "translation": "Translators",
    "evaluation": "Evaluation",
    "monitor": "Consistency",
    "exploration": "Choosing epsilon",
    "exports": "Exports",
    "base": "Errors",
    "plotting": "Figures",
}
INDEX = """# Python interface

`import psmatch` gives every name on these pages; `psmatch.pl` has the figures. Each name is the same object in
`psmatch_core`. Shapes, units and errors are in the docstrings. The [guide](../guide.md#without-a-browser) has the lines
to start with, the [notebooks](../notebooks/index.md) whole analyses.

"""


def public_names() -> dict[str, list[str]]:
    """The public names by the room in which they live, each as it is imported."""
    found: dict[str, list[str]] = {room: [] for room in TITLES}
    for name in psmatch.__all__:
        if not name.startswith("__"):
            found[getattr(psmatch, name).__module__.split(".")[1]].append(f"psmatch.{name}")
    figures = psmatch_core.plotting
    found["plotting"] = [
        f"psmatch_core.plotting.{each}" for each in figures.__all__ if callable(getattr(figures, each))
    ]
    return found


def page(room: str, names: list[str]) -> str:
    """The page of a room: a table of its names, then each with its docstring."""
    text = inspect.getdoc(importlib.import_module(f"psmatch_core.{room}")) or ""
    lines = [f"# {TITLES[room]}", "", text.splitlines()[0], ""]
    lines += ["```{eval-rst}", ".. autosummary::", "   :nosignatures:", ""]
    lines += [f"   {name}" for name in names]
    for name in names:
        value = getattr(importlib.import_module(name.rpartition(".")[0]), name.rpartition(".")[2])
        kind = "class" if inspect.isclass(value) else "function"
        lines += ["", f".. auto{kind}:: {name}", *(["   :members:"] if kind == "class" else [])]
    return "\n".join([*lines, "```", ""])


def pages() -> dict[str, str]:
    """All pages by the name of their file."""
    names = public_names()
    index = INDEX + "```{toctree}\n" + "\n".join(names) + "\n```\n"
    return {"index.md": index} | {f"{room}.md": page(room, sorted(found)) for room, found in names.items()}


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by sphinx, before it looks for files."""
    write_pages(Path(app.srcdir) / FOLDER, pages())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
