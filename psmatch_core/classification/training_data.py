"""training_data: what a classifier of one modality learns from. Everything that trains one asks here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from psmatch_core.data.modality import Matrix, Modality


def training_data(modality: Modality, label_names: Sequence[str]) -> tuple[Matrix, np.ndarray]:
    """The cells of a modality in the form that classifiers read, and the label of each as a number.

    Parameters
    ----------
    label_names
        The labels, in the order of the columns of the logits.

    Returns
    -------
    Features ``(n_cells, n_features)`` or images ``(n_cells, c, h, w)``, and columns ``(n_cells,)``. A classifier
    chooses its network by the shape: flattened images would train another network than the one that is matched by.
    """
    return modality.in_shape(modality.X), label_columns(modality, label_names)


def label_columns(modality: Modality, label_names: Sequence[str]) -> np.ndarray:
    """The label of each cell as a column of the logits, ``(n_cells,)``."""
    column = {name: index for index, name in enumerate(label_names)}
    return np.array([column[label] for label in modality.labels.tolist()], dtype=np.int64)
