"""The plan of one label as a picture: rows and columns ordered by the plan, averaged into few blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from psmatch_core.blocks import Block, DenseBlock, PotentialBlock, SparseBlock
from psmatch_core.plotting.style import COLOR_SCALE, about, color_bar, figure, plain

SMALL = 1_000_000  # entries up to which a plan is formed once and asked freely (8 MB)
ITERATIONS = 12  # of reciprocal averaging; the order is for eyes, and moves little after ten
JUDGED_ROWS = 200  # rows whose spread stands for all of a large plan in the title
DEEPEST = 255
TICKS_APART = 0.13  # of the colour bar, which is 200 px on a telephone
AT_ONCE = 250_000  # entries formed at a time: they stay in the processor's cache, twice as fast as 32 MB pieces


@dataclass(frozen=True, eq=False)
class BlockMeans:
    """A plan averaged into blocks of neighbouring cells.

    Parameters
    ----------
    means
        Mean of P in each block, ``(n_row_bins, n_column_bins)``.
    row_order, column_order
        Rows and columns of the plan in drawn order, ``(n,)`` and ``(m,)``.
    row_edges, column_edges
        Where each bin begins in that order, and its end, ``(n_row_bins + 1,)``.
    """

    means: np.ndarray
    row_order: np.ndarray
    column_order: np.ndarray
    row_edges: np.ndarray
    column_edges: np.ndarray

    @property
    def fold(self) -> np.ndarray:
        """Means × n × m: how many times the weight of a plan in which all pairs are alike."""
        return np.asarray(self.means * self.row_order.size * self.column_order.size)


def block_means(block: Block, *, max_bins: int = 120, ordered: bool = True) -> BlockMeans:
    """Average a plan ``(n, m)`` into at most ``max_bins`` × ``max_bins`` blocks, in one pass over its rows.

    Parameters
    ----------
    max_bins
        Most bins a side.
    ordered
        Put cells next to each other that share matches; otherwise rows and columns stay as they are.
    """
    n, m = block.shape
    if not n or not m:
        return BlockMeans(np.zeros((0, 0)), np.arange(n), np.arange(m), np.zeros(1, int), np.zeros(1, int))
    if n * m <= SMALL and not isinstance(block, DenseBlock):
        block = DenseBlock(block.rows(0, n))
    row_score, column_score = _scores(block) if ordered else (np.arange(n, dtype=float), np.arange(m, dtype=float))
    column_order = np.argsort(column_score, kind="stable")
    column_edges = _edges(m, max_bins)
    in_order = not ordered
    narrow = np.empty((n, column_edges.size - 1))  # (n, bins)
    barycenter = np.zeros(n)
    for start, stop, chunk in _chunks(block):
        arranged = chunk if in_order else chunk[:, column_order]
        narrow[start:stop] = np.add.reduceat(arranged, column_edges[:-1], axis=1)
        if row_score is None:
            mass = chunk.sum(axis=1)
            barycenter[start:stop] = np.divide(chunk @ column_score, mass, out=np.zeros_like(mass), where=mass > 0)
    row_order = np.argsort(barycenter if row_score is None else row_score, kind="stable")
    row_edges = _edges(n, max_bins)
    sums = np.add.reduceat(narrow[row_order], row_edges[:-1], axis=0)
    sizes = np.diff(row_edges)[:, None] * np.diff(column_edges)
    return BlockMeans(sums / sizes, row_order, column_order, row_edges, column_edges)


def coupling_heatmap(
    block: Block,
    *,
    row_names: Sequence[str] | np.ndarray,
    column_names: Sequence[str] | np.ndarray,
    max_bins: int = 120,
    ordered: bool = True,
) -> go.Figure:
    """The plan of one label: source cells down, target cells across, bright where the weight is.

    Parameters
    ----------
    block
        The plan ``(n, m)``.
    row_names, column_names
        Cell names, ``(n,)`` and ``(m,)``.
    max_bins
        Most bins a side; larger plans are averaged.
    ordered
        Order cells by the plan, so that a plan that tells cells apart is a band.

    Colours are uint8 on a square-root scale of weight over the uniform plan's; ``customdata`` holds that ratio.
    """
    n, m = block.shape
    found = block_means(block, max_bins=max_bins, ordered=ordered)
    fold = found.fold
    highest = float(fold.max(initial=0.0))
    scaled = np.sqrt(fold / highest) if highest > 0 else np.zeros_like(fold)
    is_binned = n > max_bins or m > max_bins
    fig = figure(_title(block), height=420, note=_note(n, m, found, is_binned))
    ticks = _color_ticks(highest)
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
    # The hover shows an axis' tick text, so names travel once a bin and not once a pair; the ticks stay unseen.
    for axis, names, order, edges, text, flip in (
        (fig.update_yaxes, row_names, found.row_order, found.row_edges, f"{n:,} source cells", True),
        (fig.update_xaxes, column_names, found.column_order, found.column_edges, f"{m:,} target cells", False),
    ):
        axis(
            title_text=text,
            title_standoff=12,
            tickmode="array",
            tickvals=np.arange(edges.size - 1),
            ticktext=_bin_names(np.asarray(names), order, edges),
            showticklabels=False,
            ticks="",
            showgrid=False,
            zeroline=False,
            autorange="reversed" if flip else True,
        )
    return fig


def _scores(block: Block) -> tuple[np.ndarray | None, np.ndarray]:
    """Positions of rows and columns by which they are ordered; None: rows by the barycentre of their matches.

    Reciprocal averaging: a row stands where its matches stand on average and a column likewise, which tends to the
    leading non-constant singular vectors of the plan. Source: Hill 1974, "Correspondence analysis: a neglected
    multivariate method". A large entropic plan is not asked a dozen times: its columns are ordered by the first
    principal component of their scores, in which near points share matches, and its rows by the plan.
    """
    n, m = block.shape
    if min(n, m) == 1:
        one = block.rows(0, n)
        return (-one[:, 0], np.zeros(1)) if m == 1 else (np.zeros(1), -one[0])
    if isinstance(block, PotentialBlock):
        return None, _first_component(block.y)
    a, b = (np.where(mass > 0, mass, 1.0) for mass in block.marginals)
    columns = _start(block, m)
    rows = np.zeros(n)
    n_iterations = (
        4 * ITERATIONS if isinstance(block, SparseBlock) else ITERATIONS if n * m <= SMALL else ITERATIONS // 3
    )
    for _ in range(n_iterations):
        rows = block.pull(columns[:, None])[:, 0] / a
        columns = block.push(rows[:, None])[:, 0] / b
        columns = columns - np.average(columns, weights=b)
        spread = float(np.abs(columns).max())
        if spread < 1e-9:  # all rows alike: there is no order to find
            return np.arange(n, dtype=float), np.arange(m, dtype=float)
        columns = columns / spread
    return rows, columns


def _start(block: Block, m: int) -> np.ndarray:
    """Where reciprocal averaging begins, ``(m,)``: a fixed pattern without symmetry."""
    return np.asarray(np.random.default_rng(0).normal(size=m))


def _first_component(points: np.ndarray) -> np.ndarray:
    if not points.shape[1]:
        return np.arange(len(points), dtype=float)
    centered = points - points.mean(axis=0)
    _, _, axes = np.linalg.svd(centered.T @ centered)
    return np.asarray(centered @ axes[0])


def _chunks(block: Block) -> Iterator[tuple[int, int, np.ndarray]]:
    n, m = block.shape
    step = max(1, AT_ONCE // m)
    for start in range(0, n, step):
        stop = min(start + step, n)
        yield start, stop, block.rows(start, stop)


def _edges(n: int, max_bins: int) -> np.ndarray:
    """Where bins of nearly equal size begin, and the end."""
    return np.linspace(0, n, min(n, max_bins) + 1).round().astype(np.int64)


def _bin_names(names: np.ndarray, order: np.ndarray, edges: np.ndarray) -> list[str]:
    shown = []
    for start, stop in pairwise(edges.tolist()):
        first = plain(names[order[start]], 40)
        shown.append(first if stop - start == 1 else f"{first} and {stop - start - 1} more cells")
    return shown


def _title(block: Block) -> str:
    n, m = block.shape
    if not n or not m:
        return "No cells on one side: nothing to match"
    if isinstance(block, SparseBlock) or "n_effective" in vars(block) or n * m <= SMALL:
        spread, word = block.n_effective, ""
    else:
        spread, word = _effective_of_some(block), "about "
    spread = spread[spread > 0]
    if not spread.size:
        return "No cell has a match"
    typical = float(np.median(spread))
    if m > 1 and typical > 0.95 * m:
        return f"No cell is told from another: all {m:,} target cells match alike"
    return f"A cell spreads over {word}{about(typical)} effective matches of {m:,}"


def _effective_of_some(block: Block) -> np.ndarray:
    n = block.shape[0]
    rows = np.unique(np.linspace(0, n - 1, JUDGED_ROWS).astype(int))
    return np.concatenate([DenseBlock(block.rows(row, row + 1)).n_effective for row in rows.tolist()])


def _note(n: int, m: int, found: BlockMeans, is_binned: bool) -> str:
    unit = "colour: weight as a multiple of the uniform plan's"
    if not is_binned:
        return unit
    bins = found.means.shape
    return f"{unit}; {n:,} × {m:,} cells averaged into {bins[0]} × {bins[1]} blocks"


def _color_ticks(highest: float) -> list[float]:
    """Round numbers up to the highest that do not crowd on the square-root scale; 0 and 1 (uniform) come first."""
    if highest <= 0:
        return [0.0]
    step = 10.0 ** np.floor(np.log10(highest))
    kept: list[float] = []
    for tick in [0.0, 1.0, *(step * k for k in (5, 2, 1, 0.5, 0.2))]:
        near = [other for other in kept if abs(np.sqrt(tick / highest) - np.sqrt(other / highest)) < TICKS_APART]
        if tick <= highest and not near:
            kept.append(float(tick))
    return sorted(kept)
