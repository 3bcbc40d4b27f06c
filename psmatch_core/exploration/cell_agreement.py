"""Which cells of a label have the same matches when the classifiers see the one or the other half of the cells."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.sides import SIDES
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.exploration.epsilon_path import label_problem
from psmatch_core.matching.matchers import LabelMatcher, Matcher
from psmatch_core.monitor.halves import N_HALVES, HalfScores, half_models

REPRODUCED = (
    "How alike the matches of a cell are when the classifiers are trained on the one or the other half of the cells: 1 "
    "the same, 0 unrelated. It shows which matches are reproducible. Within a label it does not show which are right."
)
NEAR_CENTRE = 1e-9  # × the spread of the label: a place closer to the centre than this has no direction


def can_compare_cells(models: tuple[object, object], matcher: Matcher) -> bool:
    """Whether cells can be compared so: by scores alone, without a link, and with a method that solves each label."""
    scores = all(isinstance(each, PropensityModel) and each.linked is None for each in models)
    return scores and isinstance(matcher, LabelMatcher) and matcher.uses_scores


def cell_agreement(
    models: tuple[PropensityModel, PropensityModel],
    halves: tuple[HalfScores, HalfScores],
    matcher: Matcher,
    *,
    label: str,
    side: str = "source",
    judging: Judging | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Agreement of the matches of each cell of a label between the two halves of the cells, ``(n_label_cells,)``.

    The cosine between the two places of a cell's matches, from the centre of the label: the mean of the matches by
    weight, in principal components of the label's z-scored cells in the other modality. NaN where a plan sends the cell
    to the centre, as a uniform plan does.

    Parameters
    ----------
    halves
        Scores of the source and of the target (:func:`~psmatch_core.monitor.halves.half_scores`).

    Raises
    ------
    PsmatchError
        For a method, or a link, with which single labels cannot be matched anew (:func:`can_compare_cells`).
    """
    if not can_compare_cells(models, matcher) or not isinstance(matcher, LabelMatcher):
        raise PsmatchError(
            "Single cells can be compared between halves only where each label is matched by scores, without a link.",
            hint="Look at the agreement of labels on the Monitor page.",
        )
    pairs = [half_models(model, scores) for model, scores in zip(models, halves, strict=True)]
    modality, other = (models[at].modality for at in (SIDES.index(side), 1 - SIDES.index(side)))
    unknown = np.full(int((modality.labels == label).sum()), np.nan)
    candidates = other.select(other.labels == label, "another label")
    if candidates.n_cells < 2:
        return unknown
    space = fixed_space(candidates, judging or Judging())
    places = []
    for half in range(N_HALVES):
        own_seed = derived_seed(seed, "half", half)
        problem = label_problem(pairs[0][half], pairs[1][half], label, matcher, seed=own_seed)
        block = matcher.couple(problem, progress=silent)[0]
        if block is None:
            return unknown
        block = block if side == SIDES[0] else block.T
        mass = block.marginals[0][:, None]
        places.append(np.divide(block.pull(space), mass, out=np.zeros((mass.size, space.shape[1])), where=mass > 0))
    lengths = [np.linalg.norm(each, axis=1) for each in places]
    product = lengths[0] * lengths[1]
    has_direction = np.minimum(*lengths) > NEAR_CENTRE * float(np.sqrt(space.var(axis=0).sum()))
    return np.divide(np.sum(places[0] * places[1], axis=1), product, out=unknown, where=has_direction)
