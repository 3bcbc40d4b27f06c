"""Link refinement: features that predict each other across the matches add to the scores by which cells are matched.

The scores say where a cell lies between labels. Inside a label more is known: if cells are matched better than by
chance, a translator trained on the matches of all labels predicts directions of one modality from the other. Cells
are then matched by their scores and by these directions together, and the matches train the next translator.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.matching.matchers.problem import aligned

NEVER, IF_FOUND, ALWAYS = "never", "if hidden labels are found", "always"
LARGEST_VALUE = 10.0  # standard deviations beyond which a feature is cut before components are made
MOST_FEATURES = 150  # up to so many features are used themselves, more are replaced by components
SMALLEST = 1e-12


@dataclass(frozen=True)
class Linking(Config):
    """How the features take part in matching, beside the scores.

    Source: ours (docs/method.md; measured in docs/defaults.md).
    """

    use: str = option(
        NEVER,
        choices=(NEVER, IF_FOUND, ALWAYS),
        label="link features",
        help="Whether cells are matched by features that predict each other across the matches, beside their scores. "
        "Hidden labels that are found again show that the two modalities' scores point the same way; without that, "
        "the features would follow a wrong direction.",
    )
    weight: float = option(
        0.5, minimum=0.05, maximum=0.95, help="Share of the features in the squared distance between two cells."
    )
    n_rounds: int = option(
        6, minimum=1, maximum=50, unit="rounds", help="How often the translators are trained on new matches."
    )
    ridge: float = option(
        3.0, minimum=0.001, help="Strength of the translators' penalty, in cells' worth of variance.", advanced=True
    )
    n_directions: int = option(
        10, minimum=1, maximum=100, unit="directions", help="Predicted directions that are compared.", advanced=True
    )
    n_components: int = option(
        50,
        minimum=2,
        maximum=500,
        unit="components",
        help="Principal components that stand for more than 150 features.",
        advanced=True,
    )


@dataclass(frozen=True, eq=False)
class LinkedPositions:
    """Linked positions of one modality's cells, ``(n_cells, d)``, nats."""

    positions: np.ndarray

    def of(self, model: ScoredModality) -> ScoredModality:
        """The model with its cells at these positions."""
        return replace(model, linked=self.positions) if isinstance(model, PropensityModel) else model


def link_scores(
    source: PropensityModel,
    target: PropensityModel,
    matcher: Matcher,
    linking: Linking,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[PropensityModel, PropensityModel]:
    """Both models with linked positions, in which scores and predicted features together place each cell.

    In every round the cells are matched, and two ridge translators are trained on the matches of all labels, on label
    means and what is left of whitened features within labels; each half of the cells is predicted by the translator
    of the other half. Cells of a label are then placed by their aligned scores and by both predictions beside what was
    measured, each part at the scale of the scores. The squared distance of two cells is a weighted mean of both parts,
    so that every matcher and every epsilon works as before.

    Parameters
    ----------
    matcher
        The matcher of the run, in every round; one that matches by scores.

    Returns
    -------
    The models with ``linked (n_cells, n_labels + 2 × n_directions)``, in nats.

    Source: ours, docs/method.md; the alternation of matching and regression as in iterative closest points
    (Besl and McKay 1992), with a predicted space in place of a rigid motion.
    """
    sides = (_Side.of(source, linking), _Side.of(target, linking))
    models = (replace(source, linked=None), replace(target, linked=None))
    for turn in range(linking.n_rounds):
        progress(Event("link", turn / linking.n_rounds, f"round {turn + 1} of {linking.n_rounds}"))
        coupling = match(*models, matcher, seed=derived_seed(seed, "link", turn))
        rng = stream(seed, "link", turn)
        here, there = _predictions(coupling, sides, linking, rng)
        linked = _placed((source, target), (here, there), linking.weight, is_aligned=matcher.aligns)
        models = (replace(source, linked=linked[0]), replace(target, linked=linked[1]))
    progress(Event("link", 1.0))
    return models


@dataclass(frozen=True, eq=False)
class _Side:
    """Whitened features of one modality, taken apart: ``within (n_cells, d)`` labels and ``means (n_labels, d)``."""

    within: np.ndarray
    means: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, model: PropensityModel, linking: Linking) -> _Side:
        z, y = whitened_features(model.modality, linking.n_components), model.y
        counts = np.bincount(y, minlength=len(model.label_names))
        sums = np.zeros((counts.size, z.shape[1]))
        np.add.at(sums, y, z)
        means = sums / np.maximum(counts, 1)[:, None]
        return cls(z - means[y], means, y)

    @property
    def whole(self) -> np.ndarray:
        return self.within + self.means[self.y]

    def of_labels(self, y: np.ndarray) -> np.ndarray:
        """The means of these labels, ``(n_cells, d)``."""
        return self.means[y]


def whitened_features(modality: Modality, n_components: int) -> np.ndarray:
    """Features, or the principal components of more than 150, each with mean 0 and standard deviation 1.

    Parameters
    ----------
    n_components
        Of more features than that; at most the number of cells less one.

    Returns
    -------
    ``(n_cells, d)``; features that do not vary are left out.
    """
    z = to_dense(modality.X)
    spread = z.std(axis=0)
    z = np.clip((z - z.mean(axis=0))[:, spread > SMALLEST] / spread[spread > SMALLEST], -LARGEST_VALUE, LARGEST_VALUE)
    n = min(n_components, z.shape[0] - 1)
    if z.shape[1] > max(MOST_FEATURES, n):
        from sklearn.decomposition import PCA

        pca: Any = PCA(n_components=n, random_state=0)
        z = pca.fit_transform(z)
    spread = z.std(axis=0)
    return np.asarray((z - z.mean(axis=0)) / np.where(spread > SMALLEST, spread, 1.0))


def _predictions(
    coupling: Coupling, sides: tuple[_Side, _Side], linking: Linking, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and measured directions of both sides, ``(n, r)`` and ``(m, r)``: first the target's, then its own."""
    source, target = sides
    brought = np.nan_to_num(coupling.pull(target.within)) + target.of_labels(source.y)
    sent = np.nan_to_num(coupling.push(source.within)) + source.of_labels(target.y)
    of_source = _cross_fitted(source, brought, linking.ridge, rng)  # the target's features, of source cells
    of_target = _cross_fitted(target, sent, linking.ridge, rng)
    forward, backward = (_leading(each, linking.n_directions) for each in (of_source, of_target))
    here = np.hstack([_one_scale(of_source @ forward), _one_scale(source.within @ backward)])
    there = np.hstack([_one_scale(target.within @ forward), _one_scale(of_target @ backward)])
    return here, there


def _cross_fitted(side: _Side, outputs: np.ndarray, ridge: float, rng: np.random.Generator) -> np.ndarray:
    """Outputs within labels predicted by ridge regression, each half of the cells by the fit of the other half."""
    half = rng.integers(0, 2, side.y.size)
    predicted = np.zeros_like(outputs)
    for own in (0, 1):
        X, Y = side.whole[half != own], outputs[half != own]
        penalty = max(ridge * X.shape[0], SMALLEST) * np.eye(X.shape[1])
        predicted[half == own] = side.within[half == own] @ np.linalg.solve(X.T @ X + penalty, X.T @ Y)
    return predicted


def _leading(predicted: np.ndarray, n_directions: int) -> np.ndarray:
    """The directions in which predictions ``(n, d)`` vary most, ``(d, r)``."""
    values, vectors = np.linalg.eigh(np.cov(predicted, rowvar=False).reshape(predicted.shape[1], -1))
    return np.asarray(vectors[:, np.argsort(-values)[:n_directions]])


def _one_scale(x: np.ndarray) -> np.ndarray:
    """Rows with a mean squared length of 1."""
    return np.asarray(x / max(float(np.sqrt(np.mean(np.sum(x**2, axis=1)))), SMALLEST))


def _placed(
    models: tuple[PropensityModel, PropensityModel],
    directions: tuple[np.ndarray, np.ndarray],
    weight: float,
    *,
    is_aligned: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all cells: within each label, scores and directions at one scale and with their weights."""
    n = [model.y.size for model in models]
    d = models[0].logits.shape[1] + directions[0].shape[1]
    places = np.zeros((n[0], d)), np.zeros((n[1], d))
    for label in range(len(models[0].label_names)):
        cells = [model.y == label for model in models]
        if not (cells[0].any() and cells[1].any()):
            continue
        scores = (models[0].logits[cells[0]], models[1].logits[cells[1]])
        scores = aligned(*scores) if is_aligned else scores
        u, v = (side[mine] - side[mine].mean(axis=0) for side, mine in zip(directions, cells, strict=True))
        stretch = np.sqrt(_mean_square(*scores) / max(_mean_square(u, v), SMALLEST))
        for place, mine, score, other in zip(places, cells, scores, (u, v), strict=True):
            place[mine] = np.hstack([np.sqrt(1 - weight) * score, np.sqrt(weight) * stretch * other])
    return places


def _mean_square(x: np.ndarray, y: np.ndarray) -> float:
    """Mean squared distance between points ``(n, d)`` and ``(m, d)``."""
    both = np.mean(np.sum(x**2, axis=1)) + np.mean(np.sum(y**2, axis=1))
    return float(max(both - 2 * x.mean(axis=0) @ y.mean(axis=0), 0.0))
