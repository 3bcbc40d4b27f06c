"""Rules on the values of a matrix, applied to rows in chunks so that a file need not fit into memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.data.checks.findings import Finding, display, named, rejection, warning
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.names import check_names
from psmatch_core.data.checks.value_kinds import kind_of

FEW_CELLS = 30  # as many as the neighbours that matchers look at by default
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def check_matrix(
    X: Any,
    *,
    obs_names: Sequence[str],
    var_names: Sequence[str],
    name: str,
    matrix: str = "X",
    are_pixels: bool = False,
) -> tuple[Finding, ...]:
    """What is to say of a matrix and its names, worst first.

    Parameters
    ----------
    X
        Values (n_cells, n_features), dense or scipy sparse.
    obs_names, var_names
        Names of cells (n_cells,) and features (n_features,).
    name
        What the data are called in messages, such as the file's name.
    matrix
        Which matrix of the file this is, such as ``X`` or ``layers/counts``.
    are_pixels
        The features are pixels: what is said of single features does not hold for them.
    """
    early = check_form(X.shape, X.dtype, name=name, matrix=matrix)
    if early:
        return early
    if X.shape != (len(obs_names), len(var_names)):
        return (mismatch(X.shape, len(obs_names), len(var_names), name=name, matrix=matrix),)
    scan = MatrixScan(X.shape[1])
    scan.add(X)
    found = (
        *check_names(obs_names, var_names, name=name),
        *check_values(scan, obs_names=obs_names, var_names=var_names, name=name, matrix=matrix, are_pixels=are_pixels),
    )
    if hasattr(X, "tocsr") and X.format in ("csr", "csc") and not X.has_canonical_format:
        found = (*found, not_canonical(name, matrix))
    return tuple(sorted(found, key=lambda each: each.severity.value))


def check_form(shape: tuple[int, ...], dtype: Any, *, name: str, matrix: str) -> tuple[Finding, ...]:
    """Refusals that need no values: dimensions, text, and too few cells or features."""
    where = _where(name, matrix)
    if len(shape) != 2:
        size = " × ".join(f"{each:,}" for each in shape) or "a single number"
        problem = f"{where}: has {plural(len(shape), 'dimension')} ({size}); a matrix has two, cells × features."
        way = "Save a two-dimensional matrix, or images in obsm as cells × channels × height × width."
        return (rejection("PM-M29", problem, way),)
    kind = np.dtype(dtype).kind
    if kind not in "biuf":
        came = "text, not numbers" if kind in "OSUT" else "complex numbers" if kind == "c" else "no plain numbers"
        return (rejection("PM-M11", f"{where}: holds {came}.", "Save the matrix as numbers, or choose another one."),)
    n_cells, n_features = shape
    if n_cells == 0 or n_features == 0:
        what, code = ("cells", "PM-M15") if n_cells == 0 else ("features", "PM-M16")
        problem = f"{where}: has no {what} ({n_cells:,} cells × {n_features:,} features)."
        return (rejection(code, problem, "Check the filter that made this file and export it again."),)
    if n_cells == 1:
        return (rejection("PM-M14", f"{where}: has only 1 cell.", "Load a file with all cells; rows are cells."),)
    if n_features == 1:
        return (rejection("PM-M13", f"{where}: has only 1 feature.", "Load a matrix with at least 2 features."),)
    return ()


def check_values(
    scan: MatrixScan,
    *,
    obs_names: Sequence[str],
    var_names: Sequence[str],
    name: str,
    matrix: str,
    are_pixels: bool = False,
) -> tuple[Finding, ...]:
    """What is to say of the values that ``scan`` has seen; of pixels nothing that holds for single features only."""
    where = _where(name, matrix)
    findings: list[Finding] = []
    if scan.first_bad is not None:
        row, column = scan.first_bad
        bad = [
            f"{count:,} {word}"
            for count, word in ((scan.n_nan, "missing (NaN)"), (scan.n_infinite, "infinite"))
            if count
        ]
        total = scan.n_nan + scan.n_infinite
        first = f"cell {display(obs_names[row])}, feature {display(var_names[column])}"
        problem = f"{where}: {' and '.join(bad)} {'value' if total == 1 else 'values'}, the first in {first}."
        findings.append(
            rejection("PM-M01", problem, "Drop these cells or features, or impute the values before loading.")
        )
    largest = max(abs(scan.minimum), abs(scan.maximum)) if scan.n_finite else 0.0
    if largest > LARGEST_FLOAT32:
        problem = f"{where}: holds a value of magnitude {largest:.3g}, too large to compute with (the limit is 3.4e38)."
        findings.append(rejection("PM-M08", problem, "Correct or drop that value; it is most likely an export error."))
    if scan.n_finite and scan.minimum == scan.maximum and not findings:
        problem = f"{where}: every cell has the same value in every feature ({scan.minimum:.4g})."
        return (
            rejection("PM-M09", problem, "Export the file again: part of it may be missing, or choose another matrix."),
        )
    kind = kind_of(scan)
    if "count" in matrix.lower() and not are_pixels and kind.name not in ("counts", "binary"):
        problem = f"{where}: is not counts although its name says so: {kind.reason}."
        findings.append(
            warning("PM-M32", problem, "Choose the matrix with whole numbers, or no log transformation for this one.")
        )
    if kind.name == "scaled" and not are_pixels and not matrix.startswith("obsm/"):  # an embedding is meant to be
        problem = f"{where}: values look scaled already (z-scores): {kind.reason}."
        findings.append(warning("PM-M26", problem, "Use it without normalisation, or choose the matrix with counts."))
    if scan.empty_cells:
        cells = named((obs_names[each] for each in scan.empty_cells), 3)
        problem = f"{where}: {plural(len(scan.empty_cells), 'cell')} of {scan.n_cells:,} all zero (empty): {cells}."
        findings.append(warning("PM-M04", problem, "Drop empty cells before loading; they match by chance only."))
    constant = np.flatnonzero(scan.low == scan.high)
    if constant.size and not are_pixels:
        features = named((var_names[int(each)] for each in constant), 3)
        count = f"{plural(constant.size, 'feature')} of {scan.n_features:,}"
        problem = f"{where}: {count} constant over all cells (zero variance): {features}."
        findings.append(warning("PM-M05", problem, "They carry no information; drop or leave them."))
    if scan.n_repeated_cells:
        problem = f"{where}: {plural(scan.n_repeated_cells, 'cell')} identical in all values to another cell."
        findings.append(
            warning("PM-M30", problem, "Identical cells share their matches; drop them if they are copies.")
        )
    if scan.n_cells < FEW_CELLS:
        problem = f"{where}: only {plural(scan.n_cells, 'cell')}; scores learnt from so few cells are unsure."
        findings.append(warning("PM-M33", problem, "Load more cells, or read the validation loss with care."))
    if scan.n_cells < scan.n_features and not are_pixels:
        sizes = f"{scan.n_features:,} features, {scan.n_cells:,} cells"
        problem = f"{where}: more features than cells ({sizes}): a classifier can overfit."
        findings.append(
            warning("PM-M34", problem, "Reduce the features by PCA or highly variable features in preprocessing.")
        )
    return tuple(findings)


def mismatch(shape: tuple[int, ...], n_cells: int, n_features: int, *, name: str, matrix: str) -> Finding:
    """The refusal of a matrix whose size is not that of its names."""
    if shape[0] != n_cells:
        counts = f"{shape[0]:,} rows but there are {n_cells:,} cells"
    else:
        counts = f"{shape[1]:,} columns but there are {n_features:,} features"
    problem = f"{_where(name, matrix)} and its names do not match: {counts}."
    return rejection("PM-F45", problem, "Write the file again from the object that it came from.")


def not_canonical(name: str, matrix: str) -> Finding:
    """The warning for a sparse matrix with unsorted or repeated entries."""
    problem = f"{_where(name, matrix)}: sparse entries are unsorted or repeated."
    return warning(
        "PM-M20", problem, "Repeated entries are summed; check that they were not meant to replace each other."
    )


def _where(name: str, matrix: str) -> str:
    return f"{display(name, 40)}, matrix {display(matrix)}"
