"""The answer on labels of two files: all shared, some, one or none."""

from __future__ import annotations

import pytest

from psmatch_core.data.labels.answers import answer_on_shared_labels
from psmatch_core.data.labels.shared_labels import reconcile


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ({"a": 30, "b": 20}, {"a": 9, "b": 8}, "RNA has 50 cells and ADT 17, and both labels occur in each of them."),
        ({"a": 1}, {"a": 9}, "RNA has 1 cell and ADT 9, but they share no label with enough cells, so nothing"),
        ({"a": 5}, {"a": 9}, "RNA has 5 cells and ADT 9, and the only label occurs in each of them."),
        ({"a": 5}, {"b": 9}, "but they share no label, so nothing can be matched."),
        (
            {"a": 1000, "b": 20, "c": 3},
            {"a": 9, "b": 1, "d": 7},
            "RNA has 1,023 cells and ADT 17; 1 of 4 labels can be matched, with 1,000 RNA and 9 ADT cells.",
        ),
    ],
)  # fmt: skip
def test_shared_labels_are_counted_with_their_cells(source: dict[str, int], target: dict[str, int], words: str) -> None:
    assert words in answer_on_shared_labels(reconcile(source, target), ("RNA", "ADT"))
