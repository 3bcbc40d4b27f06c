"""Pairs of cells out of a coupling: the heaviest matches or draws, those too light to trust left out and counted."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.randomness import stream
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.pipeline.recipe import ExportRules

PAIR_COLUMNS = ["source_cell", "target_cell", "label", "weight", "rank", "n_effective", "mass"]
# What a spreadsheet takes for a formula when it opens a text (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Chosen pairs and what choosing left out.

    Parameters
    ----------
    table
        One row a pair: ``source_cell``, ``target_cell``, ``label``, ``weight`` (share of the source cell's mass on that
        target cell, 0 to 1), ``rank`` (1 is the heaviest of the chosen), ``n_effective`` (effective matches of the
        source cell), ``mass`` (of the source cell; 1 where all cells of the label are matched alike, near 0 where it
        hardly is), and ``draws`` where pairs were drawn.
    n_left_out
        Pairs below the least weight.
    n_unpaired
        Matched source cells that have no pair left.
    """

    table: pd.DataFrame
    n_left_out: int
    n_unpaired: int


def choose_pairs(coupling: Coupling, rules: ExportRules, *, seed: int = 0) -> Pairs:
    """The pairs of every matched source cell that the rules ask for, label by label."""
    source_names, target_names = coupling.source.modality.obs_names, coupling.target.modality.obs_names
    parts, left_out, unpaired = [], 0, 0
    for label, block in coupling.blocks.items():
        if rules.pairs == "sampled":
            row, column, weight, rank, draws = _drawn(block, rules.top, stream(seed, "pairs", label))
        else:
            row, column, weight, rank, draws = _heaviest(block, rules.top)
        kept = weight >= rules.least
        left_out += int((~kept).sum())
        unpaired += np.unique(row).size - np.unique(row[kept]).size
        columns = {
            "source_cell": source_names[coupling.source_cells[label][row[kept]]],
            "target_cell": target_names[coupling.target_cells[label][column[kept]]],
            "label": label,
            "weight": weight[kept],
            "rank": rank[kept],
            "n_effective": block.n_effective[row[kept]],
            "mass": block.marginals[0][row[kept]] * block.shape[0],
        }
        parts.append(pd.DataFrame(columns if draws is None else {**columns, "draws": draws[kept]}))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=PAIR_COLUMNS)
    return Pairs(table, left_out, unpaired)


def guarded(table: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The table with an apostrophe before every text that a spreadsheet would run as a formula, and their number."""
    out, n_changed = table.copy(deep=False), 0
    for name in out.columns:
        if pd.api.types.is_numeric_dtype(out[name]):
            continue
        column = out[name].astype(object)
        risky = np.array([isinstance(each, str) and each.startswith(FORMULA_STARTS) for each in column], dtype=bool)
        if risky.any():
            n_changed += int(risky.sum())
            out[name] = [f"'{each}" if is_risky else each for each, is_risky in zip(column, risky, strict=True)]
    return out, n_changed


def written(table: pd.DataFrame, kind: str) -> bytes:
    """A table as the bytes of a ``csv``, ``tsv`` or ``parquet`` file; texts that look like formulas are guarded."""
    if kind == "parquet":
        stream = BytesIO()
        table.to_parquet(stream, index=False)
        return stream.getvalue()
    return bytes(guarded(table)[0].to_csv(index=False, sep="\t" if kind == "tsv" else ",").encode())


Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]


def _heaviest(block: Block, top: int) -> Found:
    """Row, column, weight and rank of the heaviest targets of each row, ``(n_pairs,)`` each."""
    index, weight = block.top(top)  # (n, k)
    row, place = np.nonzero(index >= 0)
    return row, index[row, place], weight[row, place], place + 1, None


def _drawn(block: Block, n_draws: int, rng: np.random.Generator) -> Found:
    """Targets drawn with the row's weights; a target that is drawn twice is one pair with two draws."""
    n, m = block.shape
    targets = block.sample(rng, n_draws)  # (n, n_draws)
    rows = np.repeat(np.arange(n), n_draws)
    there = targets.ravel() >= 0
    codes, draws = np.unique(rows[there] * m + targets.ravel()[there], return_counts=True)
    row, column = codes // m, codes % m
    weight = np.zeros(row.size)
    for start, stop in row_chunks(n, m):
        inside = slice(*np.searchsorted(row, [start, stop]))
        if inside.start == inside.stop:
            continue
        plan = block.rows(start, stop)  # (stop − start, m)
        local = row[inside] - start
        weight[inside] = plan[local, column[inside]] / plan.sum(axis=1)[local]
    order = np.lexsort((column, -weight, row))
    row, column, weight, draws = row[order], column[order], weight[order], draws[order]
    first = np.searchsorted(row, row)  # where each row's pairs begin
    return row, column, weight, np.arange(row.size) - first + 1, draws
