"""The epsilon whose plan is as sharp as the evidence: a suggestion from the data, never applied by itself.

Two classifiers that saw different halves of the features measure each cell twice. Directions of the scores in which
they agree within labels, in both modalities, can say which cells belong together; the others are noise. What these
directions can say at most is the mutual information of the plan of their log density ratio. The epsilon that is
suggested gives a plan of the usual kind with just as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.matching.match import label_problems
from psmatch_core.matching.matchers import LabelProblem, Matcher, SinkhornMatcher
from psmatch_core.monitor.halves import HalfScores

EPSILONS = tuple(float(f"{10 ** (exponent / 8):.3g}") for exponent in range(0, -17, -1))  # × mean cost: 1 to 0.01
LARGEST = 150  # cells of a label and modality: what a label's plan knows hardly depends on their number
MOST_LABELS = 40
FEWEST = 8  # cells of a label in either modality
HIGHEST = 0.95  # correlation: above it a cell would have a single match
ALIKE = 1.5  # two epsilons less than this factor apart give plans that hardly differ
NONE = 0.01  # nats per cell: less is nothing
N_SHUFFLES = 20  # none of which may agree as much as the halves themselves


@dataclass(frozen=True)
class EpsilonByInformation:
    """An epsilon that the data suggest.

    Parameters
    ----------
    epsilon
        × mean cost; the largest that was tried (1) if the halves share nothing.
    information
        Mutual information of cells and matches that the halves support, nats per cell. 0 is a uniform plan, and what
        is told where halves whose cells are shuffled within labels agree as much.
    of_run
        The run's own epsilon, × mean cost.
    at_run
        The information of the plan with that epsilon, on the same cells.
    """

    epsilon: float
    information: float
    of_run: float
    at_run: float

    def described(self) -> str:
        """The suggestion beside the run's own epsilon, in one sentence."""
        own = f"the plan of the run (ε {self.of_run:g}) is as sharp as if they carried {self.at_run:.2f}"
        if self.information < NONE:
            return (
                "two halves of the features agree within labels no more than by chance, so the evidence supports no "
                f"plan sharper than the uniform one (ε 1); {own}"
            )
        if 1 / ALIKE < self.of_run / self.epsilon < ALIKE:
            compared = "about right"
        else:
            compared = "sharper than the evidence" if self.of_run < self.epsilon else "smoother than the evidence"
        return (
            f"the evidence supports {self.epsilon:.2g} × mean cost. As far as two halves of the features agree, the "
            f"scores of a cell carry {self.information:.2f} nats about its match; {own}: {compared}"
        )


def epsilon_by_information(
    source: PropensityModel,
    target: PropensityModel,
    halves: tuple[HalfScores, HalfScores],
    matcher: Matcher,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> EpsilonByInformation | None:
    """The epsilon whose plan holds as much information as the halves of the features support.

    Parameters
    ----------
    halves
        Scores of both modalities by classifiers that saw different halves of the features.
    matcher
        The run's; only entropic transport with epsilon in mean costs has an epsilon of this kind.

    Returns
    -------
    None for other matchers, and if no label has enough cells on both sides.

    Source: ours (docs/method.md); the split-half correction is Spearman's and Brown's (1910).
    """
    if not isinstance(matcher, SinkhornMatcher) or matcher.epsilon_unit != "mean cost":
        return None
    labels = _labels(source, target)
    if not labels:
        return None
    models = (replace(source, linked=None), replace(target, linked=None))
    cells = [_drawn(model, labels, seed, side) for model, side in zip(models, ("source", "target"), strict=True)]
    within = [_within_labels(model.logits, model.y) for model in models]
    directions = _directions(within)
    points = []
    for scores in within:
        along = scores @ directions
        points.append(along / np.where(along.std(axis=0) > 0, along.std(axis=0), 1))
    shared = _shared(halves, models, directions, seed)
    correlation = np.minimum(HIGHEST, np.sqrt(shared))
    weights = np.sqrt(correlation / (1 - correlation**2))
    problems = {each.label: each for each in label_problems(*models, labels, seed, with_features=False)}
    supported, along_grid, at_run, n_cells = [], [], [], []
    density = replace(matcher, epsilon=2.0, epsilon_unit="absolute", align=False, cost="sqeuclidean")
    for done, label in enumerate(labels):
        mine, theirs = (each[label] for each in cells)
        places = [np.flatnonzero(model.y == model.label_names.index(label)) for model in models]
        problem = replace(
            problems[label],
            x=problems[label].x[np.searchsorted(places[0], mine)],
            y=problems[label].y[np.searchsorted(places[1], theirs)],
            source_ids=None,
            target_ids=None,
        )
        evidence = replace(problem, x=points[0][mine] * weights, y=points[1][theirs] * weights)
        supported.append(_informations(density, evidence, (2.0,))[0])
        *grid, own = _informations(matcher, problem, (*EPSILONS, matcher.epsilon))
        along_grid.append(grid)
        at_run.append(own)
        n_cells.append(mine.size)
        progress(Event("epsilon", (done + 1) / len(labels), f"information, {label}"))
    mean = np.average(np.array(along_grid), axis=0, weights=n_cells)
    information = float(np.average(supported, weights=n_cells))
    return EpsilonByInformation(
        _epsilon_at(mean, information), information, matcher.epsilon, float(np.average(at_run, weights=n_cells))
    )


def _labels(source: PropensityModel, target: PropensityModel) -> list[str]:
    """The labels with enough cells on both sides, the largest first."""
    sizes = [np.bincount(model.y, minlength=len(model.label_names)) for model in (source, target)]
    smaller = np.minimum(*sizes)
    order = np.argsort(-smaller, kind="stable")[:MOST_LABELS]
    return [source.label_names[index] for index in order if smaller[index] >= FEWEST]


def _drawn(model: PropensityModel, labels: Sequence[str], seed: int, side: str) -> dict[str, np.ndarray]:
    """At most :data:`LARGEST` cells of each label, sorted."""
    found = {}
    for label in labels:
        all_cells = np.flatnonzero(model.y == model.label_names.index(label))
        drawn = stream(seed, "epsilon by information", side, label).permutation(all_cells)[:LARGEST]
        found[label] = np.sort(drawn)
    return found


def _within_labels(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Scores less the mean of their label, each label divided by its root mean square, ``(n_cells, n_labels)``."""
    counts = np.maximum(np.bincount(y, minlength=logits.shape[1]), 1)
    sums = np.zeros((counts.size, logits.shape[1]))
    np.add.at(sums, y, logits)
    centred = logits - (sums / counts[:, None])[y]
    squares = np.bincount(y, weights=(centred**2).sum(axis=1), minlength=counts.size)
    spread = np.sqrt(squares / counts)
    return np.asarray(centred / np.where(spread > 0, spread, 1)[y][:, None])


def _directions(within: Sequence[np.ndarray]) -> np.ndarray:
    """Principal directions of the within-label covariances of both modalities, ``(n_labels, n_directions)``."""
    covariance = sum(each.T @ each / each.shape[0] for each in within)
    values, vectors = np.linalg.eigh(np.asarray(covariance))
    return np.asarray(vectors[:, values > 1e-9 * max(float(values[-1]), np.finfo(float).tiny)])


def _shared(
    halves: Sequence[HalfScores], models: Sequence[PropensityModel], directions: np.ndarray, seed: int
) -> np.ndarray:
    """Squared correlation of the modalities along each direction that the halves allow at most, ``(n_directions,)``.

    All 0 where halves of either modality that measure different cells of a label would allow as much.
    """
    measured = [
        tuple(_within_labels(each, model.y) @ directions for each in (half.first, half.second))
        for half, model in zip(halves, models, strict=True)
    ]
    reliability = [_reliability(*each) for each in measured]
    shared = reliability[0] * reliability[1]
    for side, (model, (first, second)) in enumerate(zip(models, measured, strict=True)):
        cells = [np.flatnonzero(model.y == label) for label in np.unique(model.y)]
        for number in range(N_SHUFFLES):
            draw = stream(seed, "epsilon by chance", side, number)
            moved = np.empty(model.y.size, dtype=np.int64)
            for each in cells:
                moved[each] = draw.permutation(each)
            if _information(_reliability(first, second[moved]) * reliability[1 - side]) >= _information(shared):
                return np.zeros_like(shared)
    return shared


def _reliability(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Reliability along each direction of what two halves measure, ``(n_cells, n_directions)`` each; 0 to 1."""
    lengths = np.linalg.norm(first, axis=0) * np.linalg.norm(second, axis=0)
    half = np.clip(np.einsum("ij,ij->j", first, second) / np.where(lengths > 0, lengths, 1), 0, 1)
    return np.asarray(2 * half / (1 + half))


def _information(shared: np.ndarray) -> float:
    """Mutual information of two normal vectors with these squared correlations, nats."""
    return float(-0.5 * np.log1p(-np.minimum(shared, HIGHEST**2)).sum())


def _informations(matcher: SinkhornMatcher, problem: LabelProblem, epsilons: Sequence[float]) -> list[float]:
    """Mutual information of cells and matches at each epsilon, nats; 0 where there is no plan."""
    by_value = {}
    for value, (block, _) in matcher.couple_along(problem, sorted(set(epsilons), reverse=True)):
        if block is None:
            by_value[value] = 0.0
        else:
            by_value[value] = float(np.log(block.shape[1]) - np.log(np.maximum(block.n_effective, 1)).mean())
    return [by_value[value] for value in epsilons]


def _epsilon_at(informations: np.ndarray, wanted: float) -> float:
    """The epsilon of the grid, between its points on a log scale, whose plan holds this much."""
    if wanted < max(NONE, informations[0]):
        return EPSILONS[0]
    return float(np.exp(np.interp(wanted, np.maximum.accumulate(informations), np.log(EPSILONS))))
