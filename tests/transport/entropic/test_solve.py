"""solve against float64 references, for all kinds of labels."""

from __future__ import annotations

import itertools

import numpy as np
import ot
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from psmatch_core.transport import solve
from psmatch_core.transport.entropic.schedule import nested_samples
from psmatch_core.transport.geometry import Geometry
from psmatch_core.transport.options import AnnealingSchedule, SolveOptions
from psmatch_core.transport.problem import Problem
from tests.transport.reference import costs, l1_error, plan_of, sinkhorn, weights

# What a small problem does not need by default: several levels, and the plan held as for larger problems.
LEVELS = AnnealingSchedule(coarsest_cells=12, level_ratio=2.0)
DENSE = AnnealingSchedule(sparse_below=-1.0)
SPARSE = AnnealingSchedule(coarsest_cells=12, level_ratio=2.0, sparse_below=2.0)
SCHEDULES = {"default": AnnealingSchedule(), "levels": LEVELS, "dense": DENSE, "sparse": SPARSE}


def clouds(seed: int, n: int, m: int, dimensions: int, kind: str = "plain") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, dimensions)), rng.normal(size=(m, dimensions)) + 0.3
    if kind == "duplicates":
        x, y = x[rng.integers(0, max(1, n // 3), n)], y[rng.integers(0, max(1, m // 3), m)]
    elif kind == "identical":
        y = x[rng.integers(0, n, m)] if n != m else x.copy()
    elif kind == "apart":
        y = y + 1000 / np.sqrt(dimensions)
    elif kind == "one point":
        x, y = np.zeros((n, dimensions)), np.zeros((m, dimensions))
    return x, y


def uneven(seed: int, size: int, zeros: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.5, size=size) + 1e-3
    if zeros and size > 1:
        values[rng.integers(0, size, size // 3)] = 0.0
        values[0] = 1.0
    return values


KINDS = ["plain", "duplicates", "identical", "apart", "one point"]


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    dimensions=st.sampled_from([1, 2, 5, 26, 100]),
    kind=st.sampled_from(KINDS),
    cost=st.sampled_from(["euclidean", "sqeuclidean"]),
    weighted=st.sampled_from(["uniform", "weights", "zeros"]),
    exponent=st.floats(-2.5, 3.5),
    schedule=st.sampled_from(sorted(SCHEDULES)),
)
@example(0, 1, 1, 1, "plain", "euclidean", "uniform", 0.0, "default")
@example(1, 40, 40, 5, "identical", "euclidean", "uniform", -2.0, "sparse")
@example(2, 1, 50, 5, "apart", "sqeuclidean", "zeros", -2.0, "levels")
def test_certificate_bounds_the_true_error_whatever_the_clouds(
    seed: int, n: int, m: int, dimensions: int, kind: str, cost: str, weighted: str, exponent: float, schedule: str
) -> None:
    x, y = clouds(seed, n, m, dimensions, kind)
    a = None if weighted == "uniform" else uneven(seed, n, weighted == "zeros")
    b = None if weighted == "uniform" else uneven(seed + 1, m, weighted == "zeros")
    matrix = costs(x, y, cost)
    spread = float(matrix.std())
    if spread < 1e-9 * matrix.mean():  # rounding alone
        spread = float(matrix.mean())
    epsilon = (spread or 1.0) * 10.0**exponent
    result = solve(
        x, y, epsilon, a=a, b=b, cost=cost, options=SolveOptions(max_iterations=20_000, schedule=SCHEDULES[schedule])
    )
    wa, wb = weights(a, n), weights(b, m)
    plan = plan_of(result.f, result.g, wa, wb, matrix, epsilon)
    error = l1_error(plan, wa, wb)
    assert np.isfinite(result.f).all()
    assert np.isfinite(result.g).all()
    if result.converged:
        assert result.marginal_error <= 1e-3
    # potentials near 1e6 with epsilon 1e-2 hold eight digits less: the reference itself rounds there
    noise = 1e-8 + 20 * np.finfo(float).eps * matrix.max() / epsilon
    assert error <= result.marginal_error + noise
    assert result.converged


@pytest.mark.parametrize("share", [0.003, 0.02, 0.2, 2.0])
@pytest.mark.parametrize(
    ("n", "m", "dimensions", "kind", "weighted"),
    [
        (2000, 2000, 25, "plain", "uniform"),
        (2000, 1500, 5, "duplicates", "weights"),
        (1200, 2000, 100, "plain", "zeros"),
        (2000, 2000, 2, "identical", "uniform"),
    ],
)
def test_certificate_bounds_the_true_error_of_labels_as_large_as_real_ones(
    n: int, m: int, dimensions: int, kind: str, weighted: str, share: float
) -> None:
    x, y = clouds(n + m, n, m, dimensions, kind)
    a = None if weighted == "uniform" else uneven(1, n, weighted == "zeros")
    b = None if weighted == "uniform" else uneven(2, m, weighted == "zeros")
    matrix = costs(x, y)
    epsilon = share * float(matrix.mean())
    result = solve(x, y, epsilon, a=a, b=b)
    wa, wb = weights(a, n), weights(b, m)
    error = l1_error(plan_of(result.f, result.g, wa, wb, matrix, epsilon), wa, wb)
    assert result.converged
    assert error <= result.marginal_error + 1e-8
    assert result.marginal_error <= 1e-3


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_plan_is_the_references(schedule: str, cost: str) -> None:
    x, y = clouds(3, 70, 45, 6)
    a, b = uneven(1, 70, True), uneven(2, 45, True)
    matrix, options = costs(x, y, cost), SolveOptions(tolerance=1e-7, schedule=SCHEDULES[schedule])
    for share in (0.02, 0.1, 1.0):
        epsilon = share * matrix.mean()
        result = solve(x, y, epsilon, a=a, b=b, cost=cost, options=options)
        assert result.converged
        truth = sinkhorn(matrix, epsilon, weights(a, 70), weights(b, 45), 1e-10)
        np.testing.assert_allclose(result.rows(0, 70), truth.plan, atol=2e-7)
        assert np.abs(result.rows(0, 70) - truth.plan).sum() < 1e-5


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), n=st.integers(2, 40), m=st.integers(2, 40), exponent=st.floats(-1.3, 1.0))
def test_plan_is_pots(seed: int, n: int, m: int, exponent: float) -> None:
    x, y = clouds(seed, n, m, 4)
    matrix = costs(x, y)
    epsilon = matrix.mean() * 10.0**exponent
    a, b = weights(uneven(seed, n, False), n), weights(uneven(seed + 1, m, False), m)
    result = solve(x, y, epsilon, a=a, b=b, options=SolveOptions(tolerance=1e-8))
    theirs = ot.sinkhorn(a, b, matrix, epsilon, method="sinkhorn_log", numItermax=100_000, stopThr=1e-9, warn=False)
    assert np.abs(result.rows(0, n) - theirs).sum() < 1e-5


def test_levels_are_nested_and_end_with_everything() -> None:
    geometry = Geometry(np.zeros((100, 2)), np.zeros((50, 2)), False)
    problem = Problem(geometry, np.full(100, 0.01), np.full(50, 0.02))
    schedule = AnnealingSchedule(coarsest_cells=20, level_ratio=2.0)
    samples = nested_samples(problem, SolveOptions(schedule=schedule))
    for (fewer, _), (more, _) in itertools.pairwise(samples):
        assert set(fewer) <= set(more)
    assert samples[-1][0].size == 100
    assert samples[-1][1].size == 50
