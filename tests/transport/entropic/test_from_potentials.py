"""The result of stored potentials is the one that the solve returned."""

from __future__ import annotations

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport import SolvePath, SolveStatus, from_potentials, solve


def clouds(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    return rng.normal(size=(n, 5)), rng.normal(size=(m, 5)) + 0.2


@pytest.mark.parametrize("cost", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize(("epsilon", "path"), [(0.05, SolvePath.SPARSE), (3.0, SolvePath.MATRIX_FREE)])
def test_restored_is_solved(cost: str, epsilon: float, path: SolvePath) -> None:
    x, y = clouds(900, 800)
    weights = np.random.default_rng(0).gamma(1.0, size=900)
    weights[::7] = 0
    solved = solve(x, y, epsilon, a=weights, cost=cost)
    again = from_potentials(x, y, epsilon, f=solved.f, g=solved.g, a=weights, cost=cost)
    assert again.converged
    assert again.path == path
    assert again.iterations == 0
    np.testing.assert_allclose(again.rows(0, 50), solved.rows(0, 50), atol=2e-7)
    np.testing.assert_allclose(again.pull(y), solved.pull(y), atol=1e-6)
    np.testing.assert_allclose(again.n_effective, solved.n_effective, rtol=1e-2)


def test_potentials_of_another_problem_do_not_pass_for_converged() -> None:
    x, y = clouds(300, 300)
    solved = solve(x, y, 0.2)
    again = from_potentials(x, y, 0.2, f=solved.f + 0.1 * x[:, 0], g=solved.g)
    assert again.status == SolveStatus.NOT_CONVERGED
    assert again.marginal_error > 1e-3


def test_potentials_must_be_numbers_one_a_cell() -> None:
    x, y = clouds(5, 4)
    with pytest.raises(PsmatchError, match="Potentials f must be 5 finite numbers; got shape \\(4,\\)"):
        from_potentials(x, y, 0.1, f=np.zeros(4), g=np.zeros(4))
    with pytest.raises(PsmatchError, match="with 1 not finite"):
        from_potentials(x, y, 0.1, f=np.zeros(5), g=np.array([0, 0, np.nan, 0]))
