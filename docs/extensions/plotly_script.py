"""plotly.js from the installed package beside the pages, instead of one from another server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs
from sphinx.application import Sphinx

NAME = "_static/plotly.min.js"
# What plotly's renderer names for every figure: its script, twice, and MathJax, which no figure here needs.
ELSEWHERE = re.compile(r'<script[^>]*src="https://cdn\.plot\.ly/[^"]+"[^>]*>')
NEEDLESS = re.compile(
    r'<script[^>]*>\s*import "https://cdn\.plot\.ly/[^"]+"\s*</script>|<script[^>]*src="https://[^"]*/mathjax/[^>]*></script>'
)


def own_script(body: str, root: str) -> str:
    """The page with plotly.js of this site; ``root`` is the way from the page to the site's first folder."""
    return NEEDLESS.sub("", ELSEWHERE.sub(f'<script charset="utf-8" src="{root}{NAME}">', body))


def _replace(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    if "body" in context:
        context["body"] = own_script(context["body"], "../" * page.count("/"))


def _finished(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        (Path(app.outdir) / NAME).write_text(get_plotlyjs(), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by sphinx."""
    app.connect("html-page-context", _replace)
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
