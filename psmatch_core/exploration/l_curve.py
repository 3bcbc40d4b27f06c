"""The L-curve: the cost of plans against their spread over a grid of epsilons; no true pairs are needed.

As epsilon decreases, plans become sharper and cheaper: the cost first drops quickly, then hardly at all. At the corner
of the curve, further sharpening gains little; it is a suggestion, not a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import check_sides, label_problems
from psmatch_core.matching.matchers import CurvePoint, Matcher, SinkhornMatcher

GRID = (0.1, 20.0, 10)  # lowest and highest epsilon, × that of the matcher, and how many: sharp to nearly uniform
FEWEST = 5  # with fewer points a bend may be an artefact of the grid
CLEAR = 0.1  # smallest depth of a corner below the chord, in a unit square; a quarter circle has 0.41


@dataclass(frozen=True, eq=False)
class LCurve:
    """Cost against entropy, for each label and pooled.

    Parameters
    ----------
    matcher
        The strategy; its own epsilon is on the curve only if it is in the grid.
    epsilons
        The grid, in the unit of the matcher's option, smallest first, ``(n_epsilons,)``.
    points
        By label, in the order of the grid.
    n_source
        Source cells of each label: its weight in the pooled curve.
    """

    matcher: Matcher
    epsilons: np.ndarray
    points: dict[str, tuple[CurvePoint, ...]] = field(repr=False)
    n_source: dict[str, int] = field(repr=False)

    @property
    def option(self) -> str:
        """What is varied, in words: epsilon, or k for a method by neighbours."""
        return "epsilon" if type(self.matcher).has_epsilon() else "k"

    @cached_property
    def pooled_labels(self) -> tuple[str, ...]:
        """Labels with a plan at every epsilon: only these are pooled, so that all points average the same labels."""
        return tuple(label for label, points in self.points.items() if all(np.isfinite(point.cost) for point in points))

    @cached_property
    def pooled(self) -> pd.DataFrame:
        """Means over labels, weighted by their source cells; one row per epsilon.

        Columns: ``epsilon``, ``cost``, ``entropy`` (nats), ``n_effective`` (cells, geometric mean over cells) and
        ``n_attention`` (labels whose status needs attention).
        """
        weights = np.array([self.n_source[label] for label in self.pooled_labels], dtype=float)
        rows = []
        for place, epsilon in enumerate(self.epsilons):
            points = [self.points[label][place] for label in self.pooled_labels]
            everyone = [points[place].status for points in self.points.values()]
            row: dict[str, float] = {"epsilon": float(epsilon)}
            for name in ("cost", "entropy"):
                row[name] = _average([getattr(point, name) for point in points], weights)
            row["n_effective"] = float(np.exp(_average([np.log(point.n_effective) for point in points], weights)))
            row["n_attention"] = sum(status.outcome.needs_attention for status in everyone)
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def corner(self) -> float | None:
        """The epsilon at which the pooled curve bends most; None without a clear corner or with too few plans.

        Plans that did not converge are left out.
        """
        table = self.pooled
        sound = np.array(
            [
                not any(
                    self.points[label][place].status.outcome is Outcome.NOT_CONVERGED for label in self.pooled_labels
                )
                for place in range(len(table))
            ]
        )
        return corner_of(
            table["epsilon"].to_numpy()[sound], table["entropy"].to_numpy()[sound], table["cost"].to_numpy()[sound]
        )

    @property
    def suggestion(self) -> str:
        """The corner as a sentence."""
        if self.corner is None:
            return f"The curve has no clear corner in this range, so no {self.option} is suggested."
        row = self.pooled[self.pooled["epsilon"] == self.corner].iloc[0]
        matches = f"a spread of {row['n_effective']:.3g} cells"
        place = f"{self.option} {self.corner:.3g} ({matches})"
        return f"Suggested without true pairs: {place}, where the curve bends most."

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes on the curve: labels left out of the pooled curve, and plans that did not converge."""
        left_out = [label for label in self.points if label not in self.pooled_labels]
        late = sum(point.status.outcome is Outcome.NOT_CONVERGED for points in self.points.values() for point in points)
        notes = []
        if left_out:
            notes.append(
                f"Left out of the pooled curve: {plural(len(left_out), 'label')} without a plan at some epsilon "
                f"({some(left_out)})."
            )
        if late:
            total = len(self.points) * len(self.epsilons)
            notes.append(f"{plural(late, 'plan')} of {total:,} did not converge and were not used to find the corner.")
        return tuple(notes)

    def table(self) -> pd.DataFrame:
        """One row per label and epsilon, after the pooled rows (with an empty label)."""
        rows = [
            {
                "label": label,
                "epsilon": point.epsilon,
                "cost": point.cost,
                "entropy": point.entropy,
                "n_effective": point.n_effective,
                "status": point.status.outcome.value,
                "note": point.status.message,
                "marginal_error": point.status.marginal_error,
                "iterations": point.status.iterations,
            }
            for label, points in self.points.items()
            for point in points
        ]
        pooled = self.pooled.drop(columns="n_attention").assign(label="", status="pooled", note="")
        pooled.loc[pooled["epsilon"] == self.corner, "note"] = "corner: suggested"
        columns = list(rows[0])
        return pd.concat([pooled.reindex(columns=columns), pd.DataFrame(rows)], ignore_index=True)

    def __repr__(self) -> str:
        corner = "no corner" if self.corner is None else f"corner at {self.corner:.3g}"
        size = f"{len(self.points)} labels × {len(self.epsilons)} epsilons"
        return f"LCurve({type(self.matcher).__name__}: {size}, {corner})"


def l_curve(
    source: ScoredModality,
    target: ScoredModality,
    matcher: Matcher | None = None,
    epsilons: Sequence[float] | None = None,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> LCurve:
    """Cost against entropy of a matcher's plans over a grid of epsilons; no true pairs are used.

    Parameters
    ----------
    source, target
        Scored modalities with the same labels in the same order.
    matcher
        An entropic strategy; :class:`~psmatch_core.matching.matchers.SinkhornMatcher` unless given.
    epsilons
        In the unit of the matcher's option; ten around its own unless given.
    labels
        All unless given.
    seed
        As in :func:`~psmatch_core.matching.match.match`.

    Returns
    -------
    Cost and spread at each epsilon, by label and pooled, with the suggested corner.

    Raises
    ------
    PsmatchError
        For a matcher without epsilon, an unknown label, or an epsilon that is not positive.

    Source: the L-curve of regularisation, Hansen 1992, SIAM Review 34, with entropy in place of a norm: ours.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> curve = psmatch.l_curve(*models, epsilons=[0.02, 0.05, 0.1, 0.2, 0.5], labels=["STAT1"])
    >>> curve.suggestion
    'Suggested without true pairs: epsilon ... (a spread of ... cells), where the curve bends most.'
    """
    matcher = matcher or SinkhornMatcher()
    matcher.plan_costs((), ())  # raises before any work if there is no curve
    check_sides(source, target)
    grid = default_epsilons(matcher) if epsilons is None else np.unique(_positive(epsilons))
    chosen = source.label_names if labels is None else tuple(dict.fromkeys(labels))
    unknown = [label for label in chosen if label not in source.label_names]
    if unknown or not chosen:
        raise PsmatchError(
            f"There is no label {some(unknown)}." if unknown else "No label was chosen.",
            hint=f"Choose among {some(source.label_names, 12)}.",
        )
    matcher.check(source.modality, target.modality)
    problems = label_problems(source, target, chosen, seed, with_features=matcher.needs_features)
    found: dict[str, dict[float, CurvePoint]] = {label: {} for label in chosen}
    total = len(chosen) * len(grid)
    for done, point in enumerate(matcher.trace_curve(problems, grid.tolist(), progress=progress), start=1):
        found[point.status.label][point.epsilon] = point
        progress(Event("curve", done / total, f"label {point.status.label}, epsilon {point.epsilon:.3g}"))
    return LCurve(
        matcher=matcher,
        epsilons=grid,
        points={label: tuple(each[epsilon] for epsilon in grid.tolist()) for label, each in found.items()},
        n_source={problem.label: problem.x.shape[0] for problem in problems},
    )


def default_epsilons(matcher: Matcher) -> np.ndarray:
    """A grid around the matcher's own epsilon, smallest first."""
    low, high, n = GRID
    own = float(getattr(matcher, "epsilon"))  # noqa: B009 - only some matchers have it
    return np.asarray(own * np.geomspace(low, high, n))


def corner_of(epsilons: np.ndarray, entropy: np.ndarray, cost: np.ndarray) -> float | None:
    """The epsilon at the knee of cost over entropy; None for a curve without a knee.

    Parameters
    ----------
    epsilons, entropy, cost
        ``(n,)`` each, smallest epsilon first; nats and units of cost.

    Both axes are scaled to their range, and the knee is the point farthest below the chord between the ends, as in
    Kneedle. Curvature from neighbouring points would not work: these curves are close to a quarter circle, whose
    curvature is the same everywhere (measured: 0.84 to 0.99 of it).

    Source: Satopää, Albrecht, Irwin & Raghavan 2011, Finding a "Kneedle" in a Haystack, section III.
    """
    if epsilons.size < FEWEST or np.ptp(entropy) <= 0 or np.ptp(cost) <= 0:
        return None
    x = (entropy - entropy[0]) / (entropy[-1] - entropy[0] or np.inf)
    y = (cost - cost[0]) / (cost[-1] - cost[0] or np.inf)
    under = x - y
    best = int(np.argmax(under))
    return float(epsilons[best]) if under[best] > CLEAR else None


def _average(values: Sequence[float], weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights)) if len(values) else float("nan")


def _positive(epsilons: Sequence[float]) -> np.ndarray:
    grid = np.asarray(epsilons, dtype=np.float64)
    if grid.ndim != 1 or not grid.size or not (np.isfinite(grid) & (grid > 0)).all():
        raise PsmatchError(
            f"Epsilons must be finite numbers above 0, got {some(epsilons) or 'none'}.",
            hint="Give a few from sharp to smooth, such as 0.01, 0.03, 0.1, 0.3, 1.",
        )
    return grid
