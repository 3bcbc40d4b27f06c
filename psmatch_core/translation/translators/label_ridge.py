"""Label means and ridge regression within labels: what a label says is not learned from the features again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.progress import Progress
from psmatch_core.translation.translators.base import Predictor, TrainedTranslator
from psmatch_core.translation.translators.pairs import LabelPairs, MatchedPairs
from psmatch_core.translation.translators.ridge import fit_ridge, penalty_option

ROUNDING = 1e-12  # variance within labels that is none, in squared standard deviations


@dataclass(frozen=True, eq=False)
class FittedLabelRidge(Predictor):
    """Means of the labels, and weights for what differs from them.

    Parameters
    ----------
    names
        The labels, ``(n_labels,)``.
    input_means, output_means
        Mean of each label, ``(n_labels, n_inputs)`` and ``(n_labels, n_outputs)``.
    weights, intercepts
        From differences of the inputs to differences of the outputs, ``(n_inputs, n_outputs)`` and ``(n_outputs,)``.
    """

    names: np.ndarray
    input_means: np.ndarray
    output_means: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray

    @property
    def known_labels(self) -> tuple[str, ...]:
        return tuple(self.names.tolist())

    def predict(self, X: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        assert labels is not None  # FittedTranslator.predict refuses cells without a known label
        place = {name: index for index, name in enumerate(self.known_labels)}
        label = np.array([place[each] for each in labels.tolist()], dtype=int)
        within = (X - self.input_means[label]) @ self.weights + self.intercepts
        return np.asarray(self.output_means[label] + within)

    def state(self) -> dict[str, np.ndarray]:
        return {
            "names": self.names,
            "input_means": self.input_means,
            "output_means": self.output_means,
            "weights": self.weights,
            "intercepts": self.intercepts,
        }


@dataclass(frozen=True)
class LabelRidgeTranslator(
    TrainedTranslator, title="Label means and ridge regression within labels (trained, needs labels)", place=4
):
    """The mean of the cell's label, and a ridge regression on what differs from it.

    A regression that is not told the label has to read it from the features first, and can fall below the mean of the
    label. Here inputs and targets are differences from the means of their label. Each output feature is then shrunk by
    the factor that fits held-out cells best, between 1 and 0: at 0 its prediction is the mean of the label.

    Cells to predict need a label that was trained on. Ours (docs/method.md).
    """

    reads_labels: ClassVar[bool] = True

    penalty: float = penalty_option()

    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        trained = np.zeros(pairs.X.shape[0], dtype=bool)
        trained[pairs.training] = True
        labels = [each for each in pairs.labels if trained[each.inputs].any()]
        X, targets = pairs.X.astype(np.float64), pairs.targets.copy()
        input_means, output_means = [], []
        for each in labels:
            mine = each.inputs[trained[each.inputs]]
            input_means.append(X[mine].mean(axis=0))
            output_means.append(_mean_of_outputs(each, pairs.Y))
            X[each.inputs] -= input_means[-1]
            targets[each.inputs] -= targets[mine].mean(axis=0)
        known = np.isin(pairs.validation, np.concatenate([each.inputs for each in labels]))
        validation = pairs.validation[known]
        model = fit_ridge(
            X, targets, training=pairs.training, validation=validation, penalty=self.penalty, progress=progress
        )
        kept = _share_kept(model.predict(X[validation]), targets[validation])
        notes = list(model.notes)
        if validation.size and not kept.any():
            notes.append("label ridge: nothing within labels was predicted on held-out cells; label means are given.")
        return FittedLabelRidge(
            np.array([each.label for each in labels], dtype=str),
            np.array(input_means),
            np.array(output_means),
            model.weights * kept,
            model.intercepts * kept,
            notes=tuple(notes),
        )

    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        numbers = ("names", "input_means", "output_means", "weights", "intercepts")
        return FittedLabelRidge(*(state[name] for name in numbers))


def _mean_of_outputs(label: LabelPairs, Y: np.ndarray) -> np.ndarray:
    """Mean of a label's output cells by the mass that the plan gives them, ``(n_outputs,)``."""
    mass = label.block.marginals[1]
    return np.asarray(mass @ Y[label.outputs] / mass.sum())


def _share_kept(predicted: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """For each feature, the factor in [0, 1] by which predictions fit held-out targets best; 1 if none are held out."""
    if not predicted.shape[0]:
        return np.ones(predicted.shape[1])
    square = (predicted**2).sum(axis=0)
    varies = (targets**2).mean(axis=0) > ROUNDING  # through a uniform plan all targets are the mean of their label
    best = np.divide((predicted * targets).sum(axis=0), square, out=np.zeros_like(square), where=varies & (square > 0))
    return np.clip(best, 0.0, 1.0)
