"""Folders of pages that are written when the site is built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages into a folder of their own; one that is the same stays, so that a second build is quick.

    Parameters
    ----------
    pages
        Texts by name of the file; other pages in the folder are removed.
    """
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
