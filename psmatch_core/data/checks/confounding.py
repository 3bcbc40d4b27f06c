"""Whether a technical column, such as the batch, tells the label: then a classifier may learn the batch instead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from psmatch_core.data.checks.findings import Finding, display, warning

# A column that is called so says where or when a cell was measured.
BATCH_NAMES = re.compile(
    r"(^|[^a-z])(batch|plate|donor|sample|replicate|rep|lane|library|lib|run|chip|pool|slide|day|date|site|patient|"
    r"experiment|well)([^a-z]|$|\d|_?id$)",
    re.IGNORECASE,
)
# How much of the way from always naming the largest label to naming every label the column must go.
TOLD = 0.95
FEWEST_OF_VALUE = 5  # cells of each value on average; with fewer, a column numbers cells


def is_technical(name: str) -> bool:
    """Whether a column's name says that it holds a batch or the like."""
    return BATCH_NAMES.search(name[:200]) is not None


def check_confounding(
    labels: Sequence[str | None], columns: Mapping[str, Sequence[str | None]], *, name: str, label_key: str
) -> tuple[Finding, ...]:
    """A warning for the technical column that tells the labels ``(n_cells,)`` best, if one does.

    Parameters
    ----------
    columns
        The columns of the cells as text ``(n_cells,)``; those with other than technical names are ignored.
    """
    told = {
        column: share
        for column, values in columns.items()
        if is_technical(column) and column != label_key and (share := _told(labels, values)) >= TOLD
    }
    if not told:
        return ()
    column = max(told, key=told.__getitem__)
    problem = (
        f"{display(name, 40)}: column {display(column)} tells the label ({display(label_key)}): nearly all cells of "
        "one value have one label, so the label is confounded with it."
    )
    return (warning("PM-L24", problem, "A classifier may learn the batch: use batches that hold several labels."),)


def _told(labels: Sequence[str | None], values: Sequence[str | None]) -> float:
    """0 if knowing the value helps no more than knowing the largest label, 1 if it tells every label."""
    pairs = Counter((value, label) for value, label in zip(values, labels, strict=True) if value and label)
    n, of_label, best, of_value = 0, Counter[str | None](), Counter[str | None](), Counter[str | None]()
    for (value, label), count in pairs.items():
        n += count
        of_label[label] += count
        of_value[value] += count
        best[value] = max(best[value], count)
    if len(of_value) < 2 or n < FEWEST_OF_VALUE * len(of_value):
        return 0.0
    largest = max(of_label.values())
    return (best.total() - largest) / (n - largest) if n > largest else 0.0
