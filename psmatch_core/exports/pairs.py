"""Pairs of cells out of a coupling: the heaviest matches of each source cell, or random draws."""

from __future__ import annotations

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.base.randomness import stream
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.monitor import MonitorReport
from psmatch_core.monitor.flags import flag_names
from psmatch_core.pipeline.recipe import ExportRules

PAIR_COLUMNS = ["source_cell", "target_cell", "label", "weight", "rank", "n_effective", "mass"]
VERDICT_COLUMNS = ["verdict", "agreement", "flags"]  # of the label

# Row, column, weight, rank and number of draws of the pairs of a block, (n_pairs,) each; None where nothing was drawn.
BlockPairs = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


def choose_pairs(coupling: Coupling, rules: ExportRules, *, seed: int = 0, part: StagePart = UNHEARD) -> pd.DataFrame:
    """The pairs of every matched source cell that the rules ask for, label by label.

    Parameters
    ----------
    part
        Hears how many source cells are done.

    Returns
    -------
    One row for each pair: ``source_cell``, ``target_cell``, ``label``, ``weight`` (share of the source cell's mass on
    that target cell, 0 to 1), ``rank`` (1 is the heaviest), ``n_effective`` (effective matches of the source cell),
    ``mass`` (of the source cell: 1 if all cells of the label are matched alike, near 0 if it is hardly matched), and
    ``draws`` if pairs were drawn.
    """
    # As objects the names of a cell are one text, however many pairs it is in.
    source_names, target_names = (side.modality.obs_names.astype(object) for side in (coupling.source, coupling.target))
    parts, n_done = [], 0
    n_cells = sum(cells.size for cells in coupling.source_cells.values())
    for label, block in coupling.blocks.items():
        if rules.pairs == "sampled":
            row, column, weight, rank, draws = _draw(block, rules.top, stream(seed, "pairs", label))
        else:
            row, column, weight, rank, draws = _heaviest(block, rules.top)
        columns = {
            "source_cell": source_names[coupling.source_cells[label][row]],
            "target_cell": target_names[coupling.target_cells[label][column]],
            "label": label,
            "weight": weight,
            "rank": rank,
            "n_effective": block.n_effective[row],
            "mass": block.marginals[0][row] * block.shape[0],
        }
        parts.append(pd.DataFrame(columns if draws is None else {**columns, "draws": draws}))
        n_done += block.shape[0]
        part.tell(n_done, n_cells)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PAIR_COLUMNS)


def verdict_columns(labels: np.ndarray, monitor: MonitorReport) -> dict[str, np.ndarray]:
    """The verdict, agreement and flags of each cell's label, ``(n_cells,)`` each: no cell is judged on its own."""
    at, known = pd.factorize(labels)
    rows = [monitor.by_label[label] for label in known]
    values = (
        np.array([row.verdict.value for row in rows], dtype=object),
        np.array([row.agreement for row in rows], dtype=float),
        np.array([flag_names(row.flags) for row in rows], dtype=object),
    )
    return {name: each[at] for name, each in zip(VERDICT_COLUMNS, values, strict=True)}


def _heaviest(block: Block, top: int) -> BlockPairs:
    """The heaviest targets of each row."""
    index, weight = block.top(top)  # (n, top)
    row, place = np.nonzero(index >= 0)
    return row, index[row, place], weight[row, place], place + 1, None


def _draw(block: Block, n_draws: int, rng: np.random.Generator) -> BlockPairs:
    """Targets drawn with the weights of the row; a target that is drawn twice is one pair with two draws."""
    n, m = block.shape
    targets = block.sample(rng, n_draws).ravel()  # (n * n_draws,); -1 in rows without mass
    codes, draws = np.unique((np.repeat(np.arange(n), n_draws) * m + targets)[targets >= 0], return_counts=True)
    row, column = codes // m, codes % m
    weight = np.zeros(row.size)
    for start, stop in row_chunks(n, m):
        inside = slice(*np.searchsorted(row, [start, stop]))
        if inside.start < inside.stop:
            plan = block.rows(start, stop)  # (stop − start, m)
            local = row[inside] - start
            weight[inside] = plan[local, column[inside]] / plan.sum(axis=1)[local]
    order = np.lexsort((column, -weight, row))
    row, column, weight, draws = row[order], column[order], weight[order], draws[order]
    first = np.searchsorted(row, row)  # where the pairs of each row begin
    return row, column, weight, np.arange(row.size) - first + 1, draws
