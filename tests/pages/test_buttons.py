"""What a page asks for first is never what takes something away."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "pages"
TAKES_AWAY = re.compile(r"(?i)delete|cancel|remove|replace|empty|clear|reset|log ?out")
BUTTONS = {"button", "form_submit_button", "download_button", "clicked", "act_on_click"}


def test_nothing_that_takes_something_away_is_a_primary_button() -> None:
    found = []
    for path in sorted(PAGES.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in BUTTONS:
                given = {each.arg: ast.unparse(each.value) for each in call.keywords}
                words = " ".join([*map(ast.unparse, call.args[:1]), given.get("key", ""), given.get("icon", "")])
                if "primary" in given.get("type", "") and TAKES_AWAY.search(words):
                    found.append(f"{path.relative_to(PAGES)}:{call.lineno} {words}")
    assert not found
