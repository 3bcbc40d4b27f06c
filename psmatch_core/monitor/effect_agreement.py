"""Do the labels do the same in both modalities? Asked of the features themselves, without a classifier.

:func:`~psmatch_core.monitor.modality_agreement.modality_agreement` compares what the classifiers find similar. Here the
means of the labels are compared: whether both modalities have the same geometry of effects, and whether the effect of
a label in one modality is predicted from its effect in the other by a model that has seen all labels but this one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.randomness import stream
from psmatch_core.data.modality import Modality
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.link import whitened_features
from psmatch_core.monitor.label_comparison import N_COMPONENTS, TOO_FEW_LABELS, LabelComparison, labels_in_both
from psmatch_core.monitor.modality_agreement import LABEL_EXCHANGES, LABELS_TO_COMPARE, Agreement, matrices_agree
from psmatch_core.monitor.thresholds import THRESHOLDS

SHRINKAGE = 0.1  # of the covariance within labels towards a multiple of the identity
SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class EffectAgreement(LabelComparison):
    """Whether the labels have the same effects in both modalities, in two ways.

    Parameters
    ----------
    geometry
        Correlation, over pairs of labels, of how alike their effects are in each modality.
    predicted
        R² of the effects of left-out labels, predicted from the other modality, mean of both directions: 1 perfect, 0
        no better than the mean of the other labels, below 0 worse.
    """

    geometry: Agreement
    predicted: Agreement

    def _finding(self) -> str:
        agree = [each.p_value <= THRESHOLDS.chance for each in (self.geometry, self.predicted)]
        if all(agree):
            return "The labels have similar effects in both modalities."
        if any(agree):
            which = "alike in both modalities" if agree[0] else "predicted from the other modality"
            other = "their effects are not predicted better" if agree[0] else "which labels are alike agrees no better"
            return f"The effects of the labels are {which}, but {other} than with exchanged label names."
        return "The effects of the labels agree no better than with exchanged label names: each modality sees its own."

    def _figures(self) -> dict[str, Agreement]:
        return {
            "Correlation of the similarities of labels": self.geometry,
            "R² of the effects of labels that were left out": self.predicted,
        }


def effect_agreement(source: Modality, target: Modality, *, seed: int = 0) -> EffectAgreement:
    """Compare the effects of the labels on the features of both modalities.

    The effect of a label is the difference of its mean from the mean of all labels, in units of the variation within
    labels (whitened by its covariance). Every cell counts, since nothing was trained.

    Returns
    -------
    Both figures beside exchanged label names; those of fewer than six shared labels cannot be judged.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> psmatch.effect_agreement(source, target).finding()
    'The labels have similar effects in both modalities.'

    Source: ours; effects in units of the variation within groups are those of Mahalanobis 1936, and left-out
    predictions of ridge regression follow from the hat matrix (Allen 1974).
    """
    names = labels_in_both(source, target)
    if names.size < LABELS_TO_COMPARE:
        return EffectAgreement(geometry=TOO_FEW_LABELS, predicted=TOO_FEW_LABELS, n_labels=int(names.size))
    first, second = (_similarities(each, names) for each in (source, target))
    rng = stream(seed, "effect agreement")
    order = [rng.permutation(names.size) for _ in range(LABEL_EXCHANGES)]
    geometry, predicted = matrices_agree(first, second, order), _predicted(first, second, order)
    return EffectAgreement(geometry=geometry, predicted=predicted, n_labels=int(names.size))


def _similarities(modality: Modality, names: np.ndarray) -> np.ndarray:
    """Scalar products of the whitened effects of the labels, ``(n_labels, n_labels)``.

    The mean of a label with few cells lies far from the others in any modality. What the spread of its cells alone
    would give is taken off, else labels would look alike in both modalities by their sizes.
    """
    mine = np.isin(modality.labels, names)
    z = whitened_features(modality, N_COMPONENTS)[mine]
    y = np.searchsorted(names, modality.labels[mine])
    means = np.stack([z[y == label].mean(axis=0) for label in range(names.size)])
    within = z - means[y]
    covariance = within.T @ within / max(len(z) - names.size, 1)
    size = max(float(np.trace(covariance)) / len(covariance), SMALLEST)
    covariance = (1 - SHRINKAGE) * covariance + SHRINKAGE * size * np.eye(len(covariance))
    effects = means - z.mean(axis=0)
    by_chance = float(np.trace(np.linalg.solve(covariance, within.T @ within))) / max(len(z) - names.size, 1)
    products = effects @ np.linalg.solve(covariance, effects.T) - np.diag(by_chance / np.bincount(y))
    centred = products - products.mean(axis=0) - products.mean(axis=1)[:, None] + products.mean()
    values, vectors = np.linalg.eigh((centred + centred.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _predicted(first: np.ndarray, second: np.ndarray, order: list[np.ndarray]) -> Agreement:
    """R² of left-out labels, mean of both directions; the names of the second are permuted."""
    sides = dict(zip(SIDES, (first, second), strict=True))
    left_out = {side: _left_out(kernel) for side, kernel in sides.items()}
    means = len(first) / (len(first) - 1)  # so much more than the mean of all labels that of the others misses

    def r2(names: np.ndarray) -> float:
        renamed = second[np.ix_(names, names)]
        back = np.argsort(names)
        found = []
        for errors, truth in ((left_out["source"], renamed), (left_out["target"], first[np.ix_(back, back)])):
            missed = float(np.einsum("ij,jk,ik->", errors, truth, errors))
            found.append(1 - missed / max(means**2 * float(np.trace(truth)), SMALLEST))
        return float(np.mean(found))

    shuffled = np.array([r2(names) for names in order])
    value = r2(np.arange(len(first)))
    p_value = float((1 + np.sum(shuffled >= value)) / (1 + shuffled.size))
    return Agreement(value, p_value, float(np.quantile(shuffled, 0.95)))


def _left_out(kernel: np.ndarray) -> np.ndarray:
    """The matrix that gives, of effects ``(n_labels, d)``, what the fit to all other labels misses of each."""
    n = len(kernel)
    ridge = max(float(np.trace(kernel)) / n, SMALLEST) * np.eye(n)
    hat = kernel @ np.linalg.inv(kernel + ridge) + 1 / n  # of the mean of all labels, beside their effects
    return np.asarray((np.eye(n) - hat) / (1 - np.diag(hat))[:, None])
