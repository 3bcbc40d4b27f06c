"""A file's name as people see it: never a path, never something that acts in a terminal or a page."""

from __future__ import annotations

import unicodedata


def shown_name(name: str, limit: int = 40) -> str:
    """The last part of ``name`` without control characters, at most ``limit`` characters, its ending kept."""
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    clean = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip() or "file"
    if len(clean) <= limit:
        return clean
    ending = clean[-12:]
    return clean[: limit - len(ending) - 1] + "…" + ending
