"""What kept potentials stand for is what the solve returned."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import restore, solve


def clouds(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 5)), rng.normal(size=(m, 5)) + 0.2


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize(("epsilon", "path"), [(0.05, "sparse"), (3.0, "unstored")])
def test_restored_is_solved(cost: str, epsilon: float, path: str) -> None:
    x, y = clouds(900, 800)
    weights = np.random.default_rng(0).gamma(1.0, size=900)
    weights[::7] = 0
    solved = solve(x, y, epsilon, weights, cost=cost)
    again = restore(x, y, solved.f, solved.g, epsilon, weights, cost=cost)
    assert again.converged
    assert again.path == path
    assert again.iterations == 0
    np.testing.assert_allclose(again.rows(0, 50), solved.rows(0, 50), atol=2e-7)
    np.testing.assert_allclose(again.pull(y), solved.pull(y), atol=1e-6)
    np.testing.assert_allclose(again.n_effective, solved.n_effective, rtol=1e-2)


def test_potentials_of_another_problem_do_not_pass_for_converged() -> None:
    x, y = clouds(300, 300)
    solved = solve(x, y, 0.2)
    again = restore(x, y, solved.f + 0.1 * x[:, 0], solved.g, 0.2)
    assert again.status == "not converged"
    assert again.marginal_error > 1e-3


def test_potentials_must_be_numbers_one_a_cell() -> None:
    x, y = clouds(5, 4)
    with pytest.raises(PsmatchError, match="Potentials f must be 5 finite numbers; got shape \\(4,\\)"):
        restore(x, y, np.zeros(4), np.zeros(4), 0.1)
    with pytest.raises(PsmatchError, match="with 1 not finite"):
        restore(x, y, np.zeros(5), np.array([0, 0, np.nan, 0]), 0.1)
