"""Metrics of a matching with known pairs, within a label; ties count one half.

Each works on the plan or the projection of one label and gives one number per cell, from which means over cells (micro)
and over labels (macro) are computed. A uniform plan has exactly 1 (trace_fold), 0.5 (rank) and 0.5 (foscttm).
Source: Xi et al. 2024, section 5; docs/method.md explains where ours differ.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.base.rowwise import TILE_VALUES
from psmatch_core.matching.blocks import Block

TIE = 1e-9  # values closer than this, relative to their size, differ only by rounding error


def true_weight(
    block: Block, rows: np.ndarray, columns: np.ndarray, *, part: StagePart = UNHEARD
) -> tuple[np.ndarray, np.ndarray]:
    """Share of each cell's weight on its true partner, and the rank of the partner, both ``(n_pairs,)``.

    Parameters
    ----------
    rows, columns
        Positions of the true pairs in the block, ``(n_pairs,)`` each.
    part
        Hears how many rows are done.

    Returns
    -------
    weight
        Row-normalised weight of the true partner; its mean is the trace metric. 0 for a row without mass.
    rank
        Fraction of the other candidates with more weight than the true partner, ties one half: 0 is perfect, 0.5 is
        chance. NaN if there is only one candidate.
    """
    n, n_candidates = block.shape
    weight, rank = np.zeros(rows.size), np.full(rows.size, np.nan)
    order = np.argsort(rows, kind="stable")
    sorted_rows = rows[order]
    for start, stop in row_chunks(n, n_candidates, TILE_VALUES):
        low, high = np.searchsorted(sorted_rows, [start, stop])
        if low < high:
            at = order[low:high]
            masses = block.rows(start, stop)[rows[at] - start]  # (pairs of these rows, m)
            mine, total = masses[np.arange(at.size), columns[at]], masses.sum(axis=1)
            weight[at] = np.divide(mine, total, out=np.zeros(at.size), where=total > 0)
            if n_candidates > 1:
                rank[at] = _fraction_before(-masses, -mine)
        part.tell(stop, n)
    return weight, rank


def foscttm(projected: np.ndarray, measured: np.ndarray, *, part: StagePart = UNHEARD) -> np.ndarray:
    """Fraction of samples closer than the true match, mean of both directions, ``(n_pairs,)``.

    Parameters
    ----------
    projected, measured
        Row i of both is the same cell: the mean of its matches, and its measured position, ``(n_pairs, d)``, in a fixed
        space that no method chose. NaN with fewer than two pairs.
    part
        Hears how many pairs are done.
    """
    n = projected.shape[0]
    if n < 2:
        return np.full(n, np.nan)
    closer = np.empty(n)
    for start, stop in row_chunks(n, n, TILE_VALUES):  # all n × n distances of 20,000 pairs would take 3.2 GB
        mine = np.arange(start, stop)
        both = (cdist(projected[start:stop], measured), cdist(measured[start:stop], projected))  # (stop − start, n)
        before = [_fraction_before(each, each[mine - start, mine]) for each in both]
        closer[start:stop] = (before[0] + before[1]) / 2
        part.tell(stop, n)
    return closer


def _fraction_before(values: np.ndarray, own: np.ndarray) -> np.ndarray:
    """For each row of ``values (n, m)``: the fraction of the other values below its own, ties one half."""
    margin = TIE * np.maximum(np.abs(values).max(axis=1, initial=0), np.finfo(float).tiny)[:, None]
    difference = values - own[:, None]
    below = (difference < -margin).sum(axis=1)
    tied = (np.abs(difference) <= margin).sum(axis=1) - 1  # without the own value
    return np.asarray((below + tied / 2) / (values.shape[1] - 1))


def latent_error(projected: np.ndarray, latent: np.ndarray) -> np.ndarray:
    """Mean squared error of each cell's projected latent state, ``(n,)``; both inputs ``(n, d)``."""
    return np.asarray(np.mean((projected - latent) ** 2, axis=1))


def latent_mse(projected: np.ndarray, latent: np.ndarray) -> float:
    """Mean squared error of the projected latent states over cells and coordinates; both inputs ``(n, d)``.

    Parameters
    ----------
    projected
        The weighted mean of the latent states of each cell's matches; without NaN rows (cells without a match), which
        the caller leaves out and counts.
    latent
        The cell's own.

    Source: Xi et al. 2024, Experiment 1.
    """
    return float(latent_error(projected, latent).mean())


def latent_r2(projected: np.ndarray, latent: np.ndarray, labels: np.ndarray) -> float:
    """1 − latent MSE / variance of the latent states within labels: 1 is perfect, 0 is the mean of the label.

    A random partner of the same label has −1 (twice the variance): a sharp but wrong matching is worse than none. NaN
    if the states do not vary within labels.

    Parameters
    ----------
    projected, latent
        As in :func:`latent_mse`.
    labels
        Label of each cell, ``(n,)``.
    """
    _, index = np.unique(labels, return_inverse=True)
    sums = np.zeros((int(index.max(initial=0)) + 1, latent.shape[1]))
    np.add.at(sums, index, latent)
    means = sums / np.bincount(index)[:, None]
    variance = latent_mse(means[index], latent)
    return 1 - latent_mse(projected, latent) / variance if variance > 0 else float("nan")


def feature_r2(predicted: np.ndarray, measured: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """R² of each feature ``(d,)`` and pooled: 1 − squared error / squared error of a constant.

    NaN for a feature that the constant predicts without error; such features are not part of the pooled value.

    Parameters
    ----------
    predicted, measured
        ``(n, d)``, without NaN rows, which the caller leaves out and counts.
    reference
        The constant prediction, ``(d,)``: the mean of the cells whose features were carried.
    """
    error = np.sum((predicted - measured) ** 2, axis=0)
    baseline = np.sum((reference - measured) ** 2, axis=0)
    varies = baseline > 0
    per_feature = np.where(varies, 1 - error / np.where(varies, baseline, 1), np.nan)
    return per_feature, float(1 - error[varies].sum() / baseline.sum()) if varies.any() else float("nan")
