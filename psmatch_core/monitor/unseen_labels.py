"""Unseen labels: what a classifier that has never seen a label takes its cells for, in both modalities.

A classifier knows a label by anything that marks its cells, also by what one modality alone sees. One that was trained
without the label can only place its cells among the others by what they have in common with them. If the labels do the
same in both modalities, both place an unseen label alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import LinearClassifier, stratified_folds
from psmatch_core.classification.classifiers.linear import FittedLinear
from psmatch_core.data.modality import Modality
from psmatch_core.matching.link import whitened_features
from psmatch_core.monitor.label_comparison import N_COMPONENTS, TOO_FEW_LABELS, LabelComparison, labels_in_both
from psmatch_core.monitor.modality_agreement import LABEL_EXCHANGES, LABELS_TO_COMPARE, Agreement, matrices_agree
from psmatch_core.monitor.thresholds import THRESHOLDS

MOST_TRAINED = 100  # cells of a label: 41 labels then take seconds, and frequent labels draw no more cells than others
N_FOLDS = 5  # that choose the strength of the penalty, once
CENTERINGS = 50  # rows and columns in turn; what is left of either then is far below the rounding of a figure


@dataclass(frozen=True, kw_only=True)
class UnseenLabels(LabelComparison):
    """Whether both modalities take a label that their classifiers have never seen for the same others.

    Parameters
    ----------
    agreement
        Correlation over pairs of labels, beside exchanged label names.
    """

    agreement: Agreement

    def _finding(self) -> str:
        if self.agreement.p_value <= THRESHOLDS.chance:
            return "Classifiers that have never seen a label take its cells for similar labels in both modalities."
        return (
            "Classifiers that have never seen a label take its cells for other labels in each modality, as with "
            "exchanged label names: each modality sees effects of its own."
        )

    def _figures(self) -> dict[str, Agreement]:
        return {"Correlation of the scores of unseen labels": self.agreement}


def unseen_labels(source: Modality, target: Modality, *, seed: int = 0, progress: Progress = silent) -> UnseenLabels:
    """Train a ridge regression without each label in turn, and compare what it takes the label's cells for.

    The mean score that the cells of an unseen label give to each other label, less what every label gives to it and
    what the unseen label gives to all, is correlated between the modalities. One training for each label and modality,
    on at most 100 cells a label: seconds to minutes.

    Parameters
    ----------
    source, target
        Features as the classifiers see them.

    Returns
    -------
    The correlation beside exchanged label names; that of fewer than six shared labels cannot be judged.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> psmatch.unseen_labels(source, target).finding()
    'Classifiers that have never seen a label take its cells for similar labels in both modalities.'

    Source: ours; leaving a class out and asking what it is taken for is zero-shot evaluation by attributes (Lampert et
    al. 2009), here without attributes.
    """
    names = labels_in_both(source, target)
    if names.size < LABELS_TO_COMPARE:
        return UnseenLabels(agreement=TOO_FEW_LABELS, n_labels=int(names.size))
    taken_for = [
        _taken_for(each, names, seed, _part(progress, at, each.name)) for at, each in enumerate((source, target))
    ]
    rng = stream(seed, "unseen labels")
    order = [rng.permutation(names.size) for _ in range(LABEL_EXCHANGES)]
    return UnseenLabels(agreement=matrices_agree(taken_for[0], taken_for[1], order), n_labels=int(names.size))


def _part(progress: Progress, at: int, modality: str) -> Callable[[float, str], None]:
    """Reports the fraction of the first or the second modality, and the label that was left out."""
    return lambda fraction, name: progress(
        Event("unseen labels", (at + fraction) / 2, f"{modality}: trained without {name}")
    )


def _taken_for(modality: Modality, names: np.ndarray, seed: int, report: Callable[[float, str], None]) -> np.ndarray:
    """Mean scores that the cells of each label (rows) give to every other label (columns), ``(n_labels, n_labels)``."""
    mine = np.isin(modality.labels, names)
    z = whitened_features(modality, N_COMPONENTS)[mine]
    y = np.searchsorted(names, modality.labels[mine])
    rng = stream(seed, "unseen labels", modality.name)
    trained = np.concatenate(
        [rng.permutation(np.flatnonzero(y == label))[:MOST_TRAINED] for label in range(names.size)]
    )
    found = np.zeros((names.size, names.size))
    with one_thread():
        strength = _trained(z[trained], y[trained], names.size, LinearClassifier(), seed).strength
        for label, name in enumerate(names):
            others = np.delete(np.arange(names.size), label)
            seen = trained[y[trained] != label]
            known = y[seen] - (y[seen] > label)
            fitted = _trained(z[seen], known, others.size, LinearClassifier(strength=strength), seed)
            found[label, others] = fitted.logits(z[y == label]).mean(axis=0)
            report((label + 1) / names.size, name)
    return _centred(found)


def _trained(X: np.ndarray, y: np.ndarray, n_labels: int, classifier: LinearClassifier, seed: int) -> FittedLinear:
    folds = stratified_folds(y, N_FOLDS, seed=seed)
    folds = folds.first_only if classifier.strength else folds
    fitted = classifier.fit(X.astype(np.float32), y, n_labels=n_labels, folds=folds, seed=seed, progress=silent)
    assert isinstance(fitted, FittedLinear)
    return fitted


def _centred(values: np.ndarray) -> np.ndarray:
    """Off-diagonal entries ``(n, n)`` with row and column means of 0; the diagonal is 0 and counts for neither."""
    off = ~np.eye(len(values), dtype=bool)
    out = np.where(off, values, 0.0)
    for _ in range(CENTERINGS):
        for axis in (0, 1):
            out = np.where(off, out - out.sum(axis=axis, keepdims=True) / (len(out) - 1), 0.0)
    return out
