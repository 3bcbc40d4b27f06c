"""The guide names texts of the app; each is on a page under the same words."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
# Settings have their labels in the core.
CODE = "\n".join(
    path.read_text(encoding="utf-8") for room in ("pages", "psmatch_core") for path in (ROOT / room).rglob("*.py")
).casefold()


def test_every_text_that_the_guide_names_is_in_the_app():
    named = {" ".join(each.split()) for each in re.findall(r"(?<!\*)\*([A-Z][^*]{2,60})\*(?!\*)", GUIDE)}
    assert len(named) > 20
    parts = {text: [part.strip() for part in re.split("…|: |Deleted ", text) if part.strip()] for text in named}
    assert [text for text, found in parts.items() if any(part.casefold() not in CODE for part in found)] == []
