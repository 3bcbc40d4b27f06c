"""Faults of a sparse matrix; compiled code trusts its bounds and indices, and crashes if they are wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import display

SAVE_AGAIN = "Save the file again from the original object, or download it again."


def inconsistent(shown: str, matrix: str, what: str) -> PsmatchError:
    """The error that matrix ``matrix`` of the data called ``shown`` contradicts itself."""
    problem = f"{shown} is damaged: sparse matrix {display(matrix)} is inconsistent: {what}."
    return PsmatchError(problem, hint=SAVE_AGAIN, code="PM-M21")


def fault_of_bounds(indptr: np.ndarray, n_rows: int, *, n_indices: int, n_values: int) -> str:
    """What is wrong with the row bounds ``(n_rows + 1,)`` of so many indices and values; empty if nothing is."""
    if indptr.shape != (n_rows + 1,):
        return f"there are {indptr.size - 1:,} row bounds for {n_rows:,} rows"
    if n_values != n_indices:
        return f"it has {n_values:,} values for {n_indices:,} indices"
    if indptr[0] != 0 or indptr[-1] != n_values or (np.diff(indptr) < 0).any():
        return "its row bounds are inconsistent"
    return ""


def fault_of_indices(indices: np.ndarray, n_columns: int) -> str:
    """What is wrong with indices ``(n,)`` into so many columns; empty if nothing is."""
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= n_columns):
        return "an index lies outside the matrix"
    return ""


def check_sparse(X: Any, *, shown: str, matrix: str) -> None:
    """Check a CSR or CSC matrix of scipy in memory.

    Raises
    ------
    PsmatchError
        If its bounds or indices do not fit its values or its shape.
    """
    if getattr(X, "format", "") not in ("csr", "csc"):
        return
    n_major, n_minor = X.shape if X.format == "csr" else X.shape[::-1]
    what = fault_of_bounds(X.indptr, n_major, n_indices=X.indices.size, n_values=X.data.size)
    if what := what or fault_of_indices(X.indices, n_minor):
        raise inconsistent(shown, matrix, what)
