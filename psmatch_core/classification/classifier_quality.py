"""How good a classifier is, from held-out logits: losses, temperature, calibration, confusion.

Functions of logits ``(n, n_labels)`` and true labels ``y (n,)`` as column numbers; nothing is trained here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

TEMPERATURE_RANGE = (0.02, 50.0)  # beyond it the exact value no longer matters
RELIABILITY_BINS = 10
LOSS_FLOOR = -30.0  # nats; one cell at probability zero would otherwise make the mean infinite


@dataclass(frozen=True)
class LabelLoss:
    """How well one label is predicted: losses in nats per cell; ``baseline`` is −log of the label's share."""

    label: str
    n_cells: int
    n_validated: int
    loss: float
    baseline: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class Reliability:
    """Calibration by bin: mean confidence, hit rate, number of cells; and the expected calibration error (ECE)."""

    confidence: np.ndarray
    hit_rate: np.ndarray
    counts: np.ndarray
    expected_error: float


def cross_entropy(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cross-entropy of each cell, ``(n,)``, nats."""
    log_p = log_softmax(logits, axis=1)
    return np.asarray(-np.maximum(log_p[np.arange(y.size), y], LOSS_FLOOR))


def fitted_temperature(logits: np.ndarray, y: np.ndarray) -> float:
    """The divisor of the logits that makes their mean cross-entropy smallest.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2.
    """
    if not y.size:
        return 1.0
    low, high = np.log(TEMPERATURE_RANGE[0]), np.log(TEMPERATURE_RANGE[1])
    found = minimize_scalar(lambda t: cross_entropy(logits / np.exp(t), y).mean(), bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def confusion_counts(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cells by true label (rows) and best-scoring label (columns), ``(n_labels, n_labels)``."""
    counts = np.zeros((logits.shape[1],) * 2, dtype=np.int64)
    np.add.at(counts, (y, logits.argmax(axis=1)), 1)
    return counts


def reliability_of(logits: np.ndarray, y: np.ndarray) -> Reliability:
    """Confidence compared with the hit rate, in ten bins of equal width."""
    p = np.exp(log_softmax(logits, axis=1))
    confidence, hit = p.max(axis=1, initial=0), p.argmax(axis=1) == y
    bins = np.minimum((confidence * RELIABILITY_BINS).astype(int), RELIABILITY_BINS - 1)
    counts = np.bincount(bins, minlength=RELIABILITY_BINS)
    divisor = np.maximum(counts, 1)
    stated = np.bincount(bins, confidence, RELIABILITY_BINS) / divisor
    hit_rate = np.bincount(bins, hit, RELIABILITY_BINS) / divisor
    error = float(np.sum(counts * np.abs(stated - hit_rate)) / max(counts.sum(), 1))
    return Reliability(stated, hit_rate, counts, error)
