"""What can be seen of how well a single source cell is matched, without knowing its partner; larger means surer."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import log_softmax

from benchmarks.kept_scores import Models, SplitScores, placed
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import ALWAYS, Linking, link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.matching.matchers.problem import aligned

NEIGHBOR = 5  # how far the fifth nearest cell is
SMALLEST = 1e-12
CENTRAL = "near the mean of its label (features)"  # knows nothing of the matching
Halves = list[tuple[Coupling, Coupling]]


def half_matchings(scores: SplitScores, matcher: Matcher, *, seed: int) -> Halves:
    """The matchings of both halves of the features, for each split of feature bagging."""
    members = [scores.by_members(scores.bagged, number) for number in range(len(scores.bagged[0].fitted.members))]
    matched = [match(*placed(scores.bagged, each), matcher, seed=seed) for each in members]
    return list(zip(matched[::2], matched[1::2], strict=True))


def observables(
    scores: SplitScores,
    coupling: Coupling,
    halves: Halves,
    spaces: tuple[np.ndarray, ...],
    matcher: Matcher,
    *,
    seed: int,
) -> dict[str, np.ndarray]:
    """How sure each source cell looks, ``(n_source_cells,)`` by name; NaN for cells without a plan."""
    source = scores.bagged[0]
    found: dict[str, np.ndarray] = {}
    for label, block in coupling.blocks.items():
        at, of = coupling.source_cells[label], coupling.target_cells[label]
        plan = block.to_array()
        x, y = aligned(coupling.source.space[at], coupling.target.space[of])
        own = of_plan(plan) | of_places(plan, x, y)
        own[CENTRAL] = -np.linalg.norm(spaces[0][at] - spaces[0][at].mean(axis=0), axis=1)
        for name, values in own.items():
            found.setdefault(name, np.full(source.y.size, np.nan))[at] = values
    probability = log_softmax(source.logits, axis=1)
    found["probability of its label"] = probability[np.arange(source.y.size), source.y]
    space = spaces[1]
    found["halves of the features agree"] = np.mean([same_direction(*pair, space) for pair in halves], axis=0)
    kinds = [placed(scores.default, scores.by_members(scores.default, kind)) for kind in (0, 1)]
    found["networks and ridge agree"] = same_direction(*(match(*each, matcher, seed=seed) for each in kinds), space)
    found["small residual of the link"] = -link_residual(scores.bagged, matcher, seed=seed)
    return found


def of_plan(plan: np.ndarray) -> dict[str, np.ndarray]:
    """What the plan ``(n, m)`` of a label says of its source cells."""
    shares = plan / np.maximum(plan.sum(axis=1, keepdims=True), SMALLEST)
    back = plan / np.maximum(plan.sum(axis=0, keepdims=True), SMALLEST)
    logs = np.log(np.maximum(shares, SMALLEST))
    two = -np.partition(-shares, 1, axis=1)[:, :2] if shares.shape[1] > 1 else np.hstack([shares, 0 * shares])
    best = shares.argmax(axis=1)
    return {
        "few effective matches": (shares * logs).sum(axis=1),
        "largest weight": two[:, 0],
        "margin of the best match": two[:, 0] - two[:, 1],
        "mutual best": (back.argmax(axis=0)[best] == np.arange(len(best))).astype(float),
        "weight that comes back": (shares * back).sum(axis=1),
    }


def of_places(plan: np.ndarray, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """What the places of a label's cells ``(n, d)`` and ``(m, d)`` say of the source cells."""
    shares = plan / np.maximum(plan.sum(axis=1, keepdims=True), SMALLEST)
    across, within = cdist(x, y), cdist(x, x)
    near = [np.sort(each, axis=1)[:, min(NEIGHBOR, each.shape[1]) - 1] for each in (across, within)]
    return {
        "near its matches (mean cost)": -(shares * across).sum(axis=1),
        "long scores": np.linalg.norm(x - x.mean(axis=0), axis=1),
        "dense in its own modality": -near[1],
        "dense in the other modality": -near[0],
    }


def same_direction(first: Coupling, second: Coupling, space: np.ndarray) -> np.ndarray:
    """Cosine of the two places to which matchings send a cell, from its label's mean, ``(n_source_cells,)``."""
    own = first.source.modality.labels
    center = label_means(space, first.target.modality.labels, own)
    places = [each.pull(space) - center for each in (first, second)]
    lengths = [np.linalg.norm(each, axis=1) for each in places]
    return np.asarray((places[0] * places[1]).sum(axis=1) / np.maximum(lengths[0] * lengths[1], SMALLEST))


def link_residual(models: Models, matcher: Matcher, *, seed: int) -> np.ndarray:
    """How far a cell's predicted features are from those of its matches, after one round of the link."""
    linked = link_scores(*models, matcher, Linking(use=ALWAYS, n_rounds=1), seed=seed)
    n_scores = models[0].logits.shape[1]
    here, there = (model.space[:, n_scores:] for model in linked)
    return np.linalg.norm(here - match(*linked, matcher, seed=seed).pull(there), axis=1)


def label_means(space: np.ndarray, labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The mean of the label of each wanted cell, ``(len(wanted), d)``."""
    out = np.zeros((wanted.size, space.shape[1]))
    for label in np.unique(wanted):
        out[wanted == label] = space[labels == label].mean(axis=0)
    return out
