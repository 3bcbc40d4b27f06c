"""LinkedCells: cells of both modalities with their places on maps and their best matches, for the maps of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.checks import display
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import MonitorReport, Verdict
from psmatch_core.plotting.style import GREY, PALETTE, POINT_SCALE
from psmatch_core.report.packed import packed
from psmatch_core.report.style import VERDICT_COLORS

MOST_CELLS = 50_000  # of each modality in a report; with more, a sample, each label in proportion
BEST = 10  # matches of each cell in a report
NOWHERE = 65_535  # a place that is not known; others are 0 to 65,534
UNMEASURED = "Judged by losses and plan: whether other cells or features lead to the same matches was not measured."
NO_MATCH = {"uint16": 65_535, "uint32": 4_294_967_295}


@dataclass(frozen=True, eq=False)
class CellMap:
    """Places of the cells of both modalities, or of one.

    Parameters
    ----------
    source, target
        Place of every cell of the modality ``(n_cells, 2)``, no unit, NaN where unknown; None if it has no such map.
    is_shared
        Whether places on both sides can be compared; then both have one range.
    """

    title: str
    source: np.ndarray | None
    target: np.ndarray | None
    is_shared: bool = True


@dataclass(frozen=True, eq=False)
class LinkedSide:
    """The cells of one modality as a report holds them.

    Parameters
    ----------
    cells
        Their row numbers in the modality, ascending, ``(n,)``.
    matches, shares
        Best matches of each cell as positions among the other side's ``cells``, −1 for none, and the share of the
        cell's weight on them, heaviest first, ``(n, k)``.
    n_effective
        Effective matches ``(n,)``; NaN for a cell without a plan.
    """

    model: ScoredModality
    cells: np.ndarray
    matches: np.ndarray
    shares: np.ndarray
    n_effective: np.ndarray


@dataclass(frozen=True, eq=False)
class LinkedCells:
    """Both sides, their maps and the verdict on each label; ``text`` is what the page holds."""

    source: LinkedSide
    target: LinkedSide
    maps: tuple[CellMap, ...]
    verdicts: MonitorReport

    @property
    def is_sampled(self) -> bool:
        """Whether the report holds only a part of the cells."""
        return any(each.cells.size < each.model.modality.n_cells for each in (self.source, self.target))

    def about(self) -> list[str]:
        """What the maps hold, and what they leave out, in sentences."""
        texts = [f"The file holds the {BEST} best matches of each cell with their weights."]
        if self.is_sampled:
            held = " and ".join(
                f"{each.cells.size:,} of {each.model.modality.n_cells:,} {display(each.model.modality.name, 24)} cells"
                for each in (self.source, self.target)
            )
            texts.append(
                f"It holds {held}, each label in proportion, because a modality has more than {MOST_CELLS:,}. The best "
                "matches are those among these cells; the weights are of all. The exported files hold all cells."
            )
        return texts

    def cards(self) -> list[dict[str, Any]]:
        """For each verdict that a label has: its words, and its labels and cells."""
        found = []
        for verdict in Verdict:
            labels = [row.label for row in self.verdicts.labels if row.verdict is verdict]
            if not labels:
                continue
            counts = {
                f"n_{which}": int(np.isin(side.model.modality.labels, labels).sum())
                for which, side in zip(SIDES, (self.source, self.target), strict=True)
            }
            is_known = self.verdicts.is_measured or verdict is Verdict.NOT_MATCHED
            meaning = verdict.meaning if is_known else UNMEASURED
            found.append(
                {"level": verdict.level, "title": verdict.value, "meaning": meaning, "n_labels": len(labels), **counts}
            )
        return found

    def text(self) -> str:
        """Everything that the script of the page needs, packed."""
        arrays: dict[str, np.ndarray] = {}
        sides = [self._side(name, side, arrays) for name, side in zip(SIDES, (self.source, self.target), strict=True)]
        labels = [self._label(at, name) for at, name in enumerate(self.source.model.label_names)]
        head = {
            "sides": sides,
            "labels": labels,
            "verdicts": [each.value for each in Verdict],
            "verdict_colors": VERDICT_COLORS,
            "palette": PALETTE[:-1],
            "grey": GREY,
            "scale": [POINT_SCALE[0][1], POINT_SCALE[-1][1]],  # without its grey, the colour of cells without a match
        }
        return packed(head, arrays)

    def _label(self, at: int, name: str) -> dict[str, Any]:
        row = self.verdicts.by_label[name]
        sizes = [int((side.model.y == at).sum()) for side in (self.source, self.target)]
        reason = row.reasons[0] if row.reasons else ""
        return {"name": display(name, 300), "verdict": row.verdict.level, "reason": reason, "sizes": sizes}

    def _side(self, which: str, side: LinkedSide, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
        modality = side.model.modality
        kind = "uint16" if max(self.source.cells.size, self.target.cells.size) < NOWHERE else "uint32"
        arrays[f"{which}.label"] = side.model.y[side.cells].astype(np.uint16)
        arrays[f"{which}.matches"] = np.where(side.matches < 0, NO_MATCH[kind], side.matches).astype(kind)
        arrays[f"{which}.shares"] = np.rint(side.shares * NOWHERE).astype(np.uint16)
        arrays[f"{which}.effective"] = np.nan_to_num(side.n_effective, nan=0.0).astype(np.float32)
        maps = []
        for number, each in enumerate(self.maps):
            own = each.source if which == SIDES[0] else each.target
            if own is None:
                continue
            both = [xy for xy in ((each.source, each.target) if each.is_shared else (own,)) if xy is not None]
            places = quantised(own[side.cells], np.concatenate(both), keep_shape=not each.is_shared)
            arrays[f"{which}.map{number}"] = places
            placed = int((places[:, 0] != NOWHERE).sum())
            array = f"{which}.map{number}"
            maps.append({"title": each.title, "array": array, "placed": placed, "shared": each.is_shared})
        names = [
            str(name) if str(name).isprintable() else display(name, 300) for name in modality.obs_names[side.cells]
        ]
        name = display(modality.name, 40)
        return {"name": name, "names": names, "maps": maps, "all": modality.n_cells, "k": side.matches.shape[1]}


def quantised(xy: np.ndarray, around: np.ndarray, *, keep_shape: bool) -> np.ndarray:
    """Places as whole numbers 0 to 65,534 over the range of ``around``, 65,535 where unknown, ``(n, 2)`` uint16.

    Parameters
    ----------
    keep_shape
        One unit is equally long in both directions, as on a section of tissue; otherwise each direction is filled.
    """
    known = np.isfinite(xy).all(axis=1)
    seen = around[np.isfinite(around).all(axis=1)]
    if not seen.size:
        return np.full(xy.shape, NOWHERE, dtype=np.uint16)
    low, high = seen.min(axis=0).astype(np.float64), seen.max(axis=0).astype(np.float64)
    span = np.maximum(high - low, 1e-12)
    if keep_shape:
        low, span = (low + high) / 2 - span.max() / 2, np.full(2, span.max())
    places = np.full(xy.shape, NOWHERE, dtype=np.uint16)
    places[known] = np.rint((xy[known] - low) / span * (NOWHERE - 1)).clip(0, NOWHERE - 1).astype(np.uint16)
    return places


def link_cells(
    coupling: Coupling, maps: Sequence[CellMap], verdicts: MonitorReport, *, most: int = MOST_CELLS
) -> LinkedCells:
    """The cells, maps and best matches of a matching.

    Parameters
    ----------
    verdicts
        On every label of the coupling.
    most
        Largest number of cells per modality. Of more, evenly spaced ones are kept, each label in proportion.
    """
    kept = [_kept(model, most) for model in (coupling.source, coupling.target)]
    sides = []
    for at, model in enumerate((coupling.source, coupling.target)):
        blocks = {label: (block, block.T)[at] for label, block in coupling.blocks.items()}
        cells = (coupling.source_cells, coupling.target_cells)
        sides.append(_linked_side(model, blocks, (cells[at], cells[1 - at]), (kept[at], kept[1 - at])))
    return LinkedCells(sides[0], sides[1], tuple(maps), verdicts)


def _kept(model: ScoredModality, most: int) -> np.ndarray:
    n = model.modality.n_cells
    if n <= most:
        return np.arange(n)
    by_label = np.argsort(model.y, kind="stable")
    return np.sort(by_label[np.linspace(0, n - 1, most).round().astype(np.int64)])


def _linked_side(
    model: ScoredModality,
    blocks: dict[str, Block],
    cells: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
    kept: tuple[np.ndarray, np.ndarray],
) -> LinkedSide:
    n = kept[0].size
    matches, shares = np.full((n, BEST), -1, dtype=np.int64), np.zeros((n, BEST))
    n_effective = np.full(n, np.nan)
    for label, whole in blocks.items():
        rows, columns = (np.flatnonzero(np.isin(own[label], held)) for own, held in zip(cells, kept, strict=True))
        if not rows.size or not columns.size:
            continue
        block = whole if rows.size == whole.shape[0] else whole.part(rows)
        at = np.searchsorted(kept[0], cells[0][label][rows])
        n_effective[at] = block.n_effective
        index, share = _best(block, columns)
        other = np.searchsorted(kept[1], cells[1][label][columns])
        wide = index.shape[1]
        matches[at, :wide] = np.where(index >= 0, other[np.maximum(index, 0)], -1)
        shares[at, :wide] = share
    return LinkedSide(model, kept[0], matches, shares, n_effective)


def _best(block: Block, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The heaviest of some columns for each row, and the share of the whole row on them."""
    if columns.size == block.shape[1]:
        return block.top(min(BEST, block.shape[1]))
    held = np.zeros((block.shape[1], 1))
    held[columns] = 1.0
    mass = block.marginals[0]
    share_held = np.divide(block.pull(held)[:, 0], mass, out=np.zeros_like(mass), where=mass > 0)
    index, share = block.T.part(columns).T.top(min(BEST, columns.size))
    return index, share * share_held[:, None]
