"""match: from two scored modalities to a coupling, label by label."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, StagePart, never_falling, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling, Outcome, Status
from psmatch_core.matching.matchers import Answer, LabelProblem, Matcher, SinkhornMatcher

MASS_TOLERANCE = 1e-6  # a plan whose mass is off by more has not converged, whatever its status says
LARGEST_MASS_ERROR = 0.05  # a plan whose mass is off by more is not an unconverged plan but a broken one
MOST_TOLD = 0.99  # share of the matching that is told before its answers are checked


def match(
    source: ScoredModality,
    target: ScoredModality,
    matcher: Matcher | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> Coupling:
    """Match the cells of two modalities within each label, in the space in which both were scored.

    Parameters
    ----------
    source, target
        Modalities with the same labels in the same order: propensity models, or latents of a baseline.
    matcher
        The strategy; :class:`~psmatch_core.matching.matchers.SinkhornMatcher` unless given.
    seed
        For matchers that draw; each label has a stream of its own.
    executor
        Runs labels side by side, largest first.

    Raises
    ------
    PsmatchError
        Where the two sides were trained on different labels, or the matcher cannot do what is asked.

    Source: Xi et al. 2024, section 4.
    """
    matcher = matcher or SinkhornMatcher()
    check_sides(source, target)
    matcher.check(source.modality, target.modality)
    problems = label_problems(source, target, source.label_names, seed, with_features=matcher.needs_features)
    coupled: dict[str, Answer] = {}
    n_done, n_pairs, progress = 0, max(1, sum(problem.n_pairs for problem in problems)), never_falling(progress)
    solving = StagePart(progress, "match", "", stop=MOST_TOLD)
    answers = matcher.couple_all(problems, progress=solving.hear, executor=executor)
    for problem, (block, status) in zip(problems, answers, strict=True):
        coupled[problem.label] = checked_answer(problem, block, status)
        n_done += problem.n_pairs
        progress(Event("match", n_done / n_pairs, f"label {problem.label}"))
    blocks = {label: coupled[label][0] for label in source.label_names}
    return Coupling(
        source=source,
        target=target,
        blocks={label: block for label, block in blocks.items() if block is not None},
        statuses=tuple(coupled[label][1] for label in source.label_names),
    )


def check_sides(source: ScoredModality, target: ScoredModality) -> None:
    """Refuse two sides that were not trained on the same labels in the same order, or lie in different spaces."""
    if source.label_names != target.label_names:
        only_one = sorted(set(source.label_names) ^ set(target.label_names))
        raise PsmatchError(
            f"{source.modality.name} and {target.modality.name} were trained on different labels"
            + (f" ({some(only_one)} in one only)." if only_one else ", or on the same in another order."),
            hint="Train both on the labels that they share.",
        )
    if type(source) is not type(target) or source.space.shape[1] != target.space.shape[1]:
        raise PsmatchError(
            f"{source.modality.name} lies in a space of {source.space.shape[1]} {source.space_name}, "
            f"{target.modality.name} in one of {target.space.shape[1]} {target.space_name}: they cannot be compared.",
            hint="Score both sides in the same way.",
        )


def label_problems(
    source: ScoredModality, target: ScoredModality, labels: Sequence[str], seed: int, *, with_features: bool
) -> list[LabelProblem]:
    """What a matcher is given of these labels, those with most pairs first so that no core waits for a giant."""
    pair_ids = known_ids(source.modality, target.modality)
    problems = [_problem(label, source, target, pair_ids, seed, with_features=with_features) for label in labels]
    return sorted(problems, key=lambda problem: -problem.n_pairs)


def known_ids(source: Modality, target: Modality) -> tuple[np.ndarray, np.ndarray] | None:
    """Names of the physical cells on both sides, empty where unknown, if at least one is on both; else None.

    :func:`~psmatch_core.data.known_pairs.with_known_pairs` decides which they are; equal cell names alone are no pairs.
    """
    left, right = source.pair_ids, target.pair_ids
    if left is None or right is None or not np.intersect1d(left[left != ""], right).size:
        return None
    return left, right


def _problem(
    label: str,
    source: ScoredModality,
    target: ScoredModality,
    pair_ids: tuple[np.ndarray, np.ndarray] | None,
    seed: int,
    *,
    with_features: bool,
) -> LabelProblem:
    column = source.label_names.index(label)  # numbers compare ten times as fast as names
    mine, theirs = source.y == column, target.y == column
    return LabelProblem(
        label=label,
        x=source.space[mine],
        y=target.space[theirs],
        source_ids=None if pair_ids is None else pair_ids[0][mine],
        target_ids=None if pair_ids is None else pair_ids[1][theirs],
        seed=derived_seed(seed, "match", label),
        x_features=to_dense(source.modality.X[mine]) if with_features else None,
        y_features=to_dense(target.modality.X[theirs]) if with_features else None,
        x_names=source.modality.var_names if with_features else None,
        y_names=target.modality.var_names if with_features else None,
    )


def checked_answer(problem: LabelProblem, block: Block | None, status: Status) -> Answer:
    """The matcher's answer after the post-conditions that every plan must meet before anyone sees it.

    A plan that is no plan fails; one that breaks what its status says is told, and needs attention.
    """
    if block is None:
        return block, status
    row_sums, column_sums = block.marginals
    sums = np.concatenate([row_sums, column_sums])
    mass = float(row_sums.sum())
    is_plan = block.shape == problem.sizes and np.isfinite(sums).all() and (sums >= 0).all()
    if not is_plan or abs(mass - 1) > LARGEST_MASS_ERROR:
        words = f"the plan is not usable (mass {mass:.3g} of 1); allow more iterations or raise epsilon"
        return None, _told(problem, status, Outcome.FAILED, words)
    if status.outcome.needs_attention:
        return block, status
    if abs(mass - 1) > MASS_TOLERANCE:
        return block, _told(problem, status, Outcome.NOT_CONVERGED, f"the plan has a mass of {mass:.7f} instead of 1")
    n_sources, n_targets = int((row_sums <= 0).sum()), int((column_sums <= 0).sum())
    # With nearest neighbours or random partners a target cell may be nobody's match; transport leaves none out.
    if n_sources or (n_targets and status.outcome is not Outcome.CLOSED_FORM):
        words = f"{plural(n_sources, 'source cell')} and {plural(n_targets, 'target cell')} without a match"
        return block, _told(problem, status, Outcome.PARTIAL, words)
    return block, status


def _told(problem: LabelProblem, status: Status, outcome: Outcome, message: str) -> Status:
    """The status with another outcome; what the matcher measured stays."""
    return problem.status(
        outcome,
        message,
        iterations=status.iterations,
        marginal_error=status.marginal_error,
        epsilon=status.epsilon,
    )
