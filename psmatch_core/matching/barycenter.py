"""A barycentre of each label: points between the modalities to which all of them couple, one plan a modality.

With K modalities this takes K plans a label instead of one for each pair; the plan between two modalities is composed
through the barycentre.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.setting_words import kind_title
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.blocks.composed import compose_blocks
from psmatch_core.matching.composed import joined_status
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import check_sides, checked_answer
from psmatch_core.matching.matchers import Answer, LabelProblem, Matcher
from psmatch_core.matching.matchers.problem import SMALLEST_SPREAD

ROUNDS = 1  # of plans and new points: more of them draw the points together and gain nothing (decisions/0006)


@dataclass(frozen=True, eq=False)
class BarycenterPlans:
    """Each modality's plans to the barycentres of the labels.

    Parameters
    ----------
    points
        Barycentre of each label, ``(s, d)``, in the space in which the cells are matched.
    models
        The modalities by name.
    answers
        By modality and label: the plan from its cells to the points ``(n, s)``, or None, and its status.
    """

    points: Mapping[str, np.ndarray]
    models: Mapping[str, ScoredModality]
    answers: Mapping[str, Mapping[str, Answer]]

    def coupling(self, source: str, target: str) -> Coupling:
        """The coupling between two modalities through the barycentres."""
        here, there = self.answers[source], self.answers[target]
        blocks: dict[str, Block] = {}
        statuses = []
        for label, (block, status) in here.items():
            other_block, other = there[label]
            if block is not None and other_block is not None:
                blocks[label] = compose_blocks(block, other_block.T)
            other = replace(other, n_source=other.n_target, n_target=other.n_source)
            statuses.append(joined_status(status, other, "the barycentre of the label"))
        return Coupling(source=self.models[source], target=self.models[target], blocks=blocks, statuses=tuple(statuses))


def couple_to_barycenters(
    models: Mapping[str, ScoredModality],
    matcher: Matcher,
    *,
    n_rounds: int = ROUNDS,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> BarycenterPlans:
    """Couple every modality with points between all of them, label by label.

    A label's points start at the cells of its largest modality. In each round every modality is coupled with them by
    the matcher, and each point moves to the mean, over the modalities, of the cells coupled with it. At the end all are
    coupled once more. Each modality counts the same, however many cells it has.

    Parameters
    ----------
    models
        Modalities with the same labels, by name.
    n_rounds
        How often the points move.

    Raises
    ------
    PsmatchError
        If the matcher compares cells by anything but their scores.

    Source: free-support barycentres by alternating plans and barycentric projections, Cuturi and Doucet 2014,
    algorithm 2; the plans here are those of the matcher, and the points' masses stay equal.
    """
    names = tuple(models)
    _check(models, matcher)
    placed = {label: _placed(label, models, is_aligned=matcher.aligns) for label in models[names[0]].label_names}
    points = {label: max(clouds, key=len) for label, clouds in placed.items()}
    answers: list[dict[str, Answer]] = []
    for round_ in range(n_rounds + 1):
        answers = []
        for at, name in enumerate(names):
            share = (round_ * len(names) + at) / ((n_rounds + 1) * len(names))
            progress(Event("barycentre", share, f"round {round_ + 1} of {n_rounds + 1}: {name}"))
            clouds = {label: each[at] for label, each in placed.items()}
            answers.append(_coupled(clouds, points, matcher, seed, executor))
        if round_ < n_rounds:
            points = {
                label: _moved(points[label], placed[label], [each[label][0] for each in answers]) for label in points
            }
    progress(Event("barycentre", 1.0))
    return BarycenterPlans(points, models, dict(zip(names, answers, strict=True)))


def _check(models: Mapping[str, ScoredModality], matcher: Matcher) -> None:
    first, *others = models.values()
    for other in others:
        check_sides(first, other)
    if matcher.needs_features or not matcher.uses_scores:
        raise PsmatchError(
            f"{kind_title(type(matcher))} does not compare cells by their scores alone, and a barycentre has no more.",
            hint="Choose a method that matches by scores, or couple the pairs of modalities.",
        )


def _placed(label: str, models: Mapping[str, ScoredModality], *, is_aligned: bool) -> list[np.ndarray]:
    """Positions of the label's cells in each modality, ``(n_k, d)``, brought to one centre and scale if asked."""
    clouds = []
    for model in models.values():
        mine = model.y == model.label_names.index(label)
        clouds.append(np.asarray(model.space[mine], dtype=np.float64))
    if not is_aligned:
        return clouds
    clouds = [each - each.mean(axis=0) for each in clouds]
    spreads = np.array([float(np.sqrt(np.mean(each**2))) for each in clouds])
    if spreads.min() < SMALLEST_SPREAD:
        return clouds
    common = float(np.exp(np.log(spreads).mean()))
    return [each * (common / spread) for each, spread in zip(clouds, spreads, strict=True)]


def _coupled(
    clouds: Mapping[str, np.ndarray],
    points: Mapping[str, np.ndarray],
    matcher: Matcher,
    seed: int,
    executor: Executor | None,
) -> dict[str, Answer]:
    """One modality's plan to the points of every label."""
    problems = [
        LabelProblem(
            label=label,
            x=x,
            y=points[label],
            source_ids=None,
            target_ids=None,
            seed=derived_seed(seed, "barycentre", label),
        )
        for label, x in clouds.items()
    ]
    problems.sort(key=lambda problem: -problem.n_pairs)
    answers = matcher.couple_all(problems, executor=executor)
    found = {problem.label: checked_answer(problem, *answer) for problem, answer in zip(problems, answers, strict=True)}
    return {label: found[label] for label in clouds}


def _moved(points: np.ndarray, clouds: list[np.ndarray], blocks: list[Block | None]) -> np.ndarray:
    """The points ``(s, d)`` after a round: the mean, over modalities, of the cells coupled with each."""
    places = []
    for cloud, block in zip(clouds, blocks, strict=True):
        if block is None:
            continue
        sums, masses = block.push(cloud), block.marginals[1]
        places.append(np.where(masses[:, None] > 0, sums / np.where(masses > 0, masses, 1)[:, None], points))
    return np.mean(places, axis=0) if places else points
