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
# Features that were only centred, only divided by their deviation, or brought to the range 0 to 1, agree closely.
CENTRED, UNIT = 0.001, 0.01
MOST_FEATURES = 0.8  # the share of the varying features that must look scaled
FEWEST_FEATURES = 3


@dataclass(frozen=True)
class Kind:
    """``counts``, ``binary``, ``logged``, ``normalized``, ``scaled``, ``real`` or ``constant``, and the reason."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def detect_kind(X: Any) -> Kind:
    """The kind of the values of ``X`` ``(n_cells, n_features)``, dense or sparse."""
    return kind_of(MatrixScan.of(X))


def kind_of(scan: MatrixScan) -> Kind:
    """The kind of the values that ``scan`` has read."""
    if not scan.n_finite:
        return Kind("constant", "there are no values")
    low, high = (
        f"{each:,.0f}" if scan.is_whole and abs(each) < 1e9 else f"{each:.4g}" for each in (scan.minimum, scan.maximum)
    )
    if scan.minimum == scan.maximum:
        return Kind("constant", f"all values are {low}")
    scaling = _scaling(scan)
    if scaling:
        return Kind("scaled", f"{scaling} (from {low} to {high})")
    if scan.minimum < 0:
        return Kind("real", f"negative values (from {low} to {high})")
    if scan.is_whole:
        if scan.maximum <= 1:
            return Kind("binary", "only 0 and 1")
        return Kind("counts", f"whole numbers from {low} to {high}")
    if scan.maximum <= LARGEST_LOG:
        return Kind("logged", f"decimal numbers, none negative, at most {high}")
    return Kind("normalized", f"decimal numbers, none negative, up to {high}: too large for logged counts")


def _scaling(scan: MatrixScan) -> str:
    """How the features were scaled, in words; empty if they were not."""
    mean, deviation = scan.feature_mean, scan.feature_deviation  # (n_features,)
    varying = deviation > 0
    mean, deviation = mean[varying], deviation[varying]
    if not deviation.size:
        return ""
    if scan.minimum < 0:
        if np.median(np.abs(mean)) < SCALED_MEAN and np.median(np.abs(deviation - 1)) < SCALED_DEVIATION:
            return "negative values; most features have mean 0 and standard deviation 1"
        is_centred = deviation.size >= FEWEST_FEATURES and np.mean(np.abs(mean) < CENTRED * deviation) >= MOST_FEATURES
        return "negative values; most features have mean 0, as after centring" if is_centred else ""
    if scan.is_whole or deviation.size < FEWEST_FEATURES:
        return ""
    if np.mean(np.abs(deviation - 1) < UNIT) >= MOST_FEATURES:
        return "most features have standard deviation 1"
    low, high = scan.low[varying], scan.high[varying]
    if np.mean((low == 0) & (np.abs(high - 1) < 1e-6)) >= MOST_FEATURES:
        return "most features run from 0 to 1"
    return ""
