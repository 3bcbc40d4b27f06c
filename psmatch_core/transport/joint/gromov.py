"""Labeled entropic Gromov-Wasserstein transport: distances within each side agree, and labels are kept.

Minimises ½ Σ (A_ik − B_jl)² T_ij T_kl + ε KL(T ‖ p qᵀ) over plans T that are zero where labels differ; A and B are the
squared Euclidean distances within the sides. Source: Ryu et al. 2025; the factor ½ is that of the published
implementation, whose ε this therefore is.

With both sides centred under their weights, and r_i = |x_i|², s_j = |y_j|²,

    (A T B)_ij = r_i s_j + 4 x_iᵀ M y_j + (terms of i alone) + (terms of j alone),   M = Σ_ij T_ij x_i y_jᵀ.

So all that a label must know of the others is the matrix M ``(d_x, d_y)``: cross-label distances enter through it.
Within a label the linearised cost is −2 (r_i s_j + 4 x_iᵀ M y_j), an inner product, which the engine solves without
ever forming cells × cells. The quadratic part is concave in T (−2 E[r s] − 4 |M|² up to constants), so that its
linearisation lies above it and every iteration lowers the objective: no step size, no line search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.transport.batch.many import solve_many
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.joint.inner_products import largest_distance, level
from psmatch_core.transport.problem import Executor
from psmatch_core.transport.result import TransportResult


@dataclass(frozen=True, eq=False)
class GromovResult:
    """Plans of all labels, solved together.

    Parameters
    ----------
    plans
        One a label, each of mass 1; the label's mass is in ``masses``.
    points
        The clouds u ``(n_l, r)`` and v ``(m_l, r)`` of each label whose squared distance is its last linearised cost.
    masses
        Share of each label in the whole plan, ``(n_labels,)``, summing to one.
    energies
        The objective after each iteration, in squared units of the largest squared distance; it never rises.
    change
        Bound of how much the last iteration changed log T, root mean square over pairs.
    settled
        Whether that is below the tolerance.
    """

    plans: tuple[TransportResult, ...]
    points: tuple[tuple[Array, Array], ...]
    masses: Array
    energies: Array
    change: float
    settled: bool

    @property
    def iterations(self) -> int:
        return self.energies.size


def labeled_gromov(
    x: Sequence[Array],
    y: Sequence[Array],
    epsilon: float,
    masses: Array | None = None,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 200,
    inner_iterations: int = 10_000,
    memory_budget_mb: float = 1024.0,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> GromovResult:
    """Couple all labels at once so that distances within the two sides agree, across labels too.

    Parameters
    ----------
    x, y
        Points of each label, ``(n_l, d_x)`` and ``(m_l, d_y)``; the two spaces may be different ones.
    epsilon
        Regularisation, in units of the squared largest squared distance: both sides' distances are divided by theirs.
    masses
        Mass π of each label, ``(n_labels,)``; uniform if None. Each cell has the mass π_l / n_l or π_l / m_l, so that
        any proportions of labels are feasible.
    tolerance
        L1 error of each label's marginals, and bound of the change of log T at which iteration ends.
    max_iterations, inner_iterations
        Linearisations, and passes of the engine within one.
    """
    masses = shares(masses, len(x))
    xs, ys = _to_unit(centered(x, masses)), _to_unit(centered(y, masses))
    rs, ss = ([np.sum(each**2, axis=1) for each in side] for side in (xs, ys))
    constant = (_squared(xs, rs, masses) + _squared(ys, ss, masses)) / 2 - 2 * average(rs, masses) * average(ss, masses)
    moment = sum(
        mass * np.outer(each.mean(axis=0), other.mean(axis=0)) for mass, each, other in zip(masses, xs, ys, strict=True)
    )  # M of the plan that is uniform within labels
    reach = np.sqrt(average(ss, masses))
    pulled = [4 * each @ moment for each in xs]  # (n_l, d_y)
    targets = [np.column_stack([s, each]) for s, each in zip(ss, ys, strict=True)]
    energies: list[float] = []
    change, settled = np.inf, False
    while not settled and len(energies) < max_iterations:
        sources = [np.column_stack([r, each]) for r, each in zip(rs, pulled, strict=True)]
        points = tuple(level(u, v) for u, v in zip(sources, targets, strict=True))
        plans = solve_many(
            points,
            epsilon,
            cost="sqeuclidean",
            tolerance=tolerance,
            max_iterations=inner_iterations,
            memory_budget_mb=memory_budget_mb,
            seed=seed,
            progress=of_iteration(progress, len(energies), max_iterations),
            executor=executor,
        )
        carried = [plan.pull(v) for plan, v in zip(plans, targets, strict=True)]  # (n_l, 1 + d_y)
        gains = [float(np.sum(u * each)) for u, each in zip(sources, carried, strict=True)]
        spreads = [divergence(plan, *at, gain) for plan, at, gain in zip(plans, points, gains, strict=True)]
        joint = sum(mass * r @ each[:, 0] for mass, r, each in zip(masses, rs, carried, strict=True))  # E[r s]
        moment = sum(mass * each.T @ other[:, 1:] for mass, each, other in zip(masses, xs, carried, strict=True))
        energies.append(float(constant - 2 * joint - 4 * np.sum(moment**2) + epsilon * (masses @ spreads)))
        before, pulled = pulled, [4 * each @ moment for each in xs]
        moved = average([np.sum((a - b) ** 2, axis=1) for a, b in zip(pulled, before, strict=True)], masses)
        change = float(2 * np.sqrt(moved) * reach / epsilon)
        settled = change <= tolerance
        text = f"all labels together, iteration {len(energies)}, change {change:.1g}"
        progress(Event("match", len(energies) / max_iterations, text, {"energy": energies[-1]}))
    return GromovResult(plans, points, masses, np.array(energies), change, settled)


def label_distortions(
    x: Sequence[Array], y: Sequence[Array], pulls: Sequence[Callable[[Array], Array]], masses: Array | None = None
) -> Array:
    """What each label's plan contributes to the objective without its entropy, scaled to mass 1, ``(n_labels,)``.

    Parameters
    ----------
    x, y, masses
        As in :func:`labeled_gromov`, whose objective is the mean of these over labels by their masses.
    pulls
        Of each label: ``P v`` for ``v (m_l, d)``, with P of mass 1 and marginals uniform to its tolerance.
    """
    masses = shares(masses, len(x))
    xs, ys = _to_unit(centered(x, masses)), _to_unit(centered(y, masses))
    rs, ss = ([np.sum(each**2, axis=1) for each in side] for side in (xs, ys))
    carried = [pull(np.column_stack([s, each])) for pull, s, each in zip(pulls, ss, ys, strict=True)]  # (n_l, 1 + d_y)
    joint = np.array([r @ each[:, 0] for r, each in zip(rs, carried, strict=True)])  # E_l[r s]
    moments = [each.T @ other[:, 1:] for each, other in zip(xs, carried, strict=True)]  # E_l[x yᵀ]
    moment = sum(mass * each for mass, each in zip(masses, moments, strict=True))
    reach_y = sum(mass * r @ each[:, 1:] for mass, r, each in zip(masses, rs, carried, strict=True))  # E[r y]
    reach_x = sum(mass * each.T @ other[:, 0] for mass, each, other in zip(masses, xs, carried, strict=True))  # E[x s]
    mean_r, mean_s = average(rs, masses), average(ss, masses)
    own = [_own(points, lengths, masses) for points, lengths in ((xs, rs), (ys, ss))]
    out = []
    for k in range(len(xs)):
        cross = joint[k] + rs[k].mean() * mean_s + mean_r * ss[k].mean() + masses @ joint
        cross -= 2 * (ys[k].mean(axis=0) @ reach_y + xs[k].mean(axis=0) @ reach_x)
        cross += 4 * np.sum(moments[k] * moment)
        out.append((own[0][k] + own[1][k]) / 2 - cross)
    return np.array(out)


def _own(points: list[Array], lengths: list[Array], masses: Array) -> Array:
    """Mean over each label's cells i of Σ_k A_ik² p_k, of centred points: ``(n_labels,)``, no pair formed."""
    mean, square = average(lengths, masses), average([each**2 for each in lengths], masses)
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


def shares(masses: Array | None, n: int) -> Array:
    """Masses of ``n`` labels, summing to one; uniform if None."""
    given = np.ones(n) if masses is None else np.asarray(masses, dtype=np.float64)
    return np.asarray(given / given.sum())


def average(values: Sequence[Array], masses: Array) -> float:
    """Mean over labels, by their masses, of the mean over the cells of each."""
    return float(sum(mass * each.mean() for mass, each in zip(masses, values, strict=True)))


def centered(points: Sequence[Array], masses: Array) -> list[Array]:
    """Points less their mean, cells weighted by the masses of their labels."""
    middle = sum(mass * each.mean(axis=0) for mass, each in zip(masses, points, strict=True))
    return [np.asarray(each - middle, dtype=np.float64) for each in points]


def divergence(plan: TransportResult, u: Array, v: Array, gain: float) -> float:
    """KL(P ‖ a bᵀ) in nats of a plan at the cost |u − v|², from ``gain`` = E[u·v] under it."""
    cost = plan.a @ np.sum(u**2, axis=1) + plan.b @ np.sum(v**2, axis=1) - 2 * gain
    return float((plan.f @ plan.a + plan.g @ plan.b - cost) / plan.epsilon)


def _to_unit(points: list[Array]) -> list[Array]:
    """Points scaled so that the largest squared distance between two is 1; as they are where all are one point."""
    largest = largest_distance(np.concatenate(points))
    return [each / largest for each in points] if largest > 0 else points


def _squared(points: list[Array], lengths: list[Array], masses: Array) -> float:
    """Σ A_ik² p_i p_k of centred points: 2 E[r²] + 2 E[r]² + 4 |E[x xᵀ]|², with no pair ever formed."""
    weighted = np.concatenate([np.sqrt(mass / len(each)) * each for mass, each in zip(masses, points, strict=True)])
    n, d = weighted.shape
    products = weighted @ weighted.T if n < d else weighted.T @ weighted  # of one norm, whichever is smaller
    squares = average([each**2 for each in lengths], masses)
    return float(2 * squares + 2 * average(lengths, masses) ** 2 + 4 * np.sum(products**2))


def of_iteration(progress: Progress, done: int, of: int) -> Progress:
    """Reports of the engine as reports of the iteration that it works for."""

    def report(event: Event, /) -> None:
        progress(Event("match", (done + event.fraction) / of, f"iteration {done + 1}: {event.message}"))

    return report
