"""Tables of labels with a row for each guide of a cell become tables of calls, with ``A|B`` in the row of a cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning

if TYPE_CHECKING:
    import pandas as pd

# Below this share of the cells, or this many, a name that is used twice is a mistake and no list of guides.
MANY_REPEATED, FEWEST_REPEATED = 0.05, 5
BAR = "|"


def has_rows_of_guides(names: Sequence[str]) -> bool:
    """Whether so many cells have several rows that the table has a row for each guide of a cell."""
    counts = Counter(names)
    n_repeated = sum(n > 1 for n in counts.values())
    return n_repeated >= max(FEWEST_REPEATED, MANY_REPEATED * len(counts))


def one_row_each(
    columns: Mapping[str, pd.Series], names: Sequence[str], shown: str
) -> tuple[dict[str, pd.Series], list[str], Finding]:
    """The table with the rows of a cell joined: columns that differ within cells hold ``A|B``, the others one value.

    Parameters
    ----------
    columns
        The columns as text, one entry a row.
    names
        The cell of each row.
    shown
        The name of the table in messages.

    Returns
    -------
    The columns with one entry a cell, the cells in the order in which they come first, and what was done.
    """
    import pandas as pd

    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        rows.setdefault(name, []).append(row)
    joined: dict[str, pd.Series] = {}
    several = []
    for name, values in columns.items():
        texts = values.tolist()
        of_cells = [[texts[row] for row in each] for each in rows.values()]
        if any(len(set(each)) > 1 for each in of_cells):
            several.append(name)
            joined[name] = pd.Series([BAR.join(each) for each in of_cells], dtype=object)
        else:
            joined[name] = pd.Series([each[0] for each in of_cells], dtype=object)
    n_several = sum(len(each) > 1 for each in rows.values())
    example = next((text for name in several for text in joined[name] if BAR in text), "")
    what = f"their entries in {name_list(several, 3)} are joined, such as {display(example, 40)}" if several else ""
    problem = f"{shown} has several rows for {plural(n_several, 'cell')}: {what or 'they say the same'}."
    hint = "Call one guide a cell with guide_umis, or leave out the cells with several (suggestions on labels)."
    return joined, list(rows), warning("PM-F75", problem, hint if several else "Keep one row for each cell.")
