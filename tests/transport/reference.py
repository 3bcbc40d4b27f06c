"""The same plan by other means: a dense log-domain Sinkhorn iteration in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Dense:
    plan: Array
    f: Array
    g: Array
    cost: Array
    error: float


def weights(values: Array | None, size: int) -> Array:
    return np.full(size, 1 / size) if values is None else np.asarray(values) / np.sum(values)


def costs(x: Array, y: Array, cost: str = "euclidean") -> Array:
    return cdist(np.asarray(x, float), np.asarray(y, float), cost)


def plan_of(f: Array, g: Array, a: Array, b: Array, cost: Array, epsilon: float) -> Array:
    """P = a b exp((f + g − C) / epsilon), dense; 0 where a weight is 0, whatever the potentials there."""
    mass = a[:, None] * b[None]
    return np.where(mass > 0, mass * np.exp(np.where(mass > 0, (f[:, None] + g[None] - cost) / epsilon, 0)), 0)


def l1_error(plan: Array, a: Array, b: Array) -> float:
    return float(np.abs(plan.sum(1) - a).sum() + np.abs(plan.sum(0) - b).sum())


def sinkhorn(cost: Array, epsilon: float, a: Array, b: Array, tolerance: float = 1e-9, limit: int = 200_000) -> Dense:
    """Alternating soft c-transforms, while epsilon is halved down to the goal."""
    f, g = np.zeros(a.size), np.zeros(b.size)
    with np.errstate(divide="ignore"):
        log_a, log_b = np.log(a), np.log(b)
    step = max(epsilon, float(cost.max()))
    error = np.inf
    while True:
        for _ in range(limit if step <= epsilon else 20):
            f = -step * logsumexp((g[None] - cost) / step + log_b[None], axis=1)
            g = -step * logsumexp((f[:, None] - cost) / step + log_a[:, None], axis=0)
            if step <= epsilon:
                plan = plan_of(f, g, a, b, cost, epsilon)
                error = l1_error(plan, a, b)
                if error <= tolerance:
                    break
        if step <= epsilon:
            return Dense(plan_of(f, g, a, b, cost, epsilon), f, g, cost, error)
        step = max(epsilon, step / 2)
