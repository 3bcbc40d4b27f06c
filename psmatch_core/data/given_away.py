"""Labels that are given away: by a feature that spells them out, or by a batch that holds nothing else.

A classifier then predicts the label without having learned what the label does to a cell, its loss looks perfect, and
its scores say nothing about which cells of the label are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from psmatch_core.base.mapped_rows import release
from psmatch_core.data.checks import LabelSignal, group_columns, is_technical, telling_features
from psmatch_core.data.checks.confounding import Relation, naming_columns
from psmatch_core.data.modality import Modality

FEWEST_CELLS = 5  # of a label: with fewer, one batch or one feature holds them by chance


@dataclass(frozen=True)
class GivenAway:
    """What gives the labels of one modality away.

    Parameters
    ----------
    by_feature
        For a label, the feature whose value says whether a cell has it, or the first of several that do.
    by_batch
        For a label, the column and the value of it that all its cells share and no other cell has.
    """

    by_feature: Mapping[str, str]
    by_batch: Mapping[str, tuple[str, str]]


def given_away(modality: Modality) -> GivenAway:
    """The labels of a modality, as it was read, that a feature or a batch gives away."""
    return GivenAway(_by_feature(modality), _by_batch(modality))


def _by_feature(modality: Modality) -> dict[str, str]:
    """Labels that features name, all together or one by one.

    One by one, in two forms: a constant that only the label has (a copied label column), and zero in every other cell
    but in none of the label's (the count of its own guide or tag). A marker gene has neither: some cell always lacks
    or leaks it.
    """
    if modality.image_shape is not None:
        return {}
    X = modality.X
    signal = LabelSignal(modality.labels.tolist(), X.shape[1])
    signal.add(X)
    telling = telling_features(
        modality.labels.tolist(), signal.moments, modality.var_names.tolist(), read=lambda places: X[:, places]
    )
    found = {label: features[0] for label, features in telling.by_label.items()} if telling else {}
    names = modality.label_names
    y = np.searchsorted(np.array(names), modality.labels)
    counts = np.bincount(y, minlength=len(names))
    low, high, nonzero = (np.zeros((len(names), X.shape[1])) for _ in range(3))
    for label in range(len(names)):
        part = X[y == label]
        low[label], high[label] = _extremes(part)
        nonzero[label] = np.asarray((part != 0).sum(axis=0)).ravel()
        release(X)
    total = nonzero.sum(axis=0)
    for label, name in enumerate(names):
        if counts[label] < FEWEST_CELLS or counts[label] == y.size:
            continue
        others = np.arange(len(names)) != label
        constant = (low[label] == high[label]) & ((low[others] > high[label]) | (high[others] < low[label])).all(axis=0)
        of_its_own = (nonzero[label] == counts[label]) & (total == nonzero[label])
        columns = np.flatnonzero(constant | of_its_own)
        if columns.size and name not in found:
            found[name] = str(modality.var_names[columns[0]])
    return found


def _extremes(part: np.ndarray | sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest value of each feature, ``(n_features,)`` each."""
    if sparse.issparse(part):
        return part.min(axis=0).toarray().ravel(), part.max(axis=0).toarray().ravel()
    return np.asarray(part.min(axis=0)), np.asarray(part.max(axis=0))


def _by_batch(modality: Modality) -> dict[str, tuple[str, str]]:
    """Labels whose cells are all in batches that hold no other label, if other labels share their batches or not.

    Batches are the columns that are called so, and those that name nearly all labels and are not the label in other
    words.
    """
    found: dict[str, tuple[str, str]] = {}
    if modality.obs is None:
        return found
    columns = group_columns(modality.obs)
    naming = naming_columns(modality.labels.tolist(), columns)
    judged = {each.name for each in naming if each.relation is Relation.UNKNOWN}
    judged |= {column for column in columns if is_technical(column)}
    judged -= {each.name for each in naming if each.relation is Relation.LABEL}
    labels = pd.Series(modality.labels)
    for column in sorted(judged):
        table = pd.crosstab(labels, pd.Series(columns[column]).fillna("").to_numpy())  # labels × batches, cells
        alone = table.columns[(table > 0).sum(axis=0) == 1]
        for label, row in table.iterrows():
            held = row[row > 0]
            if row.sum() >= FEWEST_CELLS and held.index.isin(alone).all() and str(label) not in found:
                found[str(label)] = (column, ", ".join(map(str, held.index[:3])))
    return found
