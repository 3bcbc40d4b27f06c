"""Agreement of the modalities: do the labels change the same things in both?

Held-out losses say whether each modality distinguishes the labels. They cannot say that both do so by what they share:
where a label changes something that only one modality sees, its loss improves and the matching gets worse. What both
share shows in which labels each modality takes for similar, and that needs no pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.randomness import stream
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.monitor.thresholds import THRESHOLDS

LABELS_TO_COMPARE = 6  # with five there are 120 namings, and the figures are known too roughly to judge by
LABEL_EXCHANGES = 999
CELLS_OF_A_MEAN = 2  # held-out cells of a label and modality, from which a label has a mean


@dataclass(frozen=True)
class Agreement:
    """A correlation between the modalities, compared with permuted label names.

    Parameters
    ----------
    value
        Correlation over pairs of labels, −1 to 1.
    p_value
        Share of the permutations (and the value itself) that reach it.
    chance
        95th percentile of the permutations.
    """

    value: float
    p_value: float
    chance: float


@dataclass(frozen=True)
class ModalityAgreement:
    """Whether both modalities find the same labels similar, in two ways.

    Parameters
    ----------
    means
        Of the mean logits that each label's held-out cells give to every other label.
    covariances
        Of how the logits of two labels vary together within labels.
    n_labels
        Labels with held-out cells in both modalities.
    """

    means: Agreement
    covariances: Agreement
    n_labels: int

    @property
    def can_be_judged(self) -> bool:
        """Whether there are enough labels for the permutations to say anything."""
        return self.n_labels >= LABELS_TO_COMPARE

    @property
    def disagree(self) -> bool:
        """Whether the mean logits agree no better than with exchanged label names; never where it cannot be judged."""
        return self.can_be_judged and bool(self.means.p_value > THRESHOLDS.chance)

    def described(self) -> str:
        """The correlation and its p-value in words."""
        if not self.can_be_judged:
            return f"cannot be judged with {self.n_labels} labels; it takes {LABELS_TO_COMPARE}"
        return f"correlation {self.means.value:z.2f}, p = {self.means.p_value:.2g}"


def modality_agreement(source: ScoredModality, target: ScoredModality, *, seed: int = 0) -> ModalityAgreement:
    """Compare what the two classifiers, each on cells it has not seen, find similar.

    Source: ours.
    """
    sides = [_Held(model) for model in (source, target)]
    kept = np.flatnonzero(np.minimum(sides[0].counts, sides[1].counts) >= CELLS_OF_A_MEAN)
    rng = stream(seed, "modality agreement")
    order = [rng.permutation(kept.size) for _ in range(LABEL_EXCHANGES)]
    means = [side.means[np.ix_(kept, kept)] for side in sides]
    covariances = [side.covariance[np.ix_(kept, kept)] for side in sides]
    return ModalityAgreement(
        matrices_agree(means[0], means[1], order), matrices_agree(covariances[0], covariances[1], order), int(kept.size)
    )


class _Held:
    """Held-out logits of one modality, label by label."""

    def __init__(self, model: ScoredModality) -> None:
        seen = model.is_validated
        logits, y, n_labels = model.held_out_logits[seen], model.y[seen], len(model.label_names)
        self.counts = np.bincount(y, minlength=n_labels)
        sums = np.zeros((n_labels, logits.shape[1]))
        np.add.at(sums, y, logits)
        self.means = sums / np.maximum(self.counts, 1)[:, None]  # (n_labels, n_labels): rows are the cells' labels
        within = logits - self.means[y]
        self.covariance = within.T @ within / max(y.size, 1)  # (n_labels, n_labels)


def matrices_agree(first: np.ndarray, second: np.ndarray, order: list[np.ndarray]) -> Agreement:
    """Correlation of the off-diagonal entries of two matrices ``(n_labels, n_labels)``, beside permuted label names.

    Parameters
    ----------
    order
        Permutations ``(n_labels,)`` of the labels; rows and columns of the second are permuted together.
    """
    off = ~np.eye(len(first), dtype=bool)
    if off.sum() < 2:
        return Agreement(float("nan"), float("nan"), float("nan"))
    x, places = first[off], np.flatnonzero(off)
    rows, columns = np.divmod(places, len(first))
    found = []
    for start, stop in row_chunks(len(order), x.size):
        names = np.stack(order[start:stop])  # (permutations, n_labels)
        found.append(_correlations(x, second[names[:, rows], names[:, columns]]))
    shuffled = np.concatenate(found)
    value = float(_correlations(x, second[off][None])[0])
    return Agreement(
        value, float((1 + np.sum(shuffled >= value)) / (1 + shuffled.size)), float(np.quantile(shuffled, 0.95))
    )


def _correlations(x: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Pearson correlation of x ``(n,)`` with each row of ys ``(r, n)``, ``(r,)``; NaN where one of them is constant.

    Each row is summed by itself, so that equal rows have equal correlations wherever they stand.
    """
    ys = np.ascontiguousarray(ys)
    x, ys = x - x.mean(), ys - ys.mean(axis=1, keepdims=True)
    scale = np.sqrt((x**2).sum() * (ys**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 0, (ys * x).sum(axis=1) / scale, np.nan))
