"""ladder: one label's plans from sharp to smooth, all worked out before, so that a slider only has to look.

Every rung holds what a picture of its plan needs (block means, best matches, effective matches, cost, FOSCTTM where
true pairs are known), so that a step costs the same whatever the size of the label. All cells of the label are solved.
A ladder may be looked at while rungs are still missing: the nearest that is solved stands for them, and is named.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from psmatch_core.base import array_files
from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import silent
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.epsilon_grid import at_value, climbable, presets_of
from psmatch_core.exploration.l_curve import LCurve
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.blocks.heatmap_bins import BlockMeans
from psmatch_core.matching.coupling import Coupling, Outcome, Status
from psmatch_core.matching.match import label_problems
from psmatch_core.matching.matchers import CurvePoint, LabelMatcher, LabelProblem


@dataclass(frozen=True, eq=False)
class Ladder:
    """One label's plans over the values of its matcher's knob.

    Parameters
    ----------
    problem
        The label's cells.
    matcher
        The strategy; its own value is a rung.
    values
        What the knob says at each rung, smallest (sharpest) first, ``(r,)``: epsilon as the matcher's option counts
        it, or the number of neighbours [cells].
    points
        Cost, entropy, effective matches and status at each rung.
    means
        The plan of the matcher's own rung averaged into blocks; its arrangement is that of all rungs.
    block_means
        Mean of the plan in each block, ``(r, rows, columns)``.
    n_effective
        Effective matches of each source cell, ``(r, n)``; 0 without a match.
    top_index, top_weight
        The heaviest targets of each source cell and their shares of its weight, ``(r, n, k)``; −1 where there is none.
    foscttm
        Mean over judged true pairs, ``(r,)``; NaN where none is known.
    n_pairs, n_judged
        True pairs of the label, and those that were judged.
    f, g, epsilon
        Potentials ``(r, n)`` and ``(r, m)`` and epsilon ``(r,)``, units of cost; empty where plans have none.
    solved
        Which rungs are worked out by now, ``(r,)``.
    """

    problem: LabelProblem
    matcher: LabelMatcher
    values: np.ndarray
    points: tuple[CurvePoint, ...]
    means: BlockMeans
    block_means: np.ndarray = field(repr=False)
    n_effective: np.ndarray = field(repr=False)
    top_index: np.ndarray = field(repr=False)
    top_weight: np.ndarray = field(repr=False)
    foscttm: np.ndarray = field(repr=False)
    n_pairs: int
    n_judged: int
    f: np.ndarray = field(repr=False)
    g: np.ndarray = field(repr=False)
    epsilon: np.ndarray = field(repr=False)
    solved: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return int(self.values.size)

    @property
    def label(self) -> str:
        return self.problem.label

    @property
    def knob(self) -> str:
        """The option that was varied: ``epsilon`` or ``n_neighbors``."""
        return str(type(self.matcher).knob())

    @property
    def own(self) -> int:
        """The rung of the matcher's own value."""
        return self.at(float(getattr(self.matcher, self.knob)))

    def at(self, value: float) -> int:
        """The rung whose value is nearest, on a log scale."""
        return int(np.argmin(np.abs(np.log(self.values / value))))

    def nearest(self, place: int) -> int:
        """The solved rung nearest to one, on a log scale; itself where it is solved."""
        there = np.flatnonzero(self.solved)
        return int(there[np.argmin(np.abs(np.log(self.values[there] / self.values[place])))])

    def matcher_at(self, place: int) -> LabelMatcher:
        """The strategy with the value of a rung."""
        return at_value(self.matcher, float(self.values[place]))

    def means_at(self, place: int) -> BlockMeans:
        """The plan of a rung averaged into blocks, arranged as all others."""
        return replace(self.means, means=self.block_means[place].astype(np.float64))

    def rung(self, place: int) -> Block:
        """The plan of a rung: from its potentials where it has them, else solved again.

        Raises
        ------
        PsmatchError
            Where that rung has no plan.
        """
        status = self.points[place].status
        block: Block | None = None
        if status.outcome.is_usable:
            if self.f.size and np.isfinite(self.f[place]).all():
                block = self.matcher.restored(self.problem, self.f[place], self.g[place], float(self.epsilon[place]))
            if block is None:
                block = self.matcher_at(place).couple(self.problem, progress=silent)[0]
        if block is None:
            why = status.message or status.outcome.value
            raise PsmatchError(
                f"Label {self.label} has no plan at {self.values[place]:.3g}: {why}.",
                hint="Choose a smoother plan.",
            )
        return block

    @cached_property
    def curve(self) -> LCurve:
        """Cost against entropy of this label, over the rungs that are solved."""
        n = {self.label: self.problem.x.shape[0]}
        points = tuple(point for point, solved in zip(self.points, self.solved, strict=True) if solved)
        return LCurve(self.matcher, self.values[self.solved], {self.label: points}, n)

    @cached_property
    def marks(self) -> dict[str, int]:
        """Rungs with a name: the presets sharp, balanced and smooth where this is the method they are made for."""
        return {name: self.at(value) for name, value in presets_of(self.matcher).items()}

    def __repr__(self) -> str:
        low, high = self.values[[0, -1]]
        late = sum(point.status.outcome is Outcome.NOT_CONVERGED for point in self.points)
        return f"Ladder({self.label}: {self.knob} {low:.3g} to {high:.3g}, {len(self)} rungs, {late} not converged)"


def label_problem(
    source: ScoredModality, target: ScoredModality, label: str, matcher: LabelMatcher, seed: int
) -> LabelProblem:
    """What a matcher is given of one label.

    Raises
    ------
    PsmatchError
        For an unknown label.
    """
    if label not in source.label_names:
        raise PsmatchError(f"There is no label {label}.", hint=f"Choose among {some(source.label_names, 12)}.")
    return label_problems(source, target, (label,), seed, with_features=matcher.needs_features)[0]


def pairs_at(
    found: Ladder, coupling: Coupling, place: int, *, first: np.ndarray | None = None, most: int = 100
) -> pd.DataFrame:
    """The two best matches of the label's source cells at a rung, at most ``most`` cells.

    Parameters
    ----------
    coupling
        The run's coupling, which knows the cells' names.
    first
        Source cells that come before the others, by row number in the modality.

    Columns: ``source_cell``, ``target_cell``, ``weight``, ``n_effective``, ``second``, ``second_weight`` and ``row``,
    the cell's row number in the modality.
    """
    cells, theirs = coupling.source_cells[found.label], coupling.target_cells[found.label]
    order = np.arange(cells.size)
    if first is not None:
        order = np.argsort(~np.isin(cells, first), kind="stable")
    order = order[:most]
    index, weight = found.top_index[place][order], found.top_weight[place][order]
    names = np.append(coupling.target.modality.obs_names[theirs], "")  # −1, no match, reads the empty name
    has_second = index.shape[1] > 1
    return pd.DataFrame(
        {
            "source_cell": coupling.source.modality.obs_names[cells[order]],
            "target_cell": names[index[:, 0]],
            "weight": weight[:, 0],
            "n_effective": found.n_effective[place][order],
            "second": names[index[:, 1]] if has_second else "",
            "second_weight": weight[:, 1] if has_second else np.nan,
            "row": cells[order],
        }
    )


def save_ladder(found: Ladder, path: Path) -> Path:
    """Write a ladder; the cells themselves stay with the models."""
    arrays = {name: getattr(found, name) for name in _ARRAYS}
    arrays |= {f"means/{name}": getattr(found.means, name) for name in _MEANS}
    points = [
        {**asdict(point), "status": {**asdict(point.status), "outcome": point.status.outcome.name}}
        for point in found.points
    ]
    meta = {"label": found.label, "matcher": found.matcher.to_dict(), "points": points, "n_pairs": found.n_pairs}
    return array_files.write_arrays(path, arrays, {**meta, "n_judged": found.n_judged})


def load_ladder(path: Path, source: ScoredModality, target: ScoredModality, *, seed: int = 0) -> Ladder:
    """The ladder in a file, between the models that it was made of."""
    arrays, meta = array_files.read_arrays(path)
    arrays.setdefault("solved", np.ones(arrays["values"].size, dtype=bool))  # files of before were written when whole
    matcher = climbable(LabelMatcher.from_dict(meta["matcher"]))
    points = []
    for point in meta["points"]:
        status = point.pop("status")
        points.append(CurvePoint(**point, status=Status(**{**status, "outcome": Outcome[status["outcome"]]})))
    return Ladder(
        problem=label_problem(source, target, meta["label"], matcher, seed),
        matcher=matcher,
        points=tuple(points),
        means=BlockMeans(**{name: arrays[f"means/{name}"] for name in _MEANS}),
        n_pairs=int(meta["n_pairs"]),
        n_judged=int(meta["n_judged"]),
        **{name: arrays[name] for name in _ARRAYS},
    )


_ARRAYS = ("values", "block_means", "n_effective", "top_index", "top_weight", "foscttm", "f", "g", "epsilon", "solved")
_MEANS = ("means", "row_order", "column_order", "row_edges", "column_edges")
