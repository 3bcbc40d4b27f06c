"""A search among many names."""

from __future__ import annotations

from pages.shell.name_search import matching_names


def test_a_search_puts_what_begins_so_first() -> None:
    assert matching_names(["xCD8", "cd8a", "CD8", "B"], "cd8") == ["CD8", "cd8a", "xCD8"]
    assert matching_names(["a"], "z") == []
