"""What a solve promises, whatever is asked of it: certificate, mass, limits, an end, and indices within bounds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st

from benchmarks.random_solves import broken, draw, run
from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import SolveOptions, SolvePath, assign, solve, solve_many, solve_unbalanced
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.kernels.full_pass import find_support
from psmatch_core.transport.kernels.summary import summarize_plan
from psmatch_core.transport.problem import Potentials
from psmatch_core.transport.validation import prepare_problem
from tests.transport.entropic.test_solve import SCHEDULES, clouds
from tests.waiting import HANG

ROOT = Path(__file__).parents[2]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=3000925)  # all cells with weight at one place, others elsewhere
@example(seed=21113)  # all cells at one place, some without weight, an epsilon below single precision
@example(seed=701671)
@example(seed=701239)  # an epsilon far above all costs, so that the rounding of potentials is too
def test_no_random_solve_breaks_its_promises(seed: int) -> None:
    case = draw(seed)
    with np.errstate(all="ignore"):
        assert broken(case, run(case)) == {}, case.words


@pytest.mark.slow
def test_no_index_leaves_its_array(tmp_path: Path) -> None:
    """numba checks every index of the compiled loops, which it does not do otherwise."""
    program = (
        "import sys; from benchmarks.random_solves import main; from psmatch_core.transport import compile_engine; "
        "sys.argv[1:] = ['200']; compile_engine(); sys.exit(main())"
    )
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HANG, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no promise broken" in done.stdout


@pytest.mark.parametrize("most", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("epsilon", [1e-8, 0.01, 1.0])
def test_iterations_of_all_levels_and_epsilons_count_together(epsilon: float, schedule: str, most: int) -> None:
    x, y = clouds(3, 60, 50, 5)
    options = SolveOptions(tolerance=1e-9, max_iterations=most, schedule=SCHEDULES[schedule])
    for result in (solve(x, y, epsilon, options=options), *solve_many([(x, y)], epsilon, options=options)):
        assert result.iterations <= most
        assert abs(result.marginals()[0].sum() - 1) < 1e-5
    relaxed = solve_unbalanced(x, y, epsilon, rho1=1.0, rho2=2.0, options=options)
    assert relaxed.iterations <= most


def test_no_iteration_is_not_a_limit() -> None:
    with pytest.raises(PsmatchError, match="max_iterations must be at least 1, not 0"):
        SolveOptions(max_iterations=0)


@pytest.mark.parametrize("wild", [np.inf, -np.inf, np.nan, 1e35, 1e300])
def test_padding_is_never_a_match_whatever_the_potentials(wild: float) -> None:
    """Potentials that overflow once made a solve read beyond its arrays."""
    problem = prepare_problem(*clouds(1, 20, 70, 3), cost="euclidean").problem  # 70 targets in two leaves of 64
    f, g = np.zeros(20), np.zeros(70)
    f[3] = wild
    context = SolveContext.start(SolveOptions())
    with np.errstate(all="ignore"):
        found = find_support(problem, Potentials(f, g, 1.0), 8.0, context, exact=False, limit=10**9)
    assert found is not None
    assert found.indices.size == 0 or found.indices.max() < 70


@pytest.mark.parametrize("scale", [1e-60, 1e-25, 1.0, 1e25, 1e60])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_the_unit_of_the_points_changes_nothing(cost: str, scale: float) -> None:
    x, y = clouds(2, 40, 30, 4)
    unit = scale**2 if cost == "sqeuclidean" else scale
    plain, scaled = solve(x, y, 0.1, cost=cost), solve(scale * x, scale * y, 0.1 * unit, cost=cost)
    assert scaled.converged
    np.testing.assert_allclose(scaled.rows(0, 40), plain.rows(0, 40), atol=1e-3 / 40)
    np.testing.assert_allclose(scaled.transport_cost / unit, plain.transport_cost, rtol=1e-3)
    np.testing.assert_allclose(assign(scale * x, scale * y, cost=cost).cost / unit, assign(x, y, cost=cost).cost)


@pytest.mark.parametrize("apart", [None, 0.0, 1e-300, 1e-46, 1.0, 1e100])
@pytest.mark.parametrize("place", [0.0, 1.0, 5e-324, -3e-46, 1e-160, 7e100, 1e139])
@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
def test_of_cells_at_one_place_all_pairs_are_alike(cost: str, place: float, apart: float | None) -> None:
    """Whatever the epsilon, and wherever cells without weight are (``apart``), whose potentials are what they cost."""
    x, y, a, b = np.full((5, 3), place), np.full((6, 3), place), None, None
    if apart is not None:
        a, b = np.array([1.0, 0, 2, 0, 1]), np.array([0, 1.0, 1, 0, 3, 1])
        x[1] += apart
        y[0] -= apart
    for epsilon in (1e-300, 1e-60, 1e-45, 1e-38, 1e-10, 1.0, 1e10, 1e60, 1e300):
        found = solve(x, y, epsilon, a=a, b=b, cost=cost)
        assert found.converged, epsilon
        np.testing.assert_allclose(found.rows(0, 5), np.outer(found.a, found.b), atol=1e-9)
        with np.errstate(under="ignore"):
            away = np.sqrt(((x[1] - x[0]) ** 2).sum()) if cost == "euclidean" else ((x[1] - x[0]) ** 2).sum()
        np.testing.assert_allclose(found.f[1], away, rtol=1e-6, atol=1e-6 * epsilon)
        assert np.isfinite([*found.f, *found.g]).all()


def test_coordinates_whose_squares_overflow_are_refused() -> None:
    with pytest.raises(PsmatchError, match=r"Target points have coordinates up to 1e\+200; the limit is 1e\+140"):
        solve(np.zeros((3, 2)), np.full((3, 2), 1e200), 1.0)


def test_an_epsilon_below_double_precision_is_said() -> None:
    x, y = clouds(2, 40, 30, 4)
    for result in (solve(x, y, 1e-20), *solve_many([(x, y)], 1e-20)):
        assert not result.converged
        assert result.path is SolvePath.UNRESOLVED
        assert result.marginal_error == np.inf
        assert "double precision" in result.path.sentence


def test_bins_that_do_not_fit_are_refused() -> None:
    x, weights = np.zeros((4, 2)), np.full(4, 0.25)
    for bins in (np.array([0, 0, -1, 0]), np.zeros(3, dtype=int)):
        with pytest.raises(ValueError, match="one per cell"):
            summarize_plan(
                x, x, Potentials(np.zeros(4), np.zeros(4), 1.0), a=weights, b=weights, squared=False, row_bins=bins,
                column_bins=np.zeros(4, dtype=int), k=1,
            )  # fmt: skip


@example(0)
@given(st.integers(0, 2))
@settings(max_examples=3, deadline=None)
def test_no_best_match_is_an_answer_too(n_best: int) -> None:
    for epsilon in (0.01, 5.0):
        indices, shares = solve(*clouds(1, 30, 20, 2), epsilon).top(n_best)
        assert indices.shape == shares.shape == (30, n_best)
