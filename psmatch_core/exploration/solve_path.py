"""climbing: the ladder of one label worked out, the run's own rung first, then a coarse ladder, then all between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.evaluation.evaluate import Judging, closer_than_true, fixed_space
from psmatch_core.exploration.epsilon_grid import climbable, default_values
from psmatch_core.exploration.epsilon_path import Ladder, label_problem
from psmatch_core.matching.blocks import Block, PotentialBlock, uniform_block
from psmatch_core.matching.blocks.heatmap_bins import block_means
from psmatch_core.matching.blocks.overview import overview
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.matchers import CurvePoint, LabelMatcher, LabelProblem, Matcher, SinkhornMatcher
from psmatch_core.matching.matchers.base import Answer
from psmatch_core.matching.matchers.known_pairs import true_pairs

TOP = 5  # matches of each cell that are kept
BINS = 80  # a step sends some 40 kB
JUDGED = 1000  # true pairs up to which FOSCTTM is measured on all; a sample above, and said
COARSE = (
    5  # rungs between those of the first pass: five plans a factor of three apart, soon there to be dragged through
)
Judged = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _nobody(part: Ladder) -> None:
    pass


def ladder(
    source: ScoredModality,
    target: ScoredModality,
    matcher: Matcher | None = None,
    *,
    label: str,
    values: np.ndarray | None = None,
    judging: Judging | None = None,
    known: Answer | None = None,
    seed: int = 0,
    progress: Progress = silent,
    seen: Callable[[Ladder], None] = _nobody,
) -> Ladder:
    """Solve one label at many values of epsilon (or of k), each from the one before where the method can.

    Parameters
    ----------
    source, target
        Scored modalities with the same labels in the same order.
    matcher
        A strategy that goes label by label and has an epsilon or k; SinkhornMatcher unless given.
    label
        Whose cells; all of them are solved.
    values
        Some 25 around the matcher's own unless given.
    judging
        How FOSCTTM is measured where true pairs are known.
    known
        The plan and status at the matcher's own value, where a run has them; solved here unless given.
    seen
        Is handed the ladder after every rung, those missing marked; its arrays go on being filled.

    Raises
    ------
    PsmatchError
        For a method without such an option, or an unknown label.
    """
    chosen = climbable(matcher or SinkhornMatcher())
    problem = label_problem(source, target, label, chosen, seed)
    chosen.check(source.modality, target.modality)
    n, m = problem.x.shape[0], problem.y.shape[0]
    own = float(getattr(chosen, str(type(chosen).knob())))
    grid = default_values(chosen, n, m) if values is None else np.unique(np.r_[np.asarray(values, float), own])
    first = known or chosen.couple(problem, progress=silent)
    rungs = _Rungs(problem, chosen, grid, first[0], _judged(problem, source, target, judging or Judging(), seed))
    for done, (value, (block, status)) in enumerate(_in_turn(chosen, problem, grid.tolist(), own, first)):
        rungs.put(value, block, status)
        progress(Event("ladder", (done + 1) / grid.size, f"{type(chosen).knob()} {value:.3g}", {"value": value}))
        seen(rungs.ladder())
    return rungs.ladder()


def _in_turn(
    matcher: LabelMatcher, problem: LabelProblem, grid: list[float], own: float, first: Answer
) -> Iterator[tuple[float, Answer]]:
    """Every value with its answer: the matcher's own, which is solved; a coarse ladder; the rest."""
    rest = sorted(grid, reverse=True)
    if own in rest:
        rest.remove(own)
        yield own, first
    coarse = set(rest[::COARSE]) | set(rest[-1:])
    yield from matcher.couple_along(problem, sorted(coarse), progress=silent)
    yield from matcher.couple_along(problem, [value for value in rest if value not in coarse], progress=silent)


class _Rungs:
    """A ladder that is being filled, in place."""

    def __init__(
        self,
        problem: LabelProblem,
        matcher: LabelMatcher,
        grid: np.ndarray,
        own: Block | None,
        judged: tuple[Judged | None, int],
    ) -> None:
        n, m, size = problem.x.shape[0], problem.y.shape[0], grid.size
        k = min(TOP, m)
        arrangement = block_means(own or uniform_block(n, m), max_bins=BINS)
        n_potentials = size if isinstance(own, PotentialBlock) else 0
        missing = problem.status(Outcome.FAILED, "not solved yet")
        self.judged = judged[0]
        self.points = [CurvePoint.without_plan(float(value), missing) for value in grid]
        self.place_of = {float(value): place for place, value in enumerate(grid)}
        self.filling = Ladder(
            problem=problem,
            matcher=matcher,
            values=grid,
            points=(),
            means=arrangement,
            block_means=np.zeros((size, *arrangement.means.shape), dtype=np.float32),
            n_effective=np.zeros((size, n), dtype=np.float32),
            top_index=np.full((size, n, k), -1, dtype=np.int32),
            top_weight=np.zeros((size, n, k), dtype=np.float32),
            foscttm=np.full(size, np.nan),
            n_pairs=judged[1],
            n_judged=0 if judged[0] is None else int(judged[0][0].size),
            f=np.full((n_potentials, n), np.nan),
            g=np.full((n_potentials, m), np.nan),
            epsilon=np.full(n_potentials, np.nan),
            solved=np.zeros(size, dtype=bool),
        )

    def ladder(self) -> Ladder:
        """What there is by now."""
        return replace(self.filling, points=tuple(self.points))

    def put(self, value: float, block: Block | None, status: Status) -> None:
        """Keep of a rung's plan what is shown of it."""
        kept, place = self.filling, self.place_of[value]
        kept.solved[place] = True
        self.points[place] = CurvePoint.without_plan(value, status)
        if block is None:
            return
        look = overview(block, kept.means, kept.top_index.shape[2])
        if not np.isfinite(look.masses).all() or look.masses.sum() <= 0:
            return
        costs_its_points = kept.matcher.costs_its_points and look.cost is not None
        cost = look.cost if costs_its_points else kept.matcher.plan_cost(kept.problem, block)
        entropies = np.log(np.maximum(look.n_effective, 1.0))
        self.points[place] = CurvePoint.of(value, float(cost or 0.0), look.masses, entropies, status)
        kept.n_effective[place] = look.n_effective
        kept.top_index[place], kept.top_weight[place] = look.top_index, look.top_weight
        kept.block_means[place] = look.means.means
        if self.judged is not None:
            kept.foscttm[place] = float(np.nanmean(closer_than_true(block, *self.judged)))
        if kept.f.size and isinstance(block, PotentialBlock) and block.x.shape[1]:
            kept.f[place], kept.g[place], kept.epsilon[place] = block.f, block.g, block.epsilon


def _judged(
    problem: LabelProblem, source: ScoredModality, target: ScoredModality, judging: Judging, seed: int
) -> tuple[Judged | None, int]:
    """True pairs that are judged, with both sides in a fixed space; and how many there are."""
    if problem.source_ids is None or problem.target_ids is None:
        return None, 0
    rows, columns = true_pairs(problem.source_ids, problem.target_ids)
    n_pairs = int(rows.size)
    if n_pairs < judging.smallest_label:
        return None, n_pairs
    if n_pairs > JUDGED:
        drawn = np.sort(stream(seed, "ladder", problem.label).choice(n_pairs, JUDGED, replace=False))
        rows, columns = rows[drawn], columns[drawn]
    spaces = [
        fixed_space(model.modality, judging)[model.y == model.label_names.index(problem.label)]
        for model in (source, target)
    ]
    return (rows, columns, spaces[0], spaces[1]), n_pairs
