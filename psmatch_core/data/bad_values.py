"""Missing and infinite values of a matrix: which features and cells have them, and what is done about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.data.checks.findings import Finding, warning
from psmatch_core.data.checks.matrix import bad_features_text

BAD_REASON = "it has missing or infinite values"  # of a cell that is left out
REFUSE, DROP_FEATURES, FILL, DROP_CELLS = "refuse", "drop features", "fill", "drop cells"


@dataclass(frozen=True, eq=False)
class Mended:
    """A matrix without missing and infinite values.

    Parameters
    ----------
    X
        Values ``(n_kept_cells, n_kept_features)``, dense or CSR.
    features, cells
        Which features ``(n_features,)`` and cells ``(n_cells,)`` are kept.
    filled
        Which features ``(n_features,)`` had values filled in.
    n_bad
        Missing and infinite values of each feature ``(n_features,)``.
    """

    X: Any
    features: np.ndarray
    cells: np.ndarray
    filled: np.ndarray
    n_bad: np.ndarray

    def finding(self, where: str, var_names: list[str]) -> Finding:
        """What was done, with the features by name and how many of their values are bad."""

        def named(which: np.ndarray) -> str:
            at = np.flatnonzero(which)
            return bad_features_text([(var_names[each], int(self.n_bad[each])) for each in at.tolist()])

        n_features, n_cells = self.features.size, self.cells.size
        done = []
        if not self.features.all():
            done.append(f"{plural(int((~self.features).sum()), 'feature')} left out: {named(~self.features)}")
        if self.filled.any():
            done.append(f"{plural(int(self.filled.sum()), 'feature')} filled with their median: {named(self.filled)}")
        if not self.cells.all():
            done.append(f"{plural(int((~self.cells).sum()), 'cell')} of {n_cells:,} left out")
        problem = (
            f"{where}: {plural(int((self.n_bad > 0).sum()), 'feature')} of {n_features:,} with missing or infinite "
            f"values; {'; '.join(done)}."
        )
        return warning("PM-M37", problem, "Check that these values are missing by chance, not for one label.")


def mend(X: Any, how: str, most_missing: float) -> Mended | None:
    """Do away with missing and infinite values; None if there are none.

    Parameters
    ----------
    X
        Values ``(n_cells, n_features)``, dense or scipy sparse.
    how
        ``drop features`` that have any; ``fill`` with the median of the feature's finite values; ``drop cells`` that
        have any.
    most_missing
        Before filling or dropping cells, features that lack a larger share of their values are left out.
    """
    if X.dtype.kind != "f":
        return None
    is_sparse = hasattr(X, "tocsr")
    if is_sparse:
        X = X.tocsr()
        owners = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        at = np.flatnonzero(~np.isfinite(X.data))
        rows, columns = owners[at], X.indices[at]
    else:
        X = np.asarray(X)
        rows, columns = np.nonzero(~np.isfinite(X))
    if not rows.size:
        return None
    n_cells, n_features = X.shape
    n_bad = np.bincount(columns, minlength=n_features)
    features = n_bad == 0 if how == DROP_FEATURES else n_bad <= most_missing * n_cells
    is_left = features[columns]  # bad values in features that stay
    cells = np.ones(n_cells, dtype=bool)
    filled = np.zeros(n_features, dtype=bool)
    if how == DROP_CELLS:
        cells[rows[is_left]] = False
    elif is_left.any():
        filled = features & (n_bad > 0)
        X = X.copy()
        for column in np.flatnonzero(filled).tolist():
            here = columns == column
            median = _median(X, column)
            if is_sparse:
                X.data[at[here]] = median
            else:
                X[rows[here], column] = median
        if is_sparse:
            X.eliminate_zeros()
    kept = X[:, np.flatnonzero(features)] if not features.all() else X
    return Mended(kept[cells] if not cells.all() else kept, features, cells, filled, n_bad)


def _median(X: Any, column: int) -> float:
    values = X[:, [column]].toarray().ravel() if hasattr(X, "tocsr") else X[:, column]
    return float(np.median(values[np.isfinite(values)].astype(np.float64)))
