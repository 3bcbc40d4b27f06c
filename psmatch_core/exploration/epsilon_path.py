"""The epsilon path of a label: its plans from sharp to smooth, solved in advance, so that a slider responds at once.

Each step of the path keeps what a picture of its plan needs (block means, best matches, effective matches, cost, and
FOSCTTM where true pairs are known), so that moving the slider takes the same time whatever the size of the label. All
cells of the label are used. A path can be shown while steps are still missing; the nearest solved step then takes
their place, and the page says so. For methods by neighbours the steps are values of k instead of epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from psmatch_core.base import array_files
from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import silent
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.epsilon_grid import adjustable_matcher, at_value, presets_of
from psmatch_core.exploration.l_curve import LCurve
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.blocks.heatmap_bins import BlockMeans
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.match import label_problems
from psmatch_core.matching.matchers import CurvePoint, LabelMatcher, LabelProblem


@dataclass(frozen=True, eq=False)
class EpsilonPath:
    """The plans of one label over a range of epsilons, or of k.

    Parameters
    ----------
    problem
        The label's cells.
    matcher
        The strategy; its own value is one of the steps.
    values
        The value at each step, smallest (sharpest) first, ``(r,)``: epsilon in the unit of the matcher's option, or
        the number of neighbours [cells].
    points
        Cost, entropy, effective matches and status at each step.
    means
        The plan of the matcher's own step averaged into blocks; all steps are drawn in its arrangement.
    block_means
        Mean of the plan in each block, ``(r, rows, columns)``.
    n_effective
        Effective matches of each source cell, ``(r, n)``; 0 without a match.
    top_index, top_weight
        The heaviest targets of each source cell and their shares of its weight, ``(r, n, k)``; −1 where there is none.
    foscttm
        Mean over the true pairs that were evaluated, ``(r,)``; NaN where none is known.
    n_pairs, n_judged
        True pairs of the label, and how many of them were evaluated.
    f, g, epsilon
        Potentials ``(r, n)`` and ``(r, m)`` and epsilon ``(r,)``, units of cost; empty where plans have none.
    solved
        Which steps are solved so far, ``(r,)``.
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
    def option(self) -> str:
        """The option that was varied: ``epsilon`` or ``n_neighbors``."""
        return str(type(self.matcher).sharpness_option())

    @property
    def own_step(self) -> int:
        """The step of the matcher's own value."""
        return self.nearest_step(float(getattr(self.matcher, self.option)))

    def nearest_step(self, value: float) -> int:
        """The step whose value is nearest, on a log scale."""
        return int(np.argmin(np.abs(np.log(self.values / value))))

    def nearest_solved(self, step: int) -> int:
        """The nearest solved step, on a log scale; the step itself where it is solved."""
        there = np.flatnonzero(self.solved)
        return int(there[np.argmin(np.abs(np.log(self.values[there] / self.values[step])))])

    def matcher_at(self, step: int) -> LabelMatcher:
        """The strategy with the value of a step."""
        return at_value(self.matcher, float(self.values[step]))

    def means_at(self, step: int) -> BlockMeans:
        """The plan of a step averaged into blocks, in the arrangement of all steps."""
        return replace(self.means, means=self.block_means[step].astype(np.float64))

    def plan_at(self, step: int) -> Block:
        """The plan of a step: restored from its potentials where it has them, otherwise solved again.

        Raises
        ------
        PsmatchError
            Where the step has no plan.
        """
        status = self.points[step].status
        block: Block | None = None
        if status.outcome.is_usable:
            if self.f.size and np.isfinite(self.f[step]).all():
                block = self.matcher.from_potentials(
                    self.problem, self.f[step], self.g[step], float(self.epsilon[step])
                )
            if block is None:
                block = self.matcher_at(step).couple(self.problem, progress=silent)[0]
        if block is None:
            why = status.message or status.outcome.value
            raise PsmatchError(
                f"Label {self.label} has no plan at {self.values[step]:.3g}: {why}.",
                hint="Choose a smoother plan.",
            )
        return block

    @cached_property
    def curve(self) -> LCurve:
        """Cost against entropy of this label, over the solved steps."""
        n = {self.label: self.problem.x.shape[0]}
        points = tuple(point for point, solved in zip(self.points, self.solved, strict=True) if solved)
        return LCurve(self.matcher, self.values[self.solved], {self.label: points}, n)

    @cached_property
    def named_steps(self) -> dict[str, int]:
        """The steps of the presets sharp, balanced and smooth; none for methods without presets."""
        return {name: self.nearest_step(value) for name, value in presets_of(self.matcher).items()}

    def __repr__(self) -> str:
        low, high = self.values[[0, -1]]
        late = sum(point.status.outcome is Outcome.NOT_CONVERGED for point in self.points)
        return (
            f"EpsilonPath({self.label}: {self.option} {low:.3g} to {high:.3g}, {len(self)} steps, {late} not converged)"
        )


def label_problem(
    source: ScoredModality, target: ScoredModality, label: str, matcher: LabelMatcher, *, seed: int
) -> LabelProblem:
    """The part of two modalities that a matcher needs for one label.

    Raises
    ------
    PsmatchError
        For an unknown label.
    """
    if label not in source.label_names:
        raise PsmatchError(f"There is no label {label}.", hint=f"Choose among {some(source.label_names, 12)}.")
    return label_problems(source, target, (label,), seed, with_features=matcher.needs_features)[0]


def best_matches(
    found: EpsilonPath, coupling: Coupling, step: int, *, first: np.ndarray | None = None, most: int = 100
) -> pd.DataFrame:
    """The two best matches of the label's source cells at a step, for at most ``most`` cells.

    Parameters
    ----------
    coupling
        The coupling of the run, for the names of the cells.
    first
        Source cells to list before the others, by row number in the modality.

    Columns: ``source_cell``, ``target_cell``, ``weight``, ``n_effective``, ``second``, ``second_weight`` and ``row``,
    the cell's row number in the modality.
    """
    cells, theirs = coupling.source_cells[found.label], coupling.target_cells[found.label]
    order = np.arange(cells.size)
    if first is not None:
        order = np.argsort(~np.isin(cells, first), kind="stable")
    order = order[:most]
    index, weight = found.top_index[step][order], found.top_weight[step][order]
    names = np.append(coupling.target.modality.obs_names[theirs], "")  # −1, no match, reads the empty name
    has_second = index.shape[1] > 1
    return pd.DataFrame(
        {
            "source_cell": coupling.source.modality.obs_names[cells[order]],
            "target_cell": names[index[:, 0]],
            "weight": weight[:, 0],
            "n_effective": found.n_effective[step][order],
            "second": names[index[:, 1]] if has_second else "",
            "second_weight": weight[:, 1] if has_second else np.nan,
            "row": cells[order],
        }
    )


def save_epsilon_path(found: EpsilonPath, file: Path) -> Path:
    """Write a path to a file; the cells themselves stay with the models."""
    arrays = {name: getattr(found, name) for name in _ARRAYS}
    arrays |= {f"means/{name}": getattr(found.means, name) for name in _MEANS}
    meta = {"label": found.label, "matcher": found.matcher.to_dict(), "points": to_plain(found.points)}
    return array_files.write_arrays(file, arrays, {**meta, "n_pairs": found.n_pairs, "n_judged": found.n_judged})


def load_epsilon_path(file: Path, source: ScoredModality, target: ScoredModality, seed: int = 0) -> EpsilonPath:
    """The path in a file, for the models that it was solved for."""
    arrays, meta = array_files.read_arrays(file)
    arrays.setdefault(
        "solved", np.ones(arrays["values"].size, dtype=bool)
    )  # earlier versions wrote complete paths only
    matcher = adjustable_matcher(LabelMatcher.from_dict(meta["matcher"]))
    return EpsilonPath(
        problem=label_problem(source, target, meta["label"], matcher, seed=seed),
        matcher=matcher,
        points=from_plain(meta["points"], tuple[CurvePoint, ...]),
        means=BlockMeans(**{name: arrays[f"means/{name}"] for name in _MEANS}),
        n_pairs=int(meta["n_pairs"]),
        n_judged=int(meta["n_judged"]),
        **{name: arrays[name] for name in _ARRAYS},
    )


_ARRAYS = ("values", "block_means", "n_effective", "top_index", "top_weight", "foscttm", "f", "g", "epsilon", "solved")
_MEANS = ("means", "row_order", "column_order", "row_edges", "column_edges")
