"""Two matchings of the same cells side by side: where they agree, and by how much more than by label alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent
from psmatch_core.base.randomness import stream
from psmatch_core.base.rowwise import TILE_VALUES
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.evaluation.evaluate import PAIR_METRICS
from psmatch_core.evaluation.intervals import bootstrap_intervals
from psmatch_core.matching.blocks import Block, shares_of_both
from psmatch_core.matching.coupling import Coupling

NUMBERS = ("shared_mass", "by_label", "same_best", "n_effective", "other_n_effective")
SHARED_MASS = (
    "Shared mass is the share of a cell's weight that both matchings give to the same matches: 1 the same, 0 none in "
    "common. “By label alone” is the same figure with the cells of the label exchanged in one of the two: what "
    "matchings share that have only the label in common."
)


@dataclass(frozen=True, eq=False)
class TwoMatchings(HtmlSummary):
    """Where two matchings of the same source cells agree.

    Parameters
    ----------
    names
        Of the two matchings.
    cells
        One row for each source cell that both match: ``cell`` (its name), ``label`` and ``other_label``,
        ``shared_mass`` and ``by_label`` (0 to 1), ``same_best`` (whether the heaviest match is the same),
        ``n_effective`` and ``other_n_effective`` [cells].
    n_only
        Source cells that only the first, and only the second, matches.
    """

    names: tuple[str, str]
    cells: pd.DataFrame = field(repr=False)
    n_only: tuple[int, int]

    @property
    def shared_mass(self) -> float:
        """Mean over the cells."""
        return float(self.cells["shared_mass"].mean())

    @property
    def by_label(self) -> float:
        """Mean over the cells of what is shared by label alone."""
        return float(self.cells["by_label"].mean())

    @property
    def same_best(self) -> float:
        """Share of the cells with the same heaviest match."""
        return float(self.cells["same_best"].mean())

    def labels(self) -> pd.DataFrame:
        """One row for each label of the first matching, those that agree least first: means over its cells."""
        table = self.cells.groupby("label", sort=False)[list(NUMBERS)].mean()
        table.insert(0, "n_cells", self.cells.groupby("label", sort=False).size())
        return table.sort_values("shared_mass", kind="stable").reset_index()

    def sentence(self) -> str:
        """What the comparison says, for people."""
        n = len(self.cells)
        renamed = int((self.cells["label"] != self.cells["other_label"]).sum())
        parts = [
            f"{self.names[0]} and {self.names[1]} share {self.shared_mass:.0%} of the weight of {n:,} cells; matchings "
            f"that have only the label in common would share {self.by_label:.0%}. {self.same_best:.0%} of the cells "
            "have the same heaviest match."
        ]
        if renamed:
            parts.append(f"{renamed:,} of the cells have another label in {self.names[1]}.")
        for count, name in zip(self.n_only, self.names, strict=True):
            if count:
                parts.append(f"{count:,} more are matched in {name} only.")
        text = " ".join(parts)
        return f"{text[:1].upper()}{text[1:]}"

    def __repr__(self) -> str:
        return (
            f"TwoMatchings({self.names[0]} and {self.names[1]}: {len(self.cells):,} cells, shared mass "
            f"{self.shared_mass:.2f}, by label alone {self.by_label:.2f}, same heaviest match {self.same_best:.2f})"
        )


def compare_matchings(
    first: Coupling,
    second: Coupling,
    *,
    names: tuple[str, str] = ("first", "second"),
    seed: int = 0,
    progress: Progress = silent,
) -> TwoMatchings:
    """Compare two matchings cell by cell; cells are the same if their names are.

    Parameters
    ----------
    first, second
        Matchings of the same two modalities, by any methods. Cells that one of them lacks, and cells with another label
        there, are compared as far as they have matches in common.
    seed
        For the exchange of cells behind ``by_label``.

    Raises
    ------
    PsmatchError
        If no source cell, or no target cell, is matched by both.

    Source: ours; the shared mass of two plans is one minus their total variation distance, row by row.
    """
    theirs = {
        second.source.modality.obs_names[cell]: (label, row)
        for label, cells in second.source_cells.items()
        for row, cell in enumerate(cells)
    }
    columns = {
        label: {name: at for at, name in enumerate(second.target.modality.obs_names[cells].tolist())}
        for label, cells in second.target_cells.items()
    }
    parts: list[pd.DataFrame] = []
    n_first = n_common_targets = 0
    n_cells = sum(cells.size for cells in first.source_cells.values())
    for label, cells in first.source_cells.items():
        mine = first.source.modality.obs_names[cells]
        whole = StagePart(progress, "compare", f"label {label}", n_first / n_cells, (n_first + cells.size) / n_cells)
        progress(Event(whole.stage, whole.start, whole.message))
        n_first += cells.size
        found = [theirs.get(name) for name in mine.tolist()]
        targets = first.target.modality.obs_names[first.target_cells[label]].tolist()
        others = tuple(dict.fromkeys(each[0] for each in found if each is not None))
        for other, part in zip(others, whole.split(len(others)), strict=True):
            rows = np.array([at for at, each in enumerate(found) if each is not None and each[0] == other])
            other_rows = np.array([found[at][1] for at in rows])
            place = np.array([columns[other].get(name, -1) for name in targets], dtype=int)
            n_common_targets += int((place >= 0).sum())
            parts.append(
                _compared(
                    (first.blocks[label], second.blocks[other]),
                    (rows, other_rows),
                    place,
                    rng=stream(seed, "two matchings", label, other),
                    part=part,
                ).assign(cell=mine[rows], label=label, other_label=other)
            )
    progress(Event("compare", 1.0))
    n_second = len(theirs)
    if not parts or not n_common_targets:
        raise PsmatchError(
            "The two matchings have no cells in common.",
            hint="Compare runs on the same files: cells are the same if their names are.",
        )
    table = pd.concat(parts, ignore_index=True)[["cell", "label", "other_label", *NUMBERS]]
    return TwoMatchings(names, table, (n_first - len(table), n_second - len(table)))


def figure_differences(first: pd.DataFrame, second: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The figures of two evaluations on the true pairs that both judged, and their differences with 95% intervals.

    Parameters
    ----------
    first, second
        One row for each true pair: ``cell``, ``label`` and the metrics, as in ``Evaluation.per_cell``.

    Returns
    -------
    One row for each metric: ``metric``, ``first``, ``second``, ``difference`` (second − first), ``low``, ``high`` and
    ``n_pairs``. Pairs are resampled within labels, the same for both matchings.
    """
    both = first.merge(second, on="cell", suffixes=("", "_other"), validate="one_to_one")
    metrics = [each for each in PAIR_METRICS if each in first and each in second]
    differences = pd.DataFrame({"label": both["label"], **{m: both[f"{m}_other"] - both[m] for m in metrics}})
    _, means = bootstrap_intervals(differences, metrics, seed=seed)
    rows = []
    for metric in metrics:
        found = means["micro"][metric]
        rows.append(
            {
                "metric": metric,
                "first": both[metric].mean(),
                "second": both[f"{metric}_other"].mean(),
                "difference": found.mean,
                "low": found.low,
                "high": found.high,
                "n_pairs": len(both),
            }
        )
    return pd.DataFrame(rows)


def _compared(
    blocks: tuple[Block, Block],
    rows: tuple[np.ndarray, np.ndarray],
    place: np.ndarray,
    *,
    rng: np.random.Generator,
    part: StagePart = UNHEARD,
) -> pd.DataFrame:
    """Rows of two blocks compared.

    Parameters
    ----------
    rows
        Positions of the same cells in both blocks, ``(n,)`` each.
    place
        The column of the second block of each column of the first, ``(m,)``; −1 where it has none.
    """
    first, second = (_part(block, mine) for block, mine in zip(blocks, rows, strict=True))
    n = rows[0].size
    known = np.flatnonzero(place >= 0)
    is_same = np.array_equal(place, np.arange(second.shape[1]))  # no column needs to be moved
    shared, chance = np.zeros(n), np.full(n, np.nan)
    best, spread = np.full((2, n), -1), np.zeros((2, n))
    for start, stop in _tiles(n, max(first.shape[1], second.shape[1])):
        both = shares_of_both(first, second, start, stop)
        for at, each in enumerate(both):  # from the rows that are there anyway: to form them takes longest
            best[at, start:stop], spread[at, start:stop] = each.best, each.n_effective
        shares = both[0].shares, both[1].shares
        mine, its = shares if is_same else (shares[0][:, known], shares[1][:, place[known]])
        shared[start:stop] = np.minimum(mine, its).sum(axis=1)
        if stop - start > 1:  # every cell gets the matches of another one
            by = int(rng.integers(1, stop - start))
            chance[start : stop - by] = np.minimum(mine[: stop - start - by], its[by:]).sum(axis=1)
            chance[stop - by : stop] = np.minimum(mine[stop - start - by :], its[:by]).sum(axis=1)
        part.tell(stop, n)
    same = (best[0] >= 0) & (place[best[0]] == best[1])
    return pd.DataFrame(
        {
            "shared_mass": shared,
            "by_label": chance,
            "same_best": same,
            "n_effective": spread[0],
            "other_n_effective": spread[1],
        }
    )


def _tiles(n: int, m: int) -> Iterator[tuple[int, int]]:
    """Pieces of ``n`` rows of ``m`` values, equal but for one row, that stay in a core's cache, of two rows or more."""
    n_tiles = max(1, min(n // 2, -(-n * m // TILE_VALUES)))
    edges = np.linspace(0, n, n_tiles + 1).astype(int)
    yield from pairwise(edges.tolist())


def _part(block: Block, rows: np.ndarray) -> Block:
    """These rows of a block; the block itself if they are all of its rows in their order."""
    return block if np.array_equal(rows, np.arange(block.shape[0])) else block.part(rows)
