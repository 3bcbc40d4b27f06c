"""Single features that carry a classifier whose held-out loss is near 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psmatch_core.data.modality import Modality

NEAR_ZERO = 0.05  # held-out loss over label entropy: below it a classifier names nearly every cell
ALONE = 0.95  # balanced accuracy of a feature, and one threshold, that says whether a cell has a label
FAR_BEHIND = 0.85  # that of the next features: markers of a cell type follow each other closely
MOST_ALONE = 3  # features for each label
FEWEST_LABELS = 3  # two labels may each have one marker
FEWEST_CELLS_JUDGED = 5  # of a label
VALUES_AT_ONCE = 20_000_000  # that are held dense: 160 MB


def carrying_features(modality: Modality) -> dict[str, str]:
    """For each label the feature that alone tells it from all others, if nearly all labels have one.

    A label that is named by a marker has further markers that name it nearly as well. Here at most three features of a
    label do, the next are far behind, and all labels but one (controls may have none) are named in this way. Asked only
    where a held-out loss is near 0: elsewhere no feature carries the classifier.
    """
    names, y = np.unique(modality.labels, return_inverse=True)
    judged = np.flatnonzero(np.bincount(y) >= FEWEST_CELLS_JUDGED)
    if modality.image_shape is not None or len(judged) < FEWEST_LABELS or modality.n_features <= MOST_ALONE:
        return {}
    at_once = max(1, VALUES_AT_ONCE // modality.n_cells)
    shares = np.hstack([
        _told_by_each(modality.X[:, start : start + at_once], y, judged)
        for start in range(0, modality.n_features, at_once)
    ])  # fmt: skip
    order = np.argsort(-shares, axis=1)
    best = np.take_along_axis(shares, order[:, : MOST_ALONE + 1], axis=1)
    is_carried = (best[:, 0] >= ALONE) & (best[:, MOST_ALONE] < FAR_BEHIND)
    if is_carried.sum() < len(judged) - 1:
        return {}
    return {
        str(names[label]): str(modality.var_names[order[at, 0]])
        for at, label in enumerate(judged)
        if is_carried[at]
    }  # fmt: skip


def _told_by_each(
    X: NDArray[np.floating] | sparse.csr_matrix, y: NDArray[np.intp], labels: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Balanced accuracy of each feature for each label ``(n_labels, n_features)``, by a threshold between medians."""
    dense = X.toarray() if isinstance(X, sparse.csr_matrix) else X
    out = np.empty((len(labels), dense.shape[1]))
    for at, label in enumerate(labels):
        own, others = dense[y == label], dense[y != label]
        border = (np.median(own, axis=0) + np.median(others, axis=0)) / 2
        share = ((own > border).mean(axis=0) + (others <= border).mean(axis=0)) / 2
        out[at] = np.maximum(share, 1 - share)
    return out
