"""Cycle consistency: does the way through a third modality lead to the same cells as the direct one?

Couplings in one space fit together to some degree whatever the modalities mean: along a line, transport sorts the cells
of all of them, and sorted cells are consistent. So beside each figure stands what the same clouds of cells give when
the third one is turned at random within each label, which keeps its shape and takes its meaning, and what a uniform
plan gives. Where source and target are alike, the way through any third cloud leads back: the two steps undo each
other. Consistency does not show that matches are correct.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import nan_mean, row_chunks
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.composed import compose
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher, SinkhornMatcher
from psmatch_core.matching.several import PAIRS, Couplings
from psmatch_core.monitor.stability import compare

CYCLE_FIGURES = ("agreement", "agreement_turned", "shared_mass", "shared_mass_turned", "shared_mass_uniform")
FLAT = 1e-9  # × the largest singular value: directions below it hold rounding errors only
UNIFORM_ROW = 1e-9  # a row that shares more than 1 less this with a uniform one leaves nothing to compare


@dataclass(frozen=True)
class CycleRow:
    """One label on one way: from a source through a third modality to a target.

    Parameters
    ----------
    agreement
        Correlation, over the label's cells, between the positions of the direct matches and of those on the way through
        the third modality, both directions: 1 the same, 0 unrelated; NaN if a plan sends all cells to one place.
    agreement_turned
        The same if the third modality's cells are turned at random around the mean of the label; NaN if this method
        cannot be asked.
    shared_mass, shared_mass_turned
        Mean over source cells of the mass that both put on the same targets, 0 to 1, and the same through turned cells.
    shared_mass_uniform
        The same of the direct plan and a uniform one, which is also what any way through a uniform plan gives.
    n_cells
        Source cells of the label.
    """

    source: str
    through: str
    target: str
    label: str
    agreement: float
    agreement_turned: float
    shared_mass: float
    shared_mass_turned: float
    shared_mass_uniform: float
    n_cells: int


@dataclass(frozen=True, eq=False)
class CycleConsistency(HtmlSummary):
    """Direct plans compared with those through each third modality, label by label and cell by cell.

    Parameters
    ----------
    rows
        One for each label, pair and third modality.
    cells
        By source, third modality and target: the consistency of each source cell ``(n_cells,)``. It is 1 if the cell's
        matches are the same on both ways, 0 if they are as far apart as those of a uniform plan, negative if further;
        NaN for a cell without a match, and where the direct plan is uniform.
    """

    rows: tuple[CycleRow, ...]
    cells: Mapping[tuple[str, str, str], np.ndarray] = field(repr=False)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row for each label, pair and third modality."""
        return pd.DataFrame([vars(row) for row in self.rows])

    def mean(self, name: str) -> float:
        """Mean of one figure over all rows, weighted by their cells; NaN where no label has it."""
        known = [(getattr(row, name), row.n_cells) for row in self.rows if np.isfinite(getattr(row, name))]
        total = sum(weight for _, weight in known)
        return sum(value * weight for value, weight in known) / total if total else float("nan")

    def of_cells(self, source: str, target: str) -> np.ndarray:
        """Consistency of each source cell's matches in a target, ``(n_cells,)``: the mean over third modalities."""
        found = [each for (start, _, end), each in self.cells.items() if (start, end) == (source, target)]
        stacked = np.stack(found)
        known = np.isfinite(stacked).sum(axis=0)
        return np.where(known > 0, np.nansum(stacked, axis=0) / np.maximum(known, 1), np.nan)

    def __repr__(self) -> str:
        return (
            f"CycleConsistency({len(self.cells)} ways: agreement {self.mean('agreement'):.2f} "
            f"(turned {self.mean('agreement_turned'):.2f}), shared mass {self.mean('shared_mass'):.2f} "
            f"(uniform {self.mean('shared_mass_uniform'):.2f}))"
        )


def cycle_consistency(
    couplings: Couplings,
    matcher: Matcher | None = None,
    *,
    judging: Judging | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> CycleConsistency | None:
    """Compare every direct coupling with those through each other modality.

    Parameters
    ----------
    matcher
        What made the couplings, to match turned cells likewise.
    judging
        The fixed space in which positions are compared; its defaults unless given.
    seed
        For the turning of cells that gives the figure beside the agreement.

    Returns
    -------
    The comparison; None with two modalities, and where some pairs were composed: they are consistent by construction.
    """
    if couplings.plans != PAIRS or len(couplings.names) < 3:
        return None
    matcher, judging = matcher or SinkhornMatcher(), judging or Judging()
    spaces = {name: fixed_space(model.modality, judging) for name, model in couplings.models.items()}
    ways = [
        (source, through, target)
        for source, target in itertools.combinations(couplings.names, 2)
        for through in couplings.names
        if through not in (source, target)
    ]
    rows: list[CycleRow] = []
    cells: dict[tuple[str, str, str], np.ndarray] = {}
    for done, way in enumerate(ways):
        source, through, target = way
        progress(Event("cycle consistency", done / len(ways), f"{source} → {through} → {target}"))
        found, of_cells = _compared(couplings, way, (spaces[source], spaces[target]), matcher, seed)
        rows += found
        cells[way] = of_cells
    progress(Event("cycle consistency", 1.0))
    return CycleConsistency(tuple(rows), cells)


def _compared(
    couplings: Couplings,
    way: tuple[str, str, str],
    spaces: tuple[np.ndarray, np.ndarray],
    matcher: Matcher,
    seed: int,
) -> tuple[list[CycleRow], np.ndarray]:
    """The rows of one way, and the consistency of its source cells."""
    source, through, target = way
    direct = couplings.between(source, target)
    composed = couplings.through(source, through, target)
    turned = _through_turned(couplings, way, matcher, seed)
    agreements = compare(direct, composed, spaces).by_label
    chance = compare(direct, turned, spaces).by_label if turned is not None else {}
    of_cells = np.full(direct.source.modality.n_cells, np.nan)
    rows = []
    for label, block in direct.blocks.items():
        if label not in composed.blocks:
            continue
        shared, uniform = row_overlaps(block, composed.blocks[label])
        at = direct.source_cells[label]
        can = uniform < 1 - UNIFORM_ROW
        of_cells[at[can]] = (shared[can] - uniform[can]) / (1 - uniform[can])
        is_asked = turned is not None and label in turned.blocks
        rows.append(
            CycleRow(
                *way,
                label=label,
                agreement=agreements[label].agreement,
                agreement_turned=chance[label].agreement if is_asked else float("nan"),
                shared_mass=nan_mean(shared),
                shared_mass_turned=nan_mean(row_overlaps(block, turned.blocks[label])[0])
                if turned is not None and is_asked
                else float("nan"),
                shared_mass_uniform=nan_mean(uniform),
                n_cells=int(at.size),
            )
        )
    return rows, of_cells


def row_overlaps(block: Block, other: Block) -> tuple[np.ndarray, np.ndarray]:
    """How much of each source cell's mass two plans put on the same targets, and the first and a uniform plan do.

    Returns
    -------
    Two arrays ``(n,)``, 0 to 1: one minus the total variation distance of the normalised rows; NaN for a row without
    mass.
    """
    n, m = block.shape
    shared, uniform = np.full(n, np.nan), np.full(n, np.nan)
    for start, stop in row_chunks(n, m):
        pair = [_normalised(each.rows(start, stop)) for each in (block, other)]
        shared[start:stop] = np.minimum(*pair).sum(axis=1)
        uniform[start:stop] = np.minimum(pair[0], 1 / m).sum(axis=1)
    return shared, uniform


def _normalised(rows: np.ndarray) -> np.ndarray:
    sums = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, sums, out=np.full_like(rows, np.nan), where=sums > 0)


def _through_turned(couplings: Couplings, way: tuple[str, str, str], matcher: Matcher, seed: int) -> Coupling | None:
    """The coupling through the third modality with its cells turned; None where that cannot be asked.

    A link gives a pair positions of its own, which the third modality does not have in both pairs.
    """
    source, through, target = (couplings.models[name] for name in way)
    models = [side for one, other in itertools.pairwise(way) for side in _sides(couplings, one, other)]
    is_linked = any(isinstance(each, PropensityModel) and each.linked is not None for each in models)
    if is_linked or matcher.needs_features or not (matcher.uses_scores and matcher.is_quick):
        return None
    if not isinstance(through, PropensityModel):
        return None
    turned = replace(through, logits=turned_positions(source, through, target, seed=seed))
    first, second = match(source, turned, matcher, seed=seed), match(turned, target, matcher, seed=seed)
    return compose(first, second)


def _sides(couplings: Couplings, one: str, other: str) -> tuple[ScoredModality, ScoredModality]:
    found = couplings.between(one, other)
    return found.source, found.target


def turned_positions(
    source: ScoredModality, through: ScoredModality, target: ScoredModality, *, seed: int
) -> np.ndarray:
    """Positions of the third modality's cells ``(n_cells, d)``, turned or mirrored at random around each label's mean.

    The turn is drawn evenly from all of those in the directions in which any of the three modalities varies.
    """
    out = np.array(through.space, dtype=np.float64)
    for index, label in enumerate(through.label_names):
        clouds = [model.space[model.y == index] for model in (source, through, target)]
        clouds = [cloud - cloud.mean(axis=0) for cloud in clouds]
        _, sizes, axes = np.linalg.svd(np.concatenate(clouds), full_matrices=False)
        axes = axes[sizes > FLAT * max(float(sizes.max(initial=0)), np.finfo(float).tiny)]  # (r, d)
        rng = stream(seed, "turned cells", through.modality.name, label)
        q, r = np.linalg.qr(rng.normal(size=(axes.shape[0], axes.shape[0])))
        turn = q * np.sign(np.diag(r))  # Mezzadri 2007: without the signs the draw is not even
        out[through.y == index] = through.space[through.y == index].mean(axis=0) + clouds[1] @ axes.T @ turn @ axes
    return out
