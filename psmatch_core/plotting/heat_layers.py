"""A plan's heatmap as whole numbers, for a script that draws it itself and says each weight with three digits.

The same weights, names and ticks as in :func:`~psmatch_core.plotting.coupling_heatmap.means_heatmap`, in a fifth of its
bytes: two for each block of cells, from which the script has both the colour and the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly import colors

from psmatch_core.base.framed_arrays import framed
from psmatch_core.data.checks import display
from psmatch_core.matching.blocks.heatmap_bins import BlockMeans
from psmatch_core.plotting.coupling_heatmap import bin_texts, color_ticks
from psmatch_core.plotting.style import COLOR_SCALE

SMALLEST_POWER = -45  # of ten: that of the smallest number in 32 bits
PER_POWER = 900  # numbers with three digits in a power of ten: 1.00 to 9.99
NAME = 40  # characters of a cell's name


def three_digits(values: np.ndarray) -> np.ndarray:
    """Numbers with three significant digits as whole numbers of 16 bits, of any shape.

    0 stays 0; another number ``d.dd × 10^p`` becomes ``1 + 900 (p + 45) + (ddd − 100)``. What is negative, or smaller
    than 10⁻⁴⁵, becomes 0, and what is larger than 10²⁷ the largest.
    """
    positive = np.isfinite(values) & (values > 0)
    known = np.where(positive, values, 1.0).astype(np.float64)
    power = np.floor(np.log10(known))
    digits = np.floor(known / 10.0 ** (power - 2) + 0.5)
    power, digits = power + (digits == 1000), np.where(digits == 1000, 100, digits)
    codes = 1 + PER_POWER * (power - SMALLEST_POWER) + digits - 100
    return np.where(positive & (codes > 0), np.minimum(codes, np.iinfo(np.uint16).max), 0).astype(np.uint16)


def heat_cells(found: BlockMeans, names: str, **about: Any) -> bytes:
    """The weights of a heatmap ``(n_rows, n_columns)`` as multiples of the uniform plan's, with what its axes say.

    Parameters
    ----------
    names
        Name of the part of :func:`heat_names`, which the browser keeps.
    about
        What else the script must know, as plain data.
    """
    fold = found.fold
    highest = float(fold.max(initial=0.0))
    head = {
        **about,
        "names": names,
        "shape": list(fold.shape),
        "highest": highest,
        "ticks": [[tick, f"{tick:,g} ×"] for tick in color_ticks(highest)],
        "colors": [color for _, color in colors.get_colorscale(COLOR_SCALE)],
        "axes": [f"{found.row_order.size:,} source cells", f"{found.column_order.size:,} target cells"],
    }
    return framed(head, {"weights": three_digits(fold.astype(np.float32))})


def heat_names(
    found: BlockMeans, row_names: Sequence[str] | np.ndarray, column_names: Sequence[str] | np.ndarray
) -> bytes:
    """What the rows and columns of a heatmap are called: the same for all positions of a slider."""
    axes = (row_names, found.row_order, found.row_edges), (column_names, found.column_order, found.column_edges)
    texts = [bin_texts([display(each, NAME) for each in np.asarray(names)[order[edges[:-1]]]], edges)
             for names, order, edges in axes]  # fmt: skip
    return framed({"rows": texts[0], "columns": texts[1]}, {})
