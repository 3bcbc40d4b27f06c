"""Which pairs of labels a modality distinguishes by itself, on cells that its classifiers were not trained on."""

from __future__ import annotations

import numpy as np

from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.monitor.thresholds import THRESHOLDS

MOST_CELLS = 1000  # of a label, about: the area is then known to a hundredth


def pair_auc(model: ScoredModality, first: str, second: str) -> tuple[float, float]:
    """How well the difference of their held-out logits separates the cells of two labels, however frequent they are.

    Returns
    -------
    The area under the ROC curve (0.5 by chance, 1 if they are separated), and its standard error where nothing
    distinguishes the labels (Mann and Whitney 1947). NaN where a label has no held-out cell.
    """
    columns = [model.label_names.index(name) for name in (first, second)]
    cells = [np.flatnonzero(model.is_validated & (model.y == column)) for column in columns]
    cells = [each[:: max(1, each.size // MOST_CELLS)] for each in cells]
    n, m = (each.size for each in cells)
    if not n or not m:
        return float("nan"), float("nan")
    one, other = (model.held_out_logits[each][:, columns] @ (1.0, -1.0) for each in cells)
    other = np.sort(other)
    below = (np.searchsorted(other, one, side="left") + np.searchsorted(other, one, side="right")) / 2
    area = below.sum() / (n * m)
    return float(area), float(np.sqrt((n + m + 1) / (12 * n * m)))


def is_pair_distinguished(model: ScoredModality, first: str, second: str) -> bool:
    """Whether a modality separates the cells of two labels better than by chance; not known counts as not."""
    area, error = pair_auc(model, first, second)
    return bool(area - 0.5 > THRESHOLDS.standard_errors * error)
