"""The plan of one label as a heatmap: rows and columns ordered by the plan and averaged into bins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from psmatch_core.matching.blocks import Block, DenseBlock, SparseBlock
from psmatch_core.matching.blocks.heatmap_bins import SMALL, BlockMeans, block_means
from psmatch_core.plotting.style import COLOR_SCALE, color_bar, escaped, figure, rounded

SAMPLED_ROWS = 200  # rows of a large plan from which the title estimates the spread of all
DEEPEST = 255
TICKS_APART = 0.13  # × the length of the colour bar, which is 200 px on a phone


def coupling_heatmap(
    block: Block,
    *,
    row_names: Sequence[str] | np.ndarray | None = None,
    column_names: Sequence[str] | np.ndarray | None = None,
    max_bins: int = 120,
    ordered: bool = True,
) -> go.Figure:
    """The plan of one label: source cells down, target cells across, bright where the weight is high.

    Parameters
    ----------
    block
        The plan ``(n, m)``.
    row_names, column_names
        Cell names, ``(n,)`` and ``(m,)``; by default cells are numbered from 0 within the label.
    max_bins
        Largest number of bins per side; larger plans are averaged.
    ordered
        Order cells by the plan, so that a plan that distinguishes cells is a band.

    Colours are uint8 on a square-root scale of the weight over the uniform weight; ``customdata`` contains that ratio.
    """
    found = block_means(block, max_bins=max_bins, ordered=ordered)
    names = [
        np.arange(size).astype(str) if given is None else given
        for given, size in zip((row_names, column_names), block.shape, strict=True)
    ]
    return means_heatmap(found, heat_title(block), row_names=names[0], column_names=names[1])


def means_heatmap(
    found: BlockMeans,
    title: str,
    *,
    row_names: Sequence[str] | np.ndarray,
    column_names: Sequence[str] | np.ndarray,
) -> go.Figure:
    """The same for a plan that is already averaged; ``title`` states the finding, the names are those of the cells."""
    n, m = found.row_order.size, found.column_order.size
    fold = found.fold
    highest = float(fold.max(initial=0.0))
    scaled = np.sqrt(fold / highest) if highest > 0 else np.zeros_like(fold)
    fig = figure(title, height=420, note=heat_note(found))
    ticks = color_ticks(highest)
    fig.add_heatmap(
        z=np.round(scaled * DEEPEST).astype(np.uint8),
        zmin=0,
        zmax=DEEPEST,
        x=np.arange(fold.shape[1], dtype=np.int16),
        y=np.arange(fold.shape[0], dtype=np.int16),
        customdata=fold.astype(np.float32),
        colorscale=COLOR_SCALE,
        hovertemplate="%{y}<br>%{x}<br>%{customdata:.3~g} × the uniform weight<extra></extra>",
        colorbar={
            **color_bar(fig),
            "tickvals": [DEEPEST * np.sqrt(tick / highest) if highest else 0 for tick in ticks],
            "ticktext": [f"{tick:,g} ×" for tick in ticks],
        },
    )
    # The hover shows the tick texts of the axes, so that names are sent once per bin, not per pair; ticks are hidden.
    for axis, names, order, edges, text, flip in (
        (fig.update_yaxes, row_names, found.row_order, found.row_edges, f"{n:,} source cells", True),
        (fig.update_xaxes, column_names, found.column_order, found.column_edges, f"{m:,} target cells", False),
    ):
        axis(
            title_text=text,
            title_standoff=12,
            tickmode="array",
            tickvals=np.arange(edges.size - 1),
            ticktext=bin_texts([escaped(each, 40) for each in np.asarray(names)[order[edges[:-1]]]], edges),
            showticklabels=False,
            ticks="",
            showgrid=False,
            zeroline=False,
            autorange="reversed" if flip else True,
        )
    return fig


def bin_texts(first: Sequence[str], edges: np.ndarray) -> list[str]:
    """What bins of cells are called: by the first cell of each, and how many more there are."""
    more = np.diff(edges) - 1
    return [f"{name} and {n} more cells" if n else name for name, n in zip(first, more.tolist(), strict=True)]


def heat_title(block: Block) -> str:
    """The finding of a heatmap: how many of its candidates a cell is matched with."""
    n, m = block.shape
    if not n or not m:
        return "One modality has no cells: nothing to match"
    if isinstance(block, SparseBlock) or "n_effective" in vars(block) or n * m <= SMALL:
        spread, word = block.n_effective, ""
    else:
        spread, word = _effective_of_some(block), "about "
    return spread_title(spread, m, word)


def spread_title(spread: np.ndarray, m: int, word: str = "") -> str:
    """How many of ``m`` candidates a cell is matched with, from the effective matches of the cells ``(n,)``."""
    spread = spread[spread > 0]
    if not spread.size:
        return "No cell has a match"
    typical = float(np.median(spread))
    if m > 1 and typical > 0.95 * m:
        return f"The plan is uniform: all {m:,} target cells match equally"
    return f"A cell has {word}{rounded(typical)} effective matches among {m:,} candidates"


def _effective_of_some(block: Block) -> np.ndarray:
    n = block.shape[0]
    rows = np.unique(np.linspace(0, n - 1, SAMPLED_ROWS).astype(int))
    return np.concatenate([DenseBlock(block.rows(row, row + 1)).n_effective for row in rows.tolist()])


def heat_note(found: BlockMeans) -> str:
    """What the colours of a heatmap are, and of how many cells its bins are means."""
    unit = "colour: weight as a multiple of the uniform plan's"
    n, m, bins = found.row_order.size, found.column_order.size, found.means.shape
    if bins == (n, m):
        return unit
    return f"{unit}; {n:,} × {m:,} cells averaged into {bins[0]} × {bins[1]} bins"


def color_ticks(highest: float) -> list[float]:
    """Round numbers up to the highest, far enough apart on the square-root scale; 0 and 1 (uniform) come first."""
    if highest <= 0:
        return [0.0]
    step = 10.0 ** np.floor(np.log10(highest))
    kept: list[float] = []
    for tick in [0.0, 1.0, *(step * k for k in (5, 2, 1, 0.5, 0.2))]:
        near = [other for other in kept if abs(np.sqrt(tick / highest) - np.sqrt(other / highest)) < TICKS_APART]
        if tick <= highest and not near:
            kept.append(float(tick))
    return sorted(kept)
