"""The scripts and styles of our canvases, sent once to a page.

Streamlit sends script, markup and style of a component again with each of its messages. A component made here has a
script of one line, which calls the whole one; that arrives once, with a message that never changes and that a browser
therefore keeps.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.shell.places import unseen

_HERE = Path(__file__).parent
NAMES = ("cell_canvas", "bar_panel", "heat_canvas")  # each has a script and a style beside this file
_EXPORT = "export default function"
# What was to be drawn before the scripts arrived is drawn then.
_CALL = """export default function (given) {
  const {scripts, waits} = (window.psmatchScripts ??= {scripts: {}, waits: []});
  if (scripts.NAME) scripts.NAME(given); else waits.push(["NAME", given]);
}
"""
_KEEP = """export default function () {
  const kept = (window.psmatchScripts ??= {scripts: {}, waits: []});
  Object.assign(kept.scripts, made);
  for (const [name, given] of kept.waits.splice(0)) if (given.parentElement.isConnected) kept.scripts[name](given);
}
"""


def script_component(name: str, *, html: str) -> Any:
    """A component with this markup whose script and style are those of ``name``, from :func:`send_scripts`."""
    return st.components.v2.component(
        f"psmatch_{name}", html=html, js=_CALL.replace("NAME", name), isolate_styles=False
    )


def joined_scripts() -> str:
    """All scripts as one module; each keeps its own names to itself."""
    made = []
    for name in NAMES:
        before, draw = (_HERE / f"{name}.js").read_text(encoding="utf-8").split(_EXPORT)
        made.append(f"made.{name} = (() => {{\n{before}return function{draw}}})();\n")
    return f"const made = {{}};\n{''.join(made)}{_KEEP}"


_scripts = st.components.v2.component(
    "psmatch_scripts",
    html="<div></div>",
    css="".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in NAMES),
    js=joined_scripts(),
    isolate_styles=False,
)


def send_scripts() -> None:
    """Give a page the scripts and styles of all canvases."""
    with unseen("scripts"):
        _scripts(key="scripts", height="content")
