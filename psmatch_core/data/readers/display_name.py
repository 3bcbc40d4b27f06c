"""The name of a file as messages show it: no path, and no characters with an effect in a terminal or page."""

from __future__ import annotations

import unicodedata


def shown_name(name: str, limit: int = 40) -> str:
    """The last part of ``name`` without control characters, shortened to ``limit`` characters but with its ending."""
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    clean = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip() or "file"
    if len(clean) <= limit:
        return clean
    ending = clean[-12:]
    return clean[: limit - len(ending) - 1] + "…" + ending
