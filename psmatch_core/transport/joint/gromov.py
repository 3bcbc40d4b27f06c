"""Labeled entropic Gromov-Wasserstein transport: distances within each side agree, and mass stays within labels.

Minimises ½ Σ (A_ik − B_jl)² T_ij T_kl + ε KL(T ‖ p qᵀ) over plans T that are zero where labels differ. A and B are the
squared Euclidean distances within the two sides. Source: Ryu et al. 2025; the factor ½ is that of the published
implementation, so that ε means the same.

With both sides centred under their weights, and r_i = |x_i|², s_j = |y_j|²,

    (A T B)_ij = r_i s_j + 4 x_iᵀ M y_j + (terms of i alone) + (terms of j alone),   M = Σ_ij T_ij x_i y_jᵀ.

So the matrix M ``(d_x, d_y)`` holds all that a label needs from the others; distances across labels enter through it.
Within a label the linearised cost is −2 (r_i s_j + 4 x_iᵀ M y_j), an inner product, which the engine solves without a
matrix of cells × cells. The quadratic part is concave in T (−2 E[r s] − 4 |M|² up to constants), so its linearisation
lies above it and each iteration lowers the objective without a step size or a line search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.base.progress import Event, Progress
from psmatch_core.transport.batch.many import solve_many
from psmatch_core.transport.joint.inner_products import balance_scales, largest_distance
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions
from psmatch_core.transport.result import TransportResult


@dataclass(frozen=True, eq=False)
class GromovResult:
    """Plans of all labels, solved together.

    Parameters
    ----------
    plans
        One per label, each of mass 1; the mass of the label is in ``masses``.
    points
        For each label the clouds u ``(n_l, r)`` and v ``(m_l, r)`` whose squared distance is its last linearised cost.
    masses
        Share of each label of the whole plan, ``(n_labels,)``, summing to one.
    energies
        The objective after each iteration, in squared units of the largest squared distance; it never rises.
    change
        Upper bound of the change of log T in the last iteration, root mean square over pairs.
    converged
        Whether the change is within the tolerance.
    """

    plans: tuple[TransportResult, ...]
    points: tuple[tuple[Array, Array], ...]
    masses: Array
    energies: Array
    change: float
    converged: bool

    @property
    def iterations(self) -> int:
        return self.energies.size


def labeled_gromov(
    x: Sequence[Array],
    y: Sequence[Array],
    epsilon: float,
    *,
    masses: Array | None = None,
    max_iterations: int = 200,
    options: SolveOptions = DEFAULT_OPTIONS,
) -> GromovResult:
    """Match all labels at once so that distances within the two sides agree, also across labels.

    Parameters
    ----------
    x, y
        Points of each label, ``(n_l, d_x)`` and ``(m_l, d_y)``; the two sides may have different coordinates.
    epsilon
        Regularisation, in units of the squared largest squared distance: the squared distances of each side are
        divided by their largest.
    masses
        Mass π of each label, ``(n_labels,)``; uniform if None. Each cell has the mass π_l / n_l or π_l / m_l, so that
        any proportions of labels are feasible.
    max_iterations
        Number of linearisations after which the result counts as not converged.
    options
        How the engine solves each linearisation. The tolerance also applies to the change of log T.
    """
    masses = normalize_masses(masses, len(x))
    xs, ys = _to_unit_diameter(center(x, masses)), _to_unit_diameter(center(y, masses))
    rs, ss = ([np.sum(each**2, axis=1) for each in side] for side in (xs, ys))
    squares = (_mean_squared_cost(xs, rs, masses) + _mean_squared_cost(ys, ss, masses)) / 2
    constant = squares - 2 * mean_over_labels(rs, masses) * mean_over_labels(ss, masses)
    moment = sum(
        mass * np.outer(each.mean(axis=0), other.mean(axis=0)) for mass, each, other in zip(masses, xs, ys, strict=True)
    )  # M of the plan that is uniform within labels
    reach = np.sqrt(mean_over_labels(ss, masses))
    pulled = [4 * each @ moment for each in xs]  # (n_l, d_y)
    targets = [np.column_stack([s, each]) for s, each in zip(ss, ys, strict=True)]
    energies: list[float] = []
    change, converged = np.inf, False
    while not converged and len(energies) < max_iterations:
        sources = [np.column_stack([r, each]) for r, each in zip(rs, pulled, strict=True)]
        points = tuple(balance_scales(u, v) for u, v in zip(sources, targets, strict=True))
        inner = replace(options, progress=report_iteration(options.progress, len(energies), max_iterations))
        plans = solve_many(points, epsilon, cost="sqeuclidean", options=inner)
        carried = [plan.pull(v) for plan, v in zip(plans, targets, strict=True)]  # (n_l, 1 + d_y)
        gains = [float(np.sum(u * each)) for u, each in zip(sources, carried, strict=True)]
        spreads = [plan_divergence(plan, *at, gain) for plan, at, gain in zip(plans, points, gains, strict=True)]
        joint = sum(mass * r @ each[:, 0] for mass, r, each in zip(masses, rs, carried, strict=True))  # E[r s]
        moment = sum(mass * each.T @ other[:, 1:] for mass, each, other in zip(masses, xs, carried, strict=True))
        energies.append(float(constant - 2 * joint - 4 * np.sum(moment**2) + epsilon * (masses @ spreads)))
        before, pulled = pulled, [4 * each @ moment for each in xs]
        moved = mean_over_labels([np.sum((a - b) ** 2, axis=1) for a, b in zip(pulled, before, strict=True)], masses)
        change = float(2 * np.sqrt(moved) * reach / epsilon)
        converged = change <= options.tolerance
        text = f"all labels together, iteration {len(energies)}, change {change:.1g}"
        options.progress(Event("match", len(energies) / max_iterations, text, {"energy": energies[-1]}))
    return GromovResult(plans, points, masses, np.array(energies), change, converged)


def label_distortions(
    x: Sequence[Array], y: Sequence[Array], pulls: Sequence[Callable[[Array], Array]], *, masses: Array | None = None
) -> Array:
    """Contribution of each label's plan to the objective without the entropy, scaled to mass 1, ``(n_labels,)``.

    Parameters
    ----------
    x, y, masses
        As in :func:`labeled_gromov`, whose objective is the mean of these values over labels by their masses.
    pulls
        For each label the function v ↦ P v for ``v (m_l, d)``, where P has mass 1 and marginals that are uniform to its
        tolerance.
    """
    masses = normalize_masses(masses, len(x))
    xs, ys = _to_unit_diameter(center(x, masses)), _to_unit_diameter(center(y, masses))
    rs, ss = ([np.sum(each**2, axis=1) for each in side] for side in (xs, ys))
    carried = [pull(np.column_stack([s, each])) for pull, s, each in zip(pulls, ss, ys, strict=True)]  # (n_l, 1 + d_y)
    joint = np.array([r @ each[:, 0] for r, each in zip(rs, carried, strict=True)])  # E_l[r s]
    moments = [each.T @ other[:, 1:] for each, other in zip(xs, carried, strict=True)]  # E_l[x yᵀ]
    moment = sum(mass * each for mass, each in zip(masses, moments, strict=True))
    reach_y = sum(mass * r @ each[:, 1:] for mass, r, each in zip(masses, rs, carried, strict=True))  # E[r y]
    reach_x = sum(mass * each.T @ other[:, 0] for mass, each, other in zip(masses, xs, carried, strict=True))  # E[x s]
    mean_r, mean_s = mean_over_labels(rs, masses), mean_over_labels(ss, masses)
    own = [_mean_squares(points, lengths, masses) for points, lengths in ((xs, rs), (ys, ss))]
    out = []
    for k in range(len(xs)):
        cross = joint[k] + rs[k].mean() * mean_s + mean_r * ss[k].mean() + masses @ joint
        cross -= 2 * (ys[k].mean(axis=0) @ reach_y + xs[k].mean(axis=0) @ reach_x)
        cross += 4 * np.sum(moments[k] * moment)
        out.append((own[0][k] + own[1][k]) / 2 - cross)
    return np.array(out)


def _mean_squares(points: list[Array], lengths: list[Array], masses: Array) -> Array:
    """Mean of Σ_k A_ik² p_k over the cells i of each label, for centred points, ``(n_labels,)``; forms no pairs."""
    mean, square = mean_over_labels(lengths, masses), mean_over_labels([each**2 for each in lengths], masses)
    stretch = sum(
        mass * (r @ each) / len(each) for mass, r, each in zip(masses, lengths, points, strict=True)
    )  # E[r x]
    root = np.concatenate([np.sqrt(mass / len(each)) * each for mass, each in zip(masses, points, strict=True)])
    out = []
    for r, each in zip(lengths, points, strict=True):
        bent = np.sum((each @ root.T) ** 2, axis=1) if len(root) < each.shape[1] else np.sum(
            (each @ (root.T @ root)) * each, axis=1
        )  # fmt: skip
        out.append(np.mean(r**2 + square + 4 * bent + 2 * r * mean - 4 * each @ stretch))
    return np.array(out)


def normalize_masses(masses: Array | None, n: int) -> Array:
    """Masses of ``n`` labels, summing to one; uniform if None."""
    given = np.ones(n) if masses is None else np.asarray(masses, dtype=np.float64)
    return np.asarray(given / given.sum())


def mean_over_labels(values: Sequence[Array], masses: Array) -> float:
    """Mean over labels by their masses, where each label counts with the mean over its cells."""
    return float(sum(mass * each.mean() for mass, each in zip(masses, values, strict=True)))


def center(points: Sequence[Array], masses: Array) -> list[Array]:
    """Points minus their mean, where cells have the weight of their label's mass."""
    middle = sum(mass * each.mean(axis=0) for mass, each in zip(masses, points, strict=True))
    return [np.asarray(each - middle, dtype=np.float64) for each in points]


def plan_divergence(plan: TransportResult, u: Array, v: Array, gain: float) -> float:
    """KL(P ‖ a bᵀ), nats, of a plan for the cost |u − v|², from its ``gain`` E[u·v]."""
    cost = plan.a @ np.sum(u**2, axis=1) + plan.b @ np.sum(v**2, axis=1) - 2 * gain
    return float((plan.f @ plan.a + plan.g @ plan.b - cost) / plan.epsilon)


def _to_unit_diameter(points: list[Array]) -> list[Array]:
    """Points scaled so that the largest squared distance is 1; unchanged if all are the same point."""
    largest = largest_distance(np.concatenate(points))
    return [each / largest for each in points] if largest > 0 else points


def _mean_squared_cost(points: list[Array], lengths: list[Array], masses: Array) -> float:
    """Σ A_ik² p_i p_k for centred points, as 2 E[r²] + 2 E[r]² + 4 |E[x xᵀ]|²; forms no pairs."""
    weighted = np.concatenate([np.sqrt(mass / len(each)) * each for mass, each in zip(masses, points, strict=True)])
    n, d = weighted.shape
    # both products have the same norm, and the smaller one is cheaper
    products = weighted @ weighted.T if n < d else weighted.T @ weighted
    squares = mean_over_labels([each**2 for each in lengths], masses)
    return float(2 * squares + 2 * mean_over_labels(lengths, masses) ** 2 + 4 * np.sum(products**2))


def report_iteration(progress: Progress, n_done: int, n_iterations: int) -> Progress:
    """A progress callback for the engine that reports about the iteration it works for."""

    def report(event: Event, /) -> None:
        fraction = (n_done + event.fraction) / n_iterations
        progress(Event("match", fraction, f"iteration {n_done + 1}: {event.message}"))

    return report
