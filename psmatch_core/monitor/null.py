"""The null of shuffled labels: what a matching looks like if the labels say nothing about the cells.

The labels of each modality are shuffled, so that every label keeps its size and loses its meaning. A simple classifier
is trained on them, and the cells of each true label are matched by its scores. Any loss, stability or cost obtained in
this way arises by chance. It is compared with the same simple classifier on the true labels, because the null of one
procedure says nothing about another. Cells are matched within their true labels throughout: within shuffled labels,
cells of all kinds would be mixed, and even meaningless scores match such mixtures stably (measured on real cells).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg
from scipy.optimize import minimize_scalar

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.cores import compute, side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.classifier_quality import cross_entropy
from psmatch_core.classification.classifiers import stratified_folds
from psmatch_core.classification.classifiers.cnn import channel_scale
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.training_data import training_data
from psmatch_core.data.modality import Matrix
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.monitor.halves import N_HALVES
from psmatch_core.monitor.run_figures import relative_cost
from psmatch_core.monitor.stability import Stability, compare

RIDGE = 1.0  # × mean self-similarity of a cell: the prior weighs as much as one similar cell
STEEPEST = 1e3  # largest slope of the logits on the scores: at 1e3, a score of 1 is practically certain


@dataclass(frozen=True)
class Statistic:
    """What is compared with its null: its title, its unit, and whether small values are good."""

    title: str
    unit: str
    is_small_good: bool


STATISTICS: Mapping[str, Statistic] = {
    "loss_source": Statistic("loss of the source", "nats per cell", True),
    "loss_target": Statistic("loss of the target", "nats per cell", True),
    "stability": Statistic("match stability", "correlation", False),
    "cost": Statistic("cost of the plan", "share of the uniform plan's", True),
}


@dataclass(frozen=True)
class NullStatistic:
    """The value of one statistic with the true labels and with each shuffle of the labels.

    Parameters
    ----------
    name
        One of :data:`STATISTICS`.
    observed
        With the true labels, by the simple classifier.
    shuffled
        One value per shuffle.
    """

    name: str
    observed: float
    shuffled: tuple[float, ...]

    @property
    def statistic(self) -> Statistic:
        """Title, unit and direction of the statistic."""
        return STATISTICS[self.name]

    @property
    def p_value(self) -> float:
        """(1 + shuffles at least as good) / (1 + shuffles): never 0, and limited by the number of shuffles.

        Source: Phipson and Smyth 2010, Permutation p-values should never be zero, section 3.
        """
        return p_value(self.observed, np.array(self.shuffled), is_small_good=self.statistic.is_small_good)


@dataclass(frozen=True)
class Null:
    """The null of a run.

    Parameters
    ----------
    statistics
        Statistics of the whole matching.
    label_p
        p-value of the stability of each label; NaN if it cannot be compared.
    n_source, n_target
        Cells that were used; a stratified sample of larger modalities.
    """

    n_shuffles: int
    statistics: tuple[NullStatistic, ...]
    label_p: Mapping[str, float]
    n_source: int
    n_target: int

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that is possible with this number of shuffles."""
        return 1 / (1 + self.n_shuffles)

    def __getitem__(self, name: str) -> NullStatistic:
        return next(each for each in self.statistics if each.name == name)


def label_null(
    source: PropensityModel,
    target: PropensityModel,
    matcher: Matcher,
    *,
    n_shuffles: int = 20,
    largest: int = 1500,
    seed: int = 0,
    progress: Progress = silent,
) -> Null:
    """Shuffle the labels within each modality, train a simple classifier, match, and collect what arises by chance.

    Parameters
    ----------
    n_shuffles
        Number of shuffles; the smallest possible p-value is 1 / (1 + n_shuffles).
    largest
        Largest number of cells per modality.

    The simple classifier is ridge regression onto the label indicators (Hastie et al., The Elements of Statistical
    Learning, section 4.2), trained on each half of the cells in turn: the other half gives the loss, and both halves
    together give the stability. Under the hypothesis that labels and cells are unrelated in each modality, the true
    labelling is one shuffle among others, so that the p-values of the losses are exact. Those of the matchings are
    nearly exact, because cells are matched within the true labels, on which only the true scores were trained.
    """
    if n_shuffles < 1:
        raise PsmatchError(f"The null needs at least one shuffle, got {n_shuffles}.", hint="Use 20 or more.")
    pair = tuple(
        _Side(model, largest, derived_seed(seed, "null", side)) for side, model in (("s", source), ("t", target))
    )

    def labelling(shuffle: int) -> tuple[dict[str, float], Stability]:
        done = shuffle / (n_shuffles + 1)
        progress(Event("null", done, f"shuffle {shuffle} of {n_shuffles}" if shuffle else "with the true labels"))
        return compute(_one_labelling, pair, matcher, shuffle, seed)

    found = side_by_side(labelling, range(n_shuffles + 1))
    rows, stabilities = [row for row, _ in found], [stability for _, stability in found]
    progress(Event("null", 1.0))
    statistics = tuple(NullStatistic(name, rows[0][name], tuple(row[name] for row in rows[1:])) for name in STATISTICS)
    return Null(
        n_shuffles, statistics, _label_p(stabilities), pair[0].model.modality.n_cells, pair[1].model.modality.n_cells
    )


def p_value(observed: float, shuffled: np.ndarray, *, is_small_good: bool) -> float:
    """(1 + shuffles at least as good) / (1 + shuffles); NaN shuffles are left out, and NaN observed gives NaN."""
    if np.isnan(observed):
        return float("nan")
    known = shuffled[~np.isnan(shuffled)]
    as_good = (known <= observed) if is_small_good else (known >= observed)
    return float((1 + as_good.sum()) / (1 + known.size))


class _Side:
    """One modality with at most ``largest`` cells, and the similarity of every pair of them."""

    def __init__(self, model: PropensityModel, largest: int, seed: int) -> None:
        self.seed = seed
        modality = model.modality
        kept = _sample(model.y, largest, seed)
        if kept.size < modality.n_cells:
            mask = np.zeros(modality.n_cells, dtype=bool)
            mask[kept] = True
            modality = modality.select(mask, "not in the sample for the null")
            model = replace(
                model, modality=modality, logits=model.logits[mask], held_out_logits=model.held_out_logits[mask]
            )
        self.model = replace(model, linked=None)  # its scores are judged, with and without true labels
        dense = _centered(training_data(modality, model.label_names)[0])
        self.kernel = dense @ dense.T  # (n, n)
        self.kernel /= max(float(np.trace(self.kernel)) / len(dense), np.finfo(float).tiny)
        self.space = fixed_space(modality, Judging())

    def trained(self, y: np.ndarray, shuffle: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Scores of all cells by the classifier of each half, ``(n, n_labels)`` each, and the held-out loss."""
        n_labels = len(self.model.label_names)
        halves = stratified_folds(y, N_HALVES, seed=derived_seed(self.seed, "shuffle", shuffle))
        share = np.bincount(y, minlength=n_labels) / y.size
        indicator = np.eye(n_labels)[y] - share  # (n, n_labels)
        scores, held_out = [], np.full((y.size, n_labels), np.nan)
        for half in range(N_HALVES):
            fit = halves.assignment != 1 - half
            inner = self.kernel[np.ix_(fit, fit)] + RIDGE * np.eye(int(fit.sum()))
            weights = linalg.solve(inner, indicator[fit], assume_a="pos")
            scores.append(self.kernel[:, fit] @ weights)
            unseen = halves.held_out(1 - half)
            held_out[unseen] = scores[-1][unseen]
        return scores[0], scores[1], _calibrated_loss(held_out, y, share)


def _centered(X: Matrix) -> np.ndarray:
    """The input of the regression: features with mean 0, ``(n, d)``; image channels are brought to one scale first."""
    dense = to_dense(X)
    if dense.ndim == 4:  # as in the convolutional network, so that the units of the channels do not matter
        deviation = channel_scale(X, np.arange(len(X)))["channel_deviation"]
        dense = (dense / np.where(deviation > 0, deviation, 1)[:, None, None]).reshape(len(X), -1)
    return dense - dense.mean(axis=0)


def _one_labelling(
    source: _Side, target: _Side, matcher: Matcher, shuffle: int, seed: int
) -> tuple[dict[str, float], Stability]:
    """All statistics of one labelling; shuffle 0 is the true one."""
    row: dict[str, float] = {}
    models: list[tuple[PropensityModel, PropensityModel]] = []
    for side, name in zip((source, target), ("source", "target"), strict=True):
        modality = side.model.modality
        labels = modality.labels
        if shuffle:
            labels = stream(side.seed, "labels", shuffle).permutation(labels)
        y = replace(side.model, modality=replace(modality, labels=labels)).y
        first, second, row[f"loss_{name}"] = side.trained(y, shuffle)
        models.append((replace(side.model, logits=first), replace(side.model, logits=second)))
    couplings = [match(models[0][half], models[1][half], matcher, seed=seed) for half in range(N_HALVES)]
    stability = compare(couplings[0], couplings[1], (source.space, target.space))
    row["stability"] = stability.agreement
    row["cost"] = float(np.mean([relative_cost(coupling, seed=seed) for coupling in couplings]))
    return row, stability


def _calibrated_loss(scores: np.ndarray, y: np.ndarray, share: np.ndarray) -> float:
    """Held-out cross-entropy (nats per cell) of log share + slope × score, at the best slope ≥ 0.

    At slope 0 it is the label entropy, so that uninformative scores have about that loss.
    """
    seen = ~np.isnan(scores[:, 0])
    if not seen.any():
        return float("nan")
    prior = np.log(np.maximum(share, np.finfo(float).tiny))

    def loss(log_slope: float) -> float:
        return float(cross_entropy(prior + np.exp(log_slope) * scores[seen], y[seen]).mean())

    found = minimize_scalar(loss, bounds=(np.log(1e-3), np.log(STEEPEST)), method="bounded")
    return float(min(found.fun, cross_entropy(np.tile(prior, (int(seen.sum()), 1)), y[seen]).mean()))


def _label_p(stabilities: list[Stability]) -> dict[str, float]:
    observed = stabilities[0].by_label
    out = {}
    for label, row in observed.items():
        shuffled = np.array(
            [each.by_label[label].agreement if label in each.by_label else np.nan for each in stabilities[1:]]
        )
        out[label] = p_value(row.agreement, shuffled, is_small_good=False)
    return out


def _sample(y: np.ndarray, largest: int, seed: int) -> np.ndarray:
    """About ``largest`` cells at most, each label in proportion, with at least two cells if it has them."""
    if y.size <= largest:
        return np.arange(y.size)
    rng = stream(seed, "sample")
    kept = []
    for label in np.unique(y):
        cells = np.flatnonzero(y == label)
        wanted = min(cells.size, max(2, round(cells.size * largest / y.size)))
        kept.append(rng.choice(cells, wanted, replace=False))
    return np.sort(np.concatenate(kept))
