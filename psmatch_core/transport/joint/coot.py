"""Labeled co-optimal transport: one plan between the cells of each label, and one plan between features for all labels.

Minimises Σ_l π_l Σ (X_ip − Y_jq)² T^l_ij V_pq + ε_T Σ_l π_l KL(T^l ‖ a bᵀ) + ε_V KL(V ‖ uniform) by alternating between
all T and V. Source: Ryu et al. 2025; co-optimal transport: Redko et al. 2020. For a given V, the cost of a label is
−2 x_iᵀ V y_j; for given T, the cost of the features is −2 (Σ_l π_l X_lᵀ T_l Y_l)_pq, each up to terms of one side. Both
are inner products, which the engine solves. Each step is a minimum, so the objective never rises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from psmatch_core.base.arrays import Array, to_dense
from psmatch_core.base.progress import Event, silent
from psmatch_core.transport.batch.many import solve_many
from psmatch_core.transport.entropic.solve import solve
from psmatch_core.transport.exact.solve import ExactResult, assign
from psmatch_core.transport.joint.gromov import normalize_masses, plan_divergence, report_iteration
from psmatch_core.transport.joint.inner_products import balance_scales, cost_spread, factorize
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions
from psmatch_core.transport.result import TransportResult

_SMALLEST_SPREAD = 1e-12  # below this, differences between the costs of pairs are rounding

Points = tuple[tuple[Array, Array], ...]


@dataclass(frozen=True, eq=False)
class FeaturePlan:
    """A plan between features.

    Parameters
    ----------
    V
        The plan ``(p, q)``, mass 1; CSR if it is exact.
    epsilon
        Regularisation, units of cost; 0 if the plan is exact.
    error
        L1 error of the marginals; if the plan is exact, the largest relative excess of its cost over the optimum.
    converged
        Whether the error is within the tolerance.
    iterations
        Kernel passes of the engine.
    divergence
        KL divergence from the uniform plan, nats; 0 if the plan is exact.
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
    """Plans of all labels and the plan of the features, found by alternation.

    Parameters
    ----------
    plans
        One per label, each of mass 1: entropic or exact.
    points
        For each label the clouds u ``(n_l, q)`` and v ``(m_l, q)`` whose squared distance is its last cost.
    features
        The plan of the features, ``(p, q)``.
    energies
        The objective after each iteration, in squared units of the features; it never rises.
    change
        Mass that the last iteration moved in V, 0 to 2.
    converged
        Whether the change is within the tolerance.
    """

    plans: tuple[TransportResult, ...] | tuple[ExactResult, ...]
    points: Points
    features: FeaturePlan
    energies: Array
    change: float
    converged: bool

    @property
    def iterations(self) -> int:
        return self.energies.size


def feature_plan(gain: Array, epsilon: float, *, options: SolveOptions = DEFAULT_OPTIONS) -> FeaturePlan:
    """The plan between p and q features with uniform marginals and the cost −2 ``gain (p, q)``.

    It is exact if epsilon is 0.
    """
    u, v = factorize(gain)
    if epsilon == 0:
        exact = assign(u, v, cost="sqeuclidean", options=options)
        return FeaturePlan(exact.matrix, 0.0, exact.relative_gap, exact.converged, 0, 0.0)
    found = solve(u, v, epsilon, cost="sqeuclidean", options=options)
    V = found.rows(0, gain.shape[0])
    divergence = plan_divergence(found, u, v, float(np.sum(V * gain)))
    return FeaturePlan(V, epsilon, found.marginal_error, found.converged, found.iterations, divergence)


def labeled_coot(
    x: Sequence[Array],
    y: Sequence[Array],
    epsilon: float,
    feature_epsilon: float,
    *,
    masses: Array | None = None,
    max_iterations: int = 100,
    options: SolveOptions = DEFAULT_OPTIONS,
) -> CootResult | None:
    """Match the cells of each label, and the features of the two sides.

    Parameters
    ----------
    x, y
        Features of each label's cells, ``(n_l, p)`` and ``(m_l, q)``.
    epsilon, feature_epsilon
        Regularisation of the plans of cells and of features, in spreads of their first cost (standard deviation over
        pairs, without what depends on one side alone); 0 for exact plans.
    masses
        Mass of each label, ``(n_labels,)``; uniform if None.
    max_iterations
        Number of alternations after which the result counts as not converged.
    options
        How the engine solves each step. The tolerance also applies to the change of V.

    Returns
    -------
    None if the first cost is the same for all pairs of cells.
    """
    masses = normalize_masses(masses, len(x))
    quiet = replace(options, progress=silent)
    square_x, square_y = _mean_square(x, masses), _mean_square(y, masses)
    gain = _sum_over_labels(masses, _uniform_gains(x, y))
    feature_spread = cost_spread(*factorize(gain))
    feature_unit = feature_spread if feature_spread > _SMALLEST_SPREAD else 1.0
    features = feature_plan(gain, feature_epsilon * feature_unit, options=quiet)
    points = _cell_points(x, y, features.V)
    first_spreads = [cost_spread(u, v) for u, v in points]
    unit = float(np.sqrt(masses @ np.square(first_spreads)))
    if unit < _SMALLEST_SPREAD:
        return None
    if feature_spread <= _SMALLEST_SPREAD:
        feature_unit = float(np.sqrt(square_x * square_y))  # one label: its means do not distinguish features yet
    energies: list[float] = []
    change, converged = np.inf, False
    while not converged and len(energies) < max_iterations:
        inner = replace(options, progress=report_iteration(options.progress, len(energies), max_iterations))
        plans: tuple[TransportResult, ...] | tuple[ExactResult, ...]
        if epsilon == 0:
            plans = tuple(assign(*each, cost="sqeuclidean", options=inner) for each in points)
            pulled = [plan.pull(each) for plan, each in zip(plans, y, strict=True)]  # (n_l, q)
            divergences = np.zeros(len(plans))
        else:
            plans = entropic = solve_many(points, epsilon * unit, cost="sqeuclidean", options=inner)
            pulled = [plan.pull(each) for plan, each in zip(entropic, y, strict=True)]
            gains = [
                float(np.sum((each @ features.V) * other)) for each, other in zip(x, pulled, strict=True)
            ]  # E[xᵀ V y]
            divergences = np.array(
                [plan_divergence(p, *at, gain) for p, at, gain in zip(entropic, points, gains, strict=True)]
            )
        gain = sum(mass * each.T @ other for mass, each, other in zip(masses, x, pulled, strict=True))
        before = features.V
        features = feature_plan(gain, feature_epsilon * feature_unit, options=quiet)
        energy = square_x + square_y - 2 * float(np.sum(features.dense() * gain))
        energy += epsilon * unit * float(masses @ divergences)
        energies.append(energy + features.epsilon * features.divergence)
        change = float(abs(features.V - before).sum())
        converged = change <= options.tolerance
        if not converged:
            points = _cell_points(x, y, features.V)
        text = f"all labels together, iteration {len(energies)}, {change:.1g} of the feature plan moved"
        options.progress(Event("match", len(energies) / max_iterations, text, {"energy": energies[-1]}))
    return CootResult(plans, points, features, np.array(energies), change, converged)


def label_costs(
    x: Sequence[Array],
    y: Sequence[Array],
    pulls: Sequence[Callable[[Array], Array]],
    feature_epsilon: float,
    *,
    masses: Array | None = None,
    options: SolveOptions = DEFAULT_OPTIONS,
) -> Array:
    """Mean squared difference between matched features of matched cells, for each label, ``(n_labels,)``.

    The plan of the features is the one that :func:`labeled_coot` ends with for these plans of cells.

    Parameters
    ----------
    x, y, feature_epsilon, masses, options
        As in :func:`labeled_coot`.
    pulls
        For each label the function v ↦ P v for ``v (m_l, d)``, where P has mass 1.
    """
    masses = normalize_masses(masses, len(x))
    spread = cost_spread(*factorize(_sum_over_labels(masses, _uniform_gains(x, y))))
    unit = spread if spread > _SMALLEST_SPREAD else float(np.sqrt(_mean_square(x, masses) * _mean_square(y, masses)))
    gains = [each.T @ pull(other) for each, pull, other in zip(x, pulls, y, strict=True)]
    V = feature_plan(_sum_over_labels(masses, gains), feature_epsilon * unit, options=options).dense()
    return np.array(
        [
            np.mean(each**2) + np.mean(other**2) - 2 * np.sum(V * own)
            for each, other, own in zip(x, y, gains, strict=True)
        ]
    )


def _uniform_gains(x: Sequence[Array], y: Sequence[Array]) -> list[Array]:
    """E[x yᵀ] ``(p, q)`` of each label under its uniform plan."""
    return [np.outer(each.mean(axis=0), other.mean(axis=0)) for each, other in zip(x, y, strict=True)]


def _sum_over_labels(masses: Array, values: Sequence[Array]) -> Array:
    return np.asarray(sum(mass * each for mass, each in zip(masses, values, strict=True)))


def _mean_square(side: Sequence[Array], masses: Array) -> float:
    """Mean square of all values of a side; cells have the weight of their label's mass."""
    return float(sum(mass * np.mean(each**2) for mass, each in zip(masses, side, strict=True)))


def _cell_points(x: Sequence[Array], y: Sequence[Array], V: Any) -> Points:
    """For each label the clouds whose inner products are x_iᵀ V y_j."""
    return tuple(balance_scales(np.asarray(each @ V), other) for each, other in zip(x, y, strict=True))
