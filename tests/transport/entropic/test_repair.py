"""Supports that fall apart into components of unequal mass, which a truncated kernel cannot balance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from psmatch_core.transport import assign, solve
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.fixed_epsilon import iterate_on_support, iterate_sparse
from psmatch_core.transport.entropic.repair import _add_entries, reconnect
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels.full_pass import find_support, support_of_entries
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import DEFAULT_OPTIONS, AnnealingSchedule, SolveOptions
from psmatch_core.transport.validation import prepare_problem
from tests.transport.reference import costs, l1_error, plan_of

SPARSE = AnnealingSchedule(sparse_below=1.1)


def islands(n: int = 600, seed: int = 0, surplus: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Sixty groups of cells far apart; some have a few more sources than targets, and as many have fewer."""
    rng = np.random.default_rng(seed)
    centres = 30 * rng.normal(size=(60, 4))
    x = centres[rng.permutation(np.repeat(np.arange(60), n // 60))]
    counts = np.full(60, n // 60)
    counts[:2] += surplus
    counts[2:4] -= surplus
    y = centres[np.repeat(np.arange(60), counts)]
    return x + rng.normal(size=x.shape), y + rng.normal(size=y.shape)


@pytest.mark.parametrize("seed", range(4))
def test_groups_of_unequal_size_are_matched_with_their_surplus(seed: int) -> None:
    x, y = islands(seed=seed)
    result = solve(x, y, 0.5, options=SolveOptions(schedule=SPARSE))
    assert result.converged
    matrix = costs(x, y)
    error = l1_error(plan_of(result.f, result.g, result.a, result.b, matrix, 0.5), result.a, result.b)
    assert error <= result.marginal_error + 1e-8
    least = assign(x, y).cost
    assert least - 1e-2 <= result.transport_cost <= least + 0.5 * np.log(600) + 1e-2  # entropy is at most log n


def imbalance(support: Support, a: np.ndarray, b: np.ndarray) -> float:
    """Mass that no plan on the support can carry: over its components, by how much rows outweigh columns."""
    n, m = a.size, b.size
    entries = sparse.csr_matrix((np.ones(support.n_entries), support.indices, support.indptr), shape=(n, m))
    _, component = connected_components(sparse.bmat([[None, entries], [entries.T, None]]), directed=False)
    return float(np.maximum(np.bincount(component, weights=np.concatenate([a, -b])), 0).sum())


@pytest.mark.parametrize("seed", range(6))
def test_a_support_whose_components_cannot_balance_is_connected(seed: int) -> None:
    x, y = islands(seed=seed)
    prepared = prepare_problem(x, y, cost="euclidean")
    problem, context = prepared.problem, SolveContext.start(DEFAULT_OPTIONS)
    solved = solve(x, y, 0.5)
    potentials = prepared.to_problem(solved.f, solved.g, 0.5)
    near = np.linalg.norm(problem.geometry.x[:, None] - problem.geometry.y[None], axis=2) < 8  # the same group
    rows, columns = np.nonzero(near)
    any_support = find_support(problem, potentials, 8.0, context, exact=False, limit=2**31)
    assert any_support is not None
    support = support_of_entries(problem, rows, columns.astype(np.int32), potentials, like=any_support)
    stuck = imbalance(support, problem.a, problem.b)
    assert stuck > 0.009  # two groups with three cells of six hundred too many

    def start() -> SolveState:
        return SolveState(potentials.f, potentials.g, 0.5)

    limits = {"tolerance": 1e-4, "max_passes": 2000}
    assert not iterate_on_support(problem, start(), support, context, **limits)
    repaired = reconnect(problem, start(), support, context)
    assert repaired is not None
    assert imbalance(repaired, problem.a, problem.b) < 0.01 * stuck
    state = start()
    carries, _ = iterate_sparse(problem, state, support, context, **limits)
    assert carries == (state.error <= 1e-4)  # if it does not, the solve is informed and finds a wider support


def test_if_nearly_all_cells_are_unbalanced_a_fresh_support_is_needed() -> None:
    x, y = islands()
    problem, context = prepare_problem(x, y, cost="euclidean").problem, SolveContext.start(DEFAULT_OPTIONS)
    state = SolveState(np.zeros(problem.a.size), np.zeros(problem.b.size), 5.0)
    support = find_support(problem, state.potentials, 8.0, context, exact=False, limit=2**31)
    assert support is not None
    assert reconnect(problem, state, support, context) is None


def test_added_entries_are_held_once_and_in_order() -> None:
    x, y = islands()
    solved = solve(x, y, 0.5, options=SolveOptions(schedule=SPARSE))
    problem, context = solved.plan.problem, SolveContext.start(DEFAULT_OPTIONS)
    support = find_support(problem, solved.plan.potentials, 8.0, context, exact=False, limit=10**6)
    assert support is not None
    rng = np.random.default_rng(0)
    some = [(rng.integers(0, 90, 400).astype(np.intp), rng.integers(0, 600, 400).astype(np.intp)) for _ in "ab"]
    some.append((support.row_of_entry[:50], support.indices[:50].astype(np.intp)))  # these are there already
    found = _add_entries(support, problem, some)

    def pattern(indptr: np.ndarray, indices: np.ndarray) -> sparse.csr_matrix:
        return sparse.csr_matrix((np.ones(indices.size), indices, indptr), shape=problem.shape)

    union = pattern(support.indptr, support.indices)
    for rows, columns in some:
        union = union + sparse.csr_matrix((np.ones(rows.size), (rows, columns)), shape=problem.shape)
    union.sort_indices()
    np.testing.assert_array_equal(found.indptr, union.indptr)
    np.testing.assert_array_equal(found.indices, union.indices)
    exact = costs(problem.geometry.x, problem.geometry.y)[found.row_of_entry, found.indices]
    np.testing.assert_allclose(found.costs(), exact, atol=1e-4)
