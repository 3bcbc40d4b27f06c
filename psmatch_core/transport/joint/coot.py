"""Labeled co-optimal transport: a plan between the cells of each label, and one between the features, shared by all.

Minimises Σ_l π_l Σ (X_ip − Y_jq)² T^l_ij V_pq + ε_T Σ_l π_l KL(T^l ‖ a bᵀ) + ε_V KL(V ‖ uniform) by solving for all
T and for V in turn. Source: Ryu et al. 2025; co-optimal transport: Redko et al. 2020. With V given, a label's
cost is −2 x_iᵀ V y_j, with all T given that of the features is −2 (Σ_l π_l X_lᵀ T_l Y_l)_pq, each up to terms of one
side: both are inner products, and the engine solves both. Each step is a minimum: the objective never rises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.transport.batch.many import solve_many
from psmatch_core.transport.entropic.solve import solve
from psmatch_core.transport.exact.solve import ExactResult, assign
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.joint.gromov import divergence, of_iteration, shares
from psmatch_core.transport.joint.inner_products import as_points, level, spread
from psmatch_core.transport.problem import Executor
from psmatch_core.transport.result import TransportResult

LEAST_SPREAD = 1e-12  # below this a cost tells no pair from another, and what is left of it is rounding


@dataclass(frozen=True, eq=False)
class FeaturePlan:
    """A plan between features.

    Parameters
    ----------
    V
        ``(p, q)``, mass 1; CSR where it is exact.
    epsilon
        Regularisation, units of cost; 0 where it is exact.
    error
        L1 error of its marginals; where it is exact, how far its cost may be above the best, relative.
    converged
        Whether the error is as small as asked.
    iterations
        Of the engine.
    divergence
        KL from the uniform plan, nats; 0 where it is exact.
    """

    V: Any
    epsilon: float
    error: float
    converged: bool
    iterations: int
    divergence: float

    def dense(self) -> Array:
        """V as an array ``(p, q)``."""
        return to_dense(self.V, dtype=None)


@dataclass(frozen=True, eq=False)
class CootResult:
    """Plans of all labels and the plan of the features, solved in turn.

    Parameters
    ----------
    plans
        One a label, each of mass 1: entropic or exact.
    points
        The clouds u ``(n_l, q)`` and v ``(m_l, q)`` whose squared distance is a label's last cost.
    features
        The plan of the features, ``(p, q)``.
    energies
        The objective after each turn, in squared units of the features; it never rises.
    change
        Mass that the last turn moved in V, 0 to 2.
    settled
        Whether that is below the tolerance.
    """

    plans: tuple[TransportResult, ...] | tuple[ExactResult, ...]
    points: tuple[tuple[Array, Array], ...]
    features: FeaturePlan
    energies: Array
    change: float
    settled: bool

    @property
    def iterations(self) -> int:
        return self.energies.size


def feature_plan(
    gain: Array,
    epsilon: float,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 10_000,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
) -> FeaturePlan:
    """The plan between p and q features, uniform marginals, at the cost −2 ``gain (p, q)``; exact for epsilon 0."""
    u, v = as_points(gain)
    options = {"memory_budget_mb": memory_budget_mb, "seed": seed, "progress": progress}
    if epsilon == 0:
        exact = assign(u, v, cost="sqeuclidean", **options)  # type: ignore[arg-type]
        return FeaturePlan(exact.matrix, 0.0, exact.relative_gap, exact.converged, 0, 0.0)
    found = solve(
        u, v, epsilon, cost="sqeuclidean", tolerance=tolerance, max_iterations=max_iterations, **options,  # type: ignore[arg-type]
    )  # fmt: skip
    V = found.rows(0, gain.shape[0])
    far = divergence(found, u, v, float(np.sum(V * gain)))
    return FeaturePlan(V, epsilon, found.marginal_error, found.converged, found.iterations, far)


def labeled_coot(
    x: Sequence[Array],
    y: Sequence[Array],
    epsilon: float,
    feature_epsilon: float,
    masses: Array | None = None,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 100,
    inner_iterations: int = 10_000,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> CootResult | None:
    """Couple the cells of every label and the features of the two sides.

    Parameters
    ----------
    x, y
        Features of each label's cells, ``(n_l, p)`` and ``(m_l, q)``.
    epsilon, feature_epsilon
        Regularisation of the plans of cells and of features, in spreads of the cost that each meets first (standard
        deviation over pairs, less what depends on one side alone); 0 for exact plans.
    masses
        Mass of each label, ``(n_labels,)``; uniform if None.
    tolerance
        L1 error of the marginals of all plans, and of V between turns when the iteration ends.

    Returns
    -------
    None where nothing tells one pair of cells from another.
    """
    masses = shares(masses, len(x))
    level_x, level_y = (_squares(side, masses) for side in (x, y))
    gain = sum(
        mass * np.outer(each.mean(axis=0), other.mean(axis=0)) for mass, each, other in zip(masses, x, y, strict=True)
    )  # of the plan that is uniform within labels
    options = {"memory_budget_mb": memory_budget_mb, "seed": seed}
    inner = {**options, "tolerance": tolerance, "max_iterations": inner_iterations}
    size = spread(*as_points(gain))
    unit = size if size > LEAST_SPREAD else 1.0
    features = feature_plan(gain, feature_epsilon * unit, **inner)  # type: ignore[arg-type]
    points = _points(x, y, features.V)
    at_first = [spread(u, v) for u, v in points]
    typical = float(np.sqrt(masses @ np.square(at_first)))
    if typical < LEAST_SPREAD:
        return None
    if size <= LEAST_SPREAD:
        unit = float(np.sqrt(level_x * level_y))  # one label: its means say nothing of features yet
    energies: list[float] = []
    change, settled = np.inf, False
    while not settled and len(energies) < max_iterations:
        report = of_iteration(progress, len(energies), max_iterations)
        plans: tuple[TransportResult, ...] | tuple[ExactResult, ...]
        if epsilon == 0:
            plans = tuple(
                assign(*at, cost="sqeuclidean", progress=report, executor=executor, **options)  # type: ignore[arg-type]
                for at in points
            )
            carried = [np.asarray(plan.matrix @ each) for plan, each in zip(plans, y, strict=True)]
            spreads = np.zeros(len(plans))
        else:
            entropic = solve_many(
                points, epsilon * typical, cost="sqeuclidean", progress=report, executor=executor, **inner  # type: ignore[arg-type]
            )  # fmt: skip
            carried = [plan.pull(each) for plan, each in zip(entropic, y, strict=True)]  # (n_l, q)
            gains = [
                float(np.sum((each @ features.V) * other)) for each, other in zip(x, carried, strict=True)
            ]  # E[xᵀ V y]
            spreads = np.array([divergence(p, *at, g) for p, at, g in zip(entropic, points, gains, strict=True)])
            plans = entropic
        gain = sum(mass * each.T @ other for mass, each, other in zip(masses, x, carried, strict=True))
        before = features.V
        features = feature_plan(gain, feature_epsilon * unit, **inner)  # type: ignore[arg-type]
        met = np.sum(features.dense() * gain)
        energy = level_x + level_y - 2 * float(met) + epsilon * typical * float(masses @ spreads)
        energies.append(energy + features.epsilon * features.divergence)
        change = float(abs(features.V - before).sum())
        settled = change <= tolerance
        if not settled:
            points = _points(x, y, features.V)
        text = f"all labels together, turn {len(energies)}, {change:.1g} of the feature plan moved"
        progress(Event("match", len(energies) / max_iterations, text, {"energy": energies[-1]}))
    return CootResult(plans, points, features, np.array(energies), change, settled)


def label_costs(
    x: Sequence[Array],
    y: Sequence[Array],
    pulls: Sequence[Callable[[Array], Array]],
    feature_epsilon: float,
    masses: Array | None = None,
    *,
    tolerance: float = 1e-3,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
) -> Array:
    """Mean squared difference of matched features of matched cells, label by label, ``(n_labels,)``.

    The plan of the features is the one that :func:`labeled_coot` ends on with these plans of cells.

    Parameters
    ----------
    x, y, feature_epsilon, masses
        As in :func:`labeled_coot`.
    pulls
        Of each label: ``P v`` for ``v (m_l, d)``, with P of mass 1.
    """
    masses = shares(masses, len(x))
    even = [np.outer(each.mean(axis=0), other.mean(axis=0)) for each, other in zip(x, y, strict=True)]
    gains = [each.T @ pull(other) for each, pull, other in zip(x, pulls, y, strict=True)]
    size = spread(*as_points(sum(mass * each for mass, each in zip(masses, even, strict=True))))
    unit = size if size > LEAST_SPREAD else float(np.sqrt(_squares(x, masses) * _squares(y, masses)))
    gain = sum(mass * each for mass, each in zip(masses, gains, strict=True))
    features = feature_plan(
        gain, feature_epsilon * unit, tolerance=tolerance, memory_budget_mb=memory_budget_mb, seed=seed
    )
    V = features.dense()
    return np.array(
        [
            np.mean(each**2) + np.mean(other**2) - 2 * np.sum(V * own)
            for each, other, own in zip(x, y, gains, strict=True)
        ]
    )


def _squares(side: Sequence[Array], masses: Array) -> float:
    """Mean square of a side's values, over cells by their mass and over features alike."""
    return float(sum(mass * np.mean(each**2) for mass, each in zip(masses, side, strict=True)))


def _points(x: Sequence[Array], y: Sequence[Array], V: Any) -> tuple[tuple[Array, Array], ...]:
    return tuple(level(np.asarray(each @ V), other) for each, other in zip(x, y, strict=True))
