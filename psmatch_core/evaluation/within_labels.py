"""What a matching adds to the prediction of features: R² within labels, beside that of a uniform plan.

Whoever knows a cell's label can predict its features by the mean of the label, without any matching. R² within labels
counts only what goes beyond that: 1 − error within labels / variance within labels, where predicted and measured values
are both taken as differences from their mean over the label. A translator of a uniform plan (all cells of a label
matched equally) stands beside it, since a trained one can be above 0 without a matching too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.gain import ADDS, LEAST_GAIN, Gain, gain_sentence, r2_words

MATCHED, TRUE_PAIRS = "matched", "true_pairs"
FALSE_SHARE = 0.05  # of the features that are listed as gained, at most this share is expected to be chance
Z = 1.959964  # half the width of a 95% interval, in standard errors
COMPARED_AT_ONCE = 2**24  # cells × features that are compared at a time
PROBE = "Ridge regression within labels"  # the translator that true pairs can train too
ALL_FEATURES = "all features"
SEEN_BY_CLASSIFIERS = "Both classifiers were trained on these cells, which flatters the matching."
NO_ACCURACY = "Not known: it can only be measured where true pairs are known."


@dataclass(frozen=True)
class FeatureAccuracy:
    """How well features are predicted within labels, compared with the true partners of cells.

    Parameters
    ----------
    direction, at, of
        The direction of translation, the modality whose cells are predicted, and the one whose features these are.
    translator
        What it is called in the form.
    is_held_out
        Whether the cells were not used to train it.
    n_cells, n_labels
        Cells with a known partner that were compared, and their labels.
    features
        Names ``(d,)``.
    r2
        R² within labels by plan (``matched``, ``uniform`` and, where it was trained on them, ``true_pairs``): all
        features together, each in units of its standard deviation.
    over_mean
        1 − squared error / squared error of the label's mean, by plan, all features together: below ``r2`` where a
        translator misses the means of labels.
    feature_r2
        The same of each feature ``(d,)``; NaN for a feature that does not vary within labels.
    gains
        Gain over the uniform plan, all features together, of the other plans.
    gain_errors
        Standard error of the gain of the matching in each feature ``(d,)``.
    """

    direction: str
    at: str
    of: str
    translator: str
    is_held_out: bool
    n_cells: int
    n_labels: int
    features: tuple[str, ...]
    r2: dict[str, float]
    over_mean: dict[str, float]
    feature_r2: dict[str, tuple[float, ...]]
    gains: dict[str, Gain]
    gain_errors: tuple[float, ...]

    @property
    def gain(self) -> Gain:
        """What the matching adds to the uniform plan, all features together."""
        return self.gains[MATCHED]

    @property
    def gap_closed(self) -> float:
        """Share of the gap between uniform plan and true pairs that the matching closes; NaN if there is no gap."""
        ceiling = self.gains.get(TRUE_PAIRS)
        return self.gain.value / ceiling.value if ceiling is not None and ceiling.kind == ADDS else float("nan")

    def finding(self) -> str:
        """One sentence: whether the matching adds anything to the mean of the label and to the uniform plan."""
        return gain_sentence(self.gain, self.r2[MATCHED], self.r2[UNIFORM])

    def remarks(self) -> list[str]:
        """Sentences that belong to :meth:`finding`: its interval, the mean of the label, and what true pairs give."""
        cells = f"{plural(self.n_cells, 'cell')} in {plural(self.n_labels, 'label')}"
        unseen = ", which were not used for training" if self.is_held_out else ""
        found = [
            f"Difference from the uniform plan {r2_words(self.gain.value)} (95% {r2_words(self.gain.low)} to "
            f"{r2_words(self.gain.high)}), measured on {cells} with a known partner{unseen}.",
            SEEN_BY_CLASSIFIERS,
        ]
        if self.over_mean[MATCHED] < 0:
            found.append(
                "The mean of the label alone predicts better than this translator (R² over that mean "
                f"{r2_words(self.over_mean[MATCHED])})."
            )
        if TRUE_PAIRS not in self.gains:
            return found
        reached = f"Trained on true pairs, the same translator has {r2_words(self.r2[TRUE_PAIRS])}"
        if self.gap_closed != self.gap_closed:
            return [*found, f"{reached}: it has nothing to gain within labels."]
        if self.gain.kind != ADDS:
            share = "nothing that can be measured of the gap"
        else:
            share = "the whole gap" if self.gap_closed >= 1 else f"{self.gap_closed:.0%} of the gap"
        return [*found, f"{reached}: the matching closes {share} between uniform plan and true pairs."]

    def feature_gain(self, name: str) -> Gain:
        """What the matching adds to the uniform plan in one feature."""
        at = self.features.index(name)
        value = self.feature_r2[MATCHED][at] - self.feature_r2[UNIFORM][at]
        return Gain(value, value - Z * self.gain_errors[at], value + Z * self.gain_errors[at])

    def feature_finding(self, name: str) -> str:
        """The same sentence as :meth:`finding` about one feature."""
        at, gain = self.features.index(name), self.feature_gain(name)
        if gain.value != gain.value:
            return "It does not vary within labels"
        is_chance = gain.kind == ADDS and name not in self.gained  # one of many features gains this much by chance
        if is_chance:
            gain = replace(gain, low=min(gain.low, 0.0))
        return gain_sentence(gain, self.feature_r2[MATCHED][at], self.feature_r2[UNIFORM][at])

    @property
    def gained(self) -> tuple[str, ...]:
        """Features to which the matching adds, largest gain first; at most 5% of them are expected by chance."""
        value = np.subtract(self.feature_r2[MATCHED], self.feature_r2[UNIFORM])
        error = np.asarray(self.gain_errors)
        known = np.flatnonzero(np.isfinite(value) & (error > 0))
        chosen = known[_discoveries(value[known] / error[known])]
        chosen = chosen[value[chosen] >= LEAST_GAIN]
        return tuple(self.features[index] for index in chosen[np.argsort(-value[chosen], kind="stable")])

    def table(self) -> pd.DataFrame:
        """All features together, then each: R² within labels of every plan, the gain with its interval, ``adds``."""
        value = np.subtract(self.feature_r2[MATCHED], self.feature_r2[UNIFORM])
        error, gained = np.asarray(self.gain_errors), set(self.gained)
        columns: dict[str, object] = {"feature": [ALL_FEATURES, *self.features]}
        columns |= {f"r2_{plan}": [self.r2[plan], *self.feature_r2[plan]] for plan in self.r2}
        columns |= {
            "gain": [self.gain.value, *value],
            "gain_low": [self.gain.low, *(value - Z * error)],
            "gain_high": [self.gain.high, *(value + Z * error)],
            "adds": [self.gain.kind == ADDS, *(name in gained for name in self.features)],
        }
        return pd.DataFrame(columns)


def feature_accuracy(
    predicted: Mapping[str, np.ndarray],
    of: Modality,
    partners: np.ndarray,
    *,
    direction: str,
    at: str,
    translator: str,
    is_held_out: bool = False,
) -> FeatureAccuracy:
    """Compare predictions of several plans with the true partners of the cells, within labels.

    Parameters
    ----------
    predicted
        By plan, ``matched`` and ``uniform`` among them: predicted features of cells ``(n, d)``, without NaN rows.
    of
        The modality whose features are predicted.
    partners
        Rows of the true partners in ``of``, ``(n,)``.
    direction, at, translator, is_held_out
        As in :class:`FeatureAccuracy`.

    Raises
    ------
    PsmatchError
        If there is no cell, or a plan is missing.

    The interval of a gain follows from the variance of its influence over the cells of each label (delta method),
    which is what resampling the cells would give.
    """
    n, d = partners.size, of.n_features
    if not n or not {MATCHED, UNIFORM} <= predicted.keys():
        raise PsmatchError(
            f"R² within labels needs cells with a known partner and two plans; got {plural(n, 'cell')} and "
            f"{', '.join(predicted) or 'no plan'}.",
            hint="Give predictions of the matched and of the uniform plan for at least one cell.",
        )
    names, label = np.unique(of.labels, return_inverse=True)
    group = label[partners]
    errors = {plan: np.zeros(d) for plan in predicted}
    variance, off_mean = np.zeros(d), np.zeros(d)
    misses = {plan: np.zeros(d) for plan in predicted}
    gain_errors, scales = np.full(d, np.nan), np.zeros(d)
    total = {plan: np.zeros(n) for plan in (*predicted, "variance")}  # of each cell, over standardised features
    for columns, values in _chunks(of):
        spread = values.std(axis=0)
        means = np.stack([values[label == index].mean(axis=0) for index in range(names.size)])
        measured = values[partners]
        off = _centred(measured, group) ** 2
        squares = {plan: _centred(each[:, columns] - measured, group) ** 2 for plan, each in predicted.items()}
        off_mean[columns] = np.sum((measured - means[group]) ** 2, axis=0)
        varies = off.sum(axis=0) > 1e-9 * n * np.maximum(spread, 1e-300) ** 2
        variance[columns] = np.where(varies, off.sum(axis=0), 0.0)
        for plan, each in squares.items():
            errors[plan][columns] = each.sum(axis=0)
            misses[plan][columns] = np.sum((predicted[plan][:, columns] - measured) ** 2, axis=0)
        gain_errors[columns] = _standard_error(squares[UNIFORM] - squares[MATCHED], off, group)
        scale = np.where(varies, 1 / np.where(spread > 0, spread, 1.0) ** 2, 0.0)
        scales[columns] = scale
        total["variance"] += off @ scale
        for plan, each in squares.items():
            total[plan] += each @ scale
    feature_r2 = {
        plan: tuple(np.where(variance > 0, 1 - error / np.where(variance > 0, variance, 1), np.nan).tolist())
        for plan, error in errors.items()
    }
    whole = float(total["variance"].sum())
    r2 = {plan: 1 - float(total[plan].sum()) / whole if whole > 0 else float("nan") for plan in predicted}
    baseline = float(off_mean @ scales)
    over_mean = {
        plan: 1 - float(each @ scales) / baseline if baseline > 0 else float("nan") for plan, each in misses.items()
    }
    return FeatureAccuracy(
        direction=direction,
        at=at,
        of=of.name,
        translator=translator,
        is_held_out=is_held_out,
        n_cells=int(n),
        n_labels=int(np.unique(group).size),
        features=tuple(of.var_names.tolist()),
        r2=r2,
        over_mean=over_mean,
        feature_r2=feature_r2,
        gains={
            plan: _gain(r2[plan] - r2[UNIFORM], total[UNIFORM] - total[plan], total["variance"], group)
            for plan in predicted
            if plan != UNIFORM
        },
        gain_errors=tuple(gain_errors.tolist()),
    )


def accuracy_in_words(accuracy: Mapping[str, Sequence[FeatureAccuracy]]) -> list[str]:
    """The findings of both directions and all translators, one text each, for a terminal or a text file."""
    return [
        f"{each.of} features of {each.at} cells, {each.translator.lower()}: {each.finding()}. "
        f"{' '.join(each.remarks())}"
        for found in accuracy.values()
        for each in found
    ]


def accuracy_table(found: Sequence[FeatureAccuracy]) -> pd.DataFrame:
    """The results of one direction in one table, for an export; empty if there is none.

    The columns of :meth:`FeatureAccuracy.table` of the first result, then ``ridge_r2_<plan>`` of the second.
    """
    if not found:
        return pd.DataFrame()
    table = found[0].table()
    for each in found[1:]:
        for plan in each.r2:
            table[f"ridge_r2_{plan}"] = [each.r2[plan], *each.feature_r2[plan]]
    return table


def _chunks(of: Modality) -> Iterator[tuple[slice, np.ndarray]]:
    """Some features at a time, dense, ``(n_cells, ≤ size)``."""
    X = of.X.tocsc() if hasattr(of.X, "tocsc") else of.X
    size = max(1, COMPARED_AT_ONCE // max(of.n_cells, 1))
    for start in range(0, of.n_features, size):
        columns = slice(start, start + size)
        yield columns, to_dense(X[:, columns], np.float64)


def _centred(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Values ``(n, d)`` less their mean over the cells of the same group ``(n,)``."""
    index, size = np.unique(group, return_inverse=True, return_counts=True)[1:]
    sums = np.zeros((size.size, values.shape[1]))
    np.add.at(sums, index, values)
    return np.asarray(values - (sums / size[:, None])[index])


def _gain(value: float, difference: np.ndarray, variance: np.ndarray, group: np.ndarray) -> Gain:
    error = float(_standard_error(difference[:, None], variance[:, None], group)[0])
    return Gain(value, value - Z * error, value + Z * error)


def _standard_error(difference: np.ndarray, variance: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Standard error of Σ difference / Σ variance ``(d,)`` over cells ``(n, d)`` drawn anew within each label."""
    whole = variance.sum(axis=0)
    known = whole > 0
    ratio = np.where(known, difference.sum(axis=0) / np.where(known, whole, 1), np.nan)
    influence = (difference - ratio * variance) / np.where(known, whole, 1)
    found = np.zeros(influence.shape[1])
    for index in np.unique(group):
        mine = influence[group == index]
        n = mine.shape[0]
        # A label with one cell shows no variance of its own: its influence counts as it is.
        found += np.sum((mine - mine.mean(axis=0)) ** 2, axis=0) * n / (n - 1) if n > 1 else mine[0] ** 2
    return np.sqrt(found)


def _discoveries(z: np.ndarray) -> np.ndarray:
    """Mask of the values that are above 0 while at most 5% of them are expected by chance, one-sided.

    Source: Benjamini and Hochberg 1995, Controlling the false discovery rate.
    """
    from scipy.special import ndtr

    p = 1 - ndtr(z)
    order = np.argsort(p, kind="stable")
    passes = np.flatnonzero(p[order] <= FALSE_SHARE * np.arange(1, p.size + 1) / max(p.size, 1))
    chosen = np.zeros(p.size, dtype=bool)
    chosen[order[: passes[-1] + 1 if passes.size else 0]] = True
    return chosen
