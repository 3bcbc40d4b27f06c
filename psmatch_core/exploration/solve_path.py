"""Solve the epsilon path of a label: the run's own step first, then a coarse path, then all steps between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.evaluation.evaluate import Judging, closer_than_true, fixed_space
from psmatch_core.exploration.epsilon_grid import adjustable_matcher, default_values
from psmatch_core.exploration.epsilon_path import EpsilonPath, label_problem
from psmatch_core.matching.blocks import Block, PotentialBlock, uniform_block
from psmatch_core.matching.blocks.heatmap_bins import block_means
from psmatch_core.matching.blocks.overview import overview
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.matchers import CurvePoint, LabelMatcher, LabelProblem, Matcher, SinkhornMatcher
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.matching.matchers.problem import Answer

TOP = 5  # matches of each cell that are kept
BINS = 80  # a move of the slider sends about 40 kB
MOST_PAIRS = 1000  # true pairs for which FOSCTTM is measured; a random sample of a label with more
COARSE = 5  # the first pass solves every fifth step: plans a factor of three apart, ready after a short wait
Pairs = tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]  # rows, columns, both spaces


def _ignore(part: EpsilonPath) -> None:
    pass


def solve_epsilon_path(
    source: ScoredModality,
    target: ScoredModality,
    matcher: Matcher | None = None,
    *,
    label: str,
    values: np.ndarray | None = None,
    judging: Judging | None = None,
    own_answer: Answer | None = None,
    seed: int = 0,
    progress: Progress = silent,
    on_step: Callable[[EpsilonPath], None] = _ignore,
) -> EpsilonPath:
    """Solve one label at many values of epsilon (or of k), each starting from the one before where the method can.

    Parameters
    ----------
    source, target
        Scored modalities with the same labels in the same order.
    matcher
        A strategy that solves each label on its own and has an epsilon or k; SinkhornMatcher unless given.
    label
        The label to solve, with all its cells.
    values
        About 25 around the matcher's own unless given.
    judging
        How FOSCTTM is measured where true pairs are known.
    own_answer
        The plan and status at the matcher's own value, if a run has them; solved here unless given.
    on_step
        Called with the path after every step. Steps not solved yet are marked; the arrays are filled in later.

    Raises
    ------
    PsmatchError
        For a method without epsilon or k, or an unknown label.
    """
    chosen = adjustable_matcher(matcher or SinkhornMatcher())
    problem = label_problem(source, target, label, chosen, seed=seed)
    chosen.check(source.modality, target.modality)
    n, m = problem.x.shape[0], problem.y.shape[0]
    own = float(getattr(chosen, str(type(chosen).sharpness_option())))
    grid = default_values(chosen, n, m) if values is None else np.unique(np.r_[np.asarray(values, float), own])
    first = own_answer or chosen.couple(problem, progress=silent)
    path = _PathInProgress(
        problem, chosen, grid, first[0], _true_pairs(problem, (source, target), judging or Judging(), seed)
    )
    for done, (value, (block, status)) in enumerate(_in_turn(chosen, problem, grid.tolist(), own, first)):
        path.put(value, block, status)
        progress(
            Event(
                "epsilon path",
                (done + 1) / grid.size,
                f"{type(chosen).sharpness_option()} {value:.3g}",
                {"value": value},
            )
        )
        on_step(path.so_far())
    return path.so_far()


def _in_turn(
    matcher: LabelMatcher, problem: LabelProblem, grid: list[float], own: float, first: Answer
) -> Iterator[tuple[float, Answer]]:
    """Every value with its answer: the matcher's own, already solved; then a coarse path; then the rest."""
    rest = sorted(grid, reverse=True)
    if own in rest:
        rest.remove(own)
        yield own, first
    coarse = set(rest[::COARSE]) | set(rest[-1:])
    yield from matcher.couple_along(problem, sorted(coarse), progress=silent)
    yield from matcher.couple_along(problem, [value for value in rest if value not in coarse], progress=silent)


class _PathInProgress:
    """A path whose arrays are filled in step by step."""

    def __init__(
        self,
        problem: LabelProblem,
        matcher: LabelMatcher,
        grid: np.ndarray,
        own: Block | None,
        pairs: tuple[Pairs | None, int],
    ) -> None:
        n, m, size = problem.x.shape[0], problem.y.shape[0], grid.size
        k = min(TOP, m)
        arrangement = block_means(own or uniform_block(n, m), max_bins=BINS)
        n_potentials = size if isinstance(own, PotentialBlock) else 0
        missing = problem.status(Outcome.FAILED, "not solved yet")
        self.pairs = pairs[0]
        self.points = [CurvePoint.without_plan(float(value), missing) for value in grid]
        self.step_of = {float(value): step for step, value in enumerate(grid)}
        self.part = EpsilonPath(
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
            n_pairs=pairs[1],
            n_judged=0 if pairs[0] is None else int(pairs[0][0].size),
            f=np.full((n_potentials, n), np.nan),
            g=np.full((n_potentials, m), np.nan),
            epsilon=np.full(n_potentials, np.nan),
            solved=np.zeros(size, dtype=bool),
        )

    def so_far(self) -> EpsilonPath:
        """The path with the steps that are solved."""
        return replace(self.part, points=tuple(self.points))

    def put(self, value: float, block: Block | None, status: Status) -> None:
        """Keep what is shown of the plan at one step."""
        kept, step = self.part, self.step_of[value]
        kept.solved[step] = True
        self.points[step] = CurvePoint.without_plan(value, status)
        if block is None:
            return
        look = overview(block, kept.means, kept.top_index.shape[2])
        if not np.isfinite(look.masses).all() or look.masses.sum() <= 0:
            return
        has_cost = kept.matcher.has_cost_of_points and look.cost is not None
        cost = look.cost if has_cost else kept.matcher.plan_cost(kept.problem, block)
        entropies = np.log(np.maximum(look.n_effective, 1.0))
        self.points[step] = CurvePoint.from_rows(
            value, float(cost or 0.0), masses=look.masses, row_entropies=entropies, status=status
        )
        kept.n_effective[step] = look.n_effective
        kept.top_index[step], kept.top_weight[step] = look.top_index, look.top_weight
        kept.block_means[step] = look.means.means
        if self.pairs is not None:
            kept.foscttm[step] = float(np.nanmean(closer_than_true(block, *self.pairs)))
        if kept.f.size and isinstance(block, PotentialBlock) and block.x.shape[1]:
            kept.f[step], kept.g[step], kept.epsilon[step] = block.f, block.g, block.epsilon


def _true_pairs(
    problem: LabelProblem, models: tuple[ScoredModality, ScoredModality], judging: Judging, seed: int
) -> tuple[Pairs | None, int]:
    """The true pairs to evaluate, with both modalities in a fixed space; and how many pairs there are."""
    if problem.source_ids is None or problem.target_ids is None:
        return None, 0
    rows, columns = true_pairs(problem.source_ids, problem.target_ids)
    n_pairs = int(rows.size)
    if n_pairs < judging.smallest_label:
        return None, n_pairs
    if n_pairs > MOST_PAIRS:
        # the name of the stream is part of the result: another would draw another sample
        drawn = np.sort(stream(seed, "ladder", problem.label).choice(n_pairs, MOST_PAIRS, replace=False))
        rows, columns = rows[drawn], columns[drawn]
    spaces = [
        fixed_space(model.modality, judging)[model.y == model.label_names.index(problem.label)] for model in models
    ]
    return (rows, columns, (spaces[0], spaces[1])), n_pairs
