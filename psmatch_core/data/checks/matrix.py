"""Rules on the values of a matrix, applied to chunks of rows so that a file need not fit into memory."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from psmatch_core.base.errors import plural, some
from psmatch_core.data.checks.findings import Finding, display, name_list, rejection, seen_in_part, warning
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.missing_codes import MOST_OF_TWO
from psmatch_core.data.checks.names import check_names
from psmatch_core.data.checks.value_kinds import kind_of

FEW_CELLS = 30  # the number of neighbours that matchers use by default
# Beyond 2^53 neighbouring whole numbers are one double. Below it, the squares of 10^6 cells sum to less than what
# single precision holds (3.4e38). Markers of missing values and overflowed integers (2^63) lie far above.
LARGEST_VALUE = 2.0**53
# A negative value that stands in at most this share of the entries, while no other is negative, is a code.
CODE_SHARE = 0.1
LISTED_FEATURES = 2  # features that a message names
CONSTANT, MISSING_CODE = "PM-M09", "PM-M36"
MEND_HINT = "Leave out or fill these features, or leave out the cells (bad_values)."
_COUNTS = re.compile(r"(?i)counts?(?![a-z])|(?<![a-z])umis?(?![a-z])")


def check_matrix(
    X: Any,
    *,
    obs_names: Sequence[str],
    var_names: Sequence[str],
    name: str,
    matrix: str = "X",
    are_pixels: bool = False,
    measured: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Check a matrix and its names; worst finding first.

    Parameters
    ----------
    X
        Values ``(n_cells, n_features)``, dense or scipy sparse.
    obs_names, var_names
        Names of cells ``(n_cells,)`` and features ``(n_features,)``.
    name
        Name of the data in messages, such as the file's name.
    matrix
        The matrix of the file, such as ``X`` or ``layers/counts``.
    are_pixels
        Whether the features are pixels, to which the rules on single features do not apply.
    measured
        Features that the user has said to be measured.
    """
    early = check_form(X.shape, X.dtype, name=name, matrix=matrix)
    if early:
        return early
    if X.shape != (len(obs_names), len(var_names)):
        return (mismatch(X.shape, len(obs_names), len(var_names), name=name, matrix=matrix),)
    scan = MatrixScan.of(X)
    found = (
        *check_names(obs_names, var_names, name=name, measured=measured),
        *check_values(scan, obs_names=obs_names, var_names=var_names, name=name, matrix=matrix, are_pixels=are_pixels),
    )
    if hasattr(X, "tocsr") and X.format in ("csr", "csc") and not X.has_canonical_format:
        found = (*found, not_canonical(name, matrix))
    return tuple(sorted(found, key=lambda each: each.severity.value))


def check_form(shape: tuple[int, ...], dtype: Any, *, name: str, matrix: str) -> tuple[Finding, ...]:
    """Reasons to refuse a matrix before its values are read: dimensions, text, too few cells or features."""
    where = _where(name, matrix)
    if len(shape) != 2:
        size = " × ".join(f"{each:,}" for each in shape) or "a single number"
        problem = f"{where}: has {plural(len(shape), 'dimension')} ({size}) instead of two, cells × features."
        way = "Save a two-dimensional matrix, or images in obsm as cells × channels × height × width."
        return (rejection("PM-M29", problem, way),)
    kind = np.dtype(dtype).kind
    if kind not in "biuf":
        came = "text, not numbers" if kind in "OSUT" else "complex numbers" if kind == "c" else "no numbers"
        return (rejection("PM-M11", f"{where}: holds {came}.", "Save the matrix as numbers, or choose another one."),)
    n_cells, n_features = shape
    if n_cells == 0 or n_features == 0:
        what, code = ("cells", "PM-M15") if n_cells == 0 else ("features", "PM-M16")
        problem = f"{where}: has no {what} ({n_cells:,} cells × {n_features:,} features)."
        return (rejection(code, problem, "Check the filter that made this file and export it again."),)
    if n_cells == 1:
        return (rejection("PM-M14", f"{where}: has only 1 cell.", "Load a file with all cells, one row per cell."),)
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
    n_cells: int = 0,
) -> tuple[Finding, ...]:
    """Check the values that ``scan`` has read; rules on single features are not applied to pixels.

    Parameters
    ----------
    obs_names
        Names of the cells that were read, in order.
    n_cells
        Cells of the matrix; 0 if all were read. Where some were not, each finding says from how many it is.
    """
    n_cells = n_cells or scan.n_cells
    where, n_features, is_part = _where(name, matrix), scan.n_features, scan.n_cells < n_cells
    found = _value_findings(scan, obs_names, var_names, where=where, matrix=matrix, pixels=are_pixels, is_part=is_part)
    found = seen_in_part(found, scan.n_cells, n_cells)
    if any(each.code == CONSTANT for each in found):
        return found
    if n_cells < FEW_CELLS:
        problem = f"{where}: only {plural(n_cells, 'cell')}; scores learned from so few cells are uncertain."
        few = warning("PM-M33", problem, "Load more cells, or interpret the validation loss with caution.")
        found = (*found, few)
    if n_cells < n_features and not are_pixels:
        sizes = f"{n_features:,} features, {n_cells:,} cells"
        problem = f"{where}: more features than cells ({sizes}), so a classifier can overfit."
        wide = warning("PM-M34", problem, "Use PCA or highly variable features in preprocessing.")
        found = (*found, wide)
    return found


def _value_findings(
    scan: MatrixScan,
    obs_names: Sequence[str],
    var_names: Sequence[str],
    *,
    where: str,
    matrix: str,
    pixels: bool,
    is_part: bool,
) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    if scan.first_bad is not None:
        row = scan.first_bad[0]
        bad = [
            f"{count:,} {word}"
            for count, word in ((scan.n_nan, "missing (NaN)"), (scan.n_infinite, "infinite"))
            if count
        ]
        total = scan.n_nan + scan.n_infinite
        first = f"cell {display(obs_names[row], 30)}"
        at = np.flatnonzero(scan.n_bad)
        named = bad_features_text([(var_names[each], int(scan.n_bad[each])) for each in at.tolist()])
        problem = (
            f"{where}: {' and '.join(bad)} {'value' if total == 1 else 'values'} in {at.size:,} of "
            f"{plural(scan.n_features, 'feature')}: {named}; the first in {first}."
        )
        findings.append(rejection("PM-M01", problem, MEND_HINT))
    largest = max(abs(scan.minimum), abs(scan.maximum)) if scan.n_finite else 0.0
    if largest > LARGEST_VALUE:
        problem = f"{where}: a value of magnitude {largest:.3g} is too large to compute with (the limit is 9e15)."
        findings.append(rejection("PM-M08", problem, "Correct or drop this value; it is probably an export error."))
    if scan.n_finite and scan.minimum == scan.maximum and not findings:
        problem = f"{where}: all cells have the same value in all features ({scan.minimum:.4g})."
        return (
            rejection(CONSTANT, problem, "Choose another matrix, or export the file again: part of it may be missing."),
        )
    if scan.n_cells > 1 and (scan.low == scan.high).all() and not findings:
        problem = f"{where}: every feature is constant: all {scan.n_cells:,} cells are identical (no variation)."
        return (
            rejection(CONSTANT, problem, "Choose another matrix, or export the file again: part of it may be missing."),
        )
    if not pixels:
        findings.extend(_code_findings(scan, var_names, where))
    kind = kind_of(scan)
    if _COUNTS.search(matrix) and not pixels and kind.name not in ("counts", "binary"):
        problem = f"{where}: does not hold counts, although its name says so: {kind.reason}."
        findings.append(
            warning("PM-M32", problem, "Choose a matrix of whole numbers, or use this one without log transformation.")
        )
    if kind.name == "scaled" and not pixels and not matrix.startswith("obsm/"):  # an embedding is meant to be
        problem = f"{where}: values look already scaled: {kind.reason}."
        findings.append(
            warning("PM-M26", problem, "Use this matrix without normalisation, or choose the matrix of counts.")
        )
    if scan.empty_cells:
        cells = name_list((obs_names[each] for each in scan.empty_cells), 3)
        problem = (
            f"{where}: {plural(len(scan.empty_cells), 'cell')} of {scan.n_cells:,} with only zeros (empty): {cells}."
        )
        findings.append(warning("PM-M04", problem, "Drop empty cells before loading; their matches are arbitrary."))
    constant = np.flatnonzero(scan.low == scan.high)
    if constant.size and not pixels:
        features = name_list((var_names[int(each)] for each in constant), 3)
        count = f"{plural(constant.size, 'feature')} of {scan.n_features:,}"
        over = "the cells that were read" if is_part else "all cells"
        problem = f"{where}: {count} constant over {over} (zero variance): {features}."
        findings.append(warning("PM-M05", problem, "They carry no information; you may drop them."))
    if scan.n_repeated_cells:
        problem = f"{where}: {plural(scan.n_repeated_cells, 'cell')} identical to another cell in all values."
        findings.append(warning("PM-M30", problem, "Identical cells get the same matches; drop copies."))
    return tuple(findings)


def bad_features_text(counted: Sequence[tuple[str, int]]) -> str:
    """Features and how many of their values are missing or infinite, most first."""
    ordered = sorted(counted, key=lambda each: -each[1])
    return some([f"{display(name, 24)} ({count:,})" for name, count in ordered], LISTED_FEATURES)


def _code_findings(scan: MatrixScan, var_names: Sequence[str], where: str) -> list[Finding]:
    """Warnings of values that look like codes for missing ones: far from all others, or the only negative one."""
    codes = scan.codes.far(scan.n_cells, is_whole=scan.is_whole)
    seen = dict.fromkeys(codes, "stands far from all other values")
    if _is_only_negative(scan):
        codes[scan.minimum] = {at: int(scan.n_negative[at]) for at in np.flatnonzero(scan.n_negative).tolist()}
        seen[scan.minimum] = "is the only negative value"
    found = []
    for code, features in codes.items():
        entries = plural(sum(features.values()), "entry", "entries")
        named = bad_features_text([(var_names[at], times) for at, times in features.items()])
        problem = f"{where}: {code:.10g} {seen[code]} ({entries}: {named}): a code for missing values?"
        hint = "If it is one, leave these entries empty in the file, then leave out or fill them (bad_values)."
        found.append(warning(MISSING_CODE, problem, hint))
    return found


def _is_only_negative(scan: MatrixScan) -> bool:
    """Whether one negative whole number stands in a few entries and all others are not negative."""
    low, n_negative = scan.minimum, int(scan.n_negative.sum())
    is_one = n_negative > 0 and low == scan.highest_negative and float(low).is_integer()
    is_rare = n_negative <= CODE_SHARE * scan.n_cells * scan.n_features
    # a feature of two answers, -1 and 1, has no code
    at = np.flatnonzero(scan.n_negative)
    is_answer = (scan.n_negative[at] > MOST_OF_TWO * scan.n_cells) & (scan.high[at] <= 1)
    return is_one and is_rare and not is_answer.all() and (low < -1 or scan.maximum > 1)  # losses and gains: −1, 0, 1


def mismatch(shape: tuple[int, ...], n_cells: int, n_features: int, *, name: str, matrix: str) -> Finding:
    """The finding that a matrix and its names have different sizes."""
    if shape[0] != n_cells:
        counts = f"{shape[0]:,} rows for {n_cells:,} cell names"
    else:
        counts = f"{shape[1]:,} columns for {n_features:,} feature names"
    problem = f"{_where(name, matrix)} and its names do not match: {counts}."
    return rejection("PM-F45", problem, "Save the file again from the original object.")


def not_canonical(name: str, matrix: str) -> Finding:
    """The finding that entries of a sparse matrix are unsorted or repeated."""
    problem = f"{_where(name, matrix)}: sparse entries are unsorted or repeated."
    return warning("PM-M20", problem, "Repeated entries are summed; check that this is what they mean.")


def _where(name: str, matrix: str) -> str:
    return f"{display(name, 40)}, matrix {display(matrix)}"
