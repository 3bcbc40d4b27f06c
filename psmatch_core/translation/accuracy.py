"""How accurately features are predicted: R² compared with a constant prediction."""

from __future__ import annotations

import numpy as np


def error_r2(error: np.ndarray, baseline: np.ndarray) -> tuple[np.ndarray, float]:
    """R² of each feature ``(d,)`` and of all together, from squared errors ``(d,)`` and those of a constant.

    NaN if the baseline is 0, as for a feature without variance; such features are not part of the pooled value.
    """
    varies = baseline > 0
    per_feature = np.where(varies, 1 - error / np.where(varies, baseline, 1), np.nan)
    return per_feature, float(1 - error[varies].sum() / baseline.sum()) if varies.any() else float("nan")
