"""Which features mark groups of cells: how much of a feature's variance lies between the groups."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from psmatch_core.base.arrays import row_chunks

AT_ONCE = 4_000_000  # values that are squared at a time (32 MB)


def shares_between(X: Any, groups: np.ndarray) -> np.ndarray:
    """The share of each feature's variance that lies between groups of cells, ``(n_features,)``, in [0, 1].

    Parameters
    ----------
    X
        Values ``(n_cells, n_features)``, dense or CSR.
    groups
        The group of each cell ``(n_cells,)``, such as its label, or whether it is selected.

    Returns
    -------
    0 for a feature that does not vary, or without any difference between the groups.
    Source: R. A. Fisher, Statistical Methods for Research Workers, 1925 (the correlation ratio η²).
    """
    _, member = np.unique(groups, return_inverse=True)
    counts = np.bincount(member).astype(np.float64)
    n, n_features = X.shape
    sums, squares = np.zeros((counts.size, n_features)), np.zeros(n_features)
    for start, stop in row_chunks(n, n_features, AT_ONCE):
        part = X[start:stop]
        own = sparse.csr_matrix(
            (np.ones(stop - start), (member[start:stop], np.arange(stop - start))), (counts.size, stop - start)
        )
        if sparse.issparse(part):
            part = part.astype(np.float64)
            sums += (own @ part).toarray()
            squares += np.asarray(part.multiply(part).sum(axis=0)).ravel()
        else:
            part = np.asarray(part, dtype=np.float64)
            sums += own @ part
            squares += (part**2).sum(axis=0)
    common = sums.sum(axis=0) ** 2 / n
    total, between = squares - common, (sums**2 / counts[:, None]).sum(axis=0) - common
    varies = total > 1e-9 * np.maximum(squares, 1e-300)
    return np.clip(np.divide(between, total, out=np.zeros(n_features), where=varies), 0.0, 1.0)
