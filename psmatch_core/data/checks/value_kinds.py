"""Kinds of values (counts, logged, scaled …), detected from the values of a matrix and given with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.data.checks.matrix_scan import MatrixScan

# log1p of even 10^8 counts in one feature is 18.4: a larger value is not a logarithm of counts.
LARGEST_LOG = 20.0
# A z-scored feature has mean 0 and standard deviation 1; clipping (at 10, as scanpy advises) moves both a little.
SCALED_MEAN = 0.1
SCALED_DEVIATION = 0.25


@dataclass(frozen=True)
class Kind:
    """``counts``, ``binary``, ``logged``, ``normalized``, ``scaled``, ``real`` or ``constant``, and the reason."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def detect_kind(X: Any) -> Kind:
    """The kind of the values of ``X`` ``(n_cells, n_features)``, dense or sparse."""
    scan = MatrixScan(X.shape[1])
    scan.add(X)
    return kind_of(scan)


def kind_of(scan: MatrixScan) -> Kind:
    """The kind of the values that ``scan`` has read."""
    if not scan.n_finite:
        return Kind("constant", "there are no values")
    low, high = (
        f"{each:,.0f}" if scan.is_whole and abs(each) < 1e9 else f"{each:.4g}" for each in (scan.minimum, scan.maximum)
    )
    if scan.minimum == scan.maximum:
        return Kind("constant", f"all values are {low}")
    if scan.minimum < 0:
        if _is_scaled(scan):
            return Kind(
                "scaled", f"negative values; most features have mean 0 and standard deviation 1 (from {low} to {high})"
            )
        return Kind("real", f"negative values (from {low} to {high})")
    if scan.is_whole:
        if scan.maximum <= 1:
            return Kind("binary", "only 0 and 1")
        return Kind("counts", f"whole numbers from {low} to {high}")
    if scan.maximum <= LARGEST_LOG:
        return Kind("logged", f"decimal numbers, none negative, at most {high}")
    return Kind("normalized", f"decimal numbers, none negative, up to {high}: too large for logged counts")


def _is_scaled(scan: MatrixScan) -> bool:
    mean, deviation = scan.feature_mean, scan.feature_deviation  # (n_features,)
    varying = deviation > 0
    if not varying.any():
        return False
    return bool(
        np.median(np.abs(mean[varying])) < SCALED_MEAN and np.median(np.abs(deviation[varying] - 1)) < SCALED_DEVIATION
    )
