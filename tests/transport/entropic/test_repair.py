"""Supports that fall apart where the two sides have unequal mass: the case that a truncation cannot carry."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from psmatch_core.base.progress import silent
from psmatch_core.transport import assign, solve
from psmatch_core.transport.cancellation import Watch
from psmatch_core.transport.entropic.fixed_epsilon import _settle, settle_sparse
from psmatch_core.transport.entropic.repair import reconnected
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.kernels.full_pass import find_support, support_of
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Run
from psmatch_core.transport.validation import ask
from tests.transport.reference import costs, l1_error, plan_of

SPARSE = Schedule(sparse_under=1.1)


def islands(n: int = 600, seed: int = 0, surplus: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Sixty groups of cells far apart; some hold a few more sources than targets, as many hold fewer."""
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
    result = solve(x, y, 0.5, schedule=SPARSE)
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
def test_a_support_without_ways_out_gets_them(seed: int) -> None:
    x, y = islands(seed=seed)
    question = ask(x, y, None, None, "euclidean")
    problem = question.problem
    solved = solve(x, y, 0.5)
    f, g = solved.f[question.sources], solved.g[question.targets]
    near = np.linalg.norm(problem.geometry.x[:, None] - problem.geometry.y[None], axis=2) < 8  # the same group
    rows, columns = np.nonzero(near)
    support = support_of(problem, rows, columns.astype(np.int32), f, g, 0.5, 8.0, np.dtype(np.float32))
    stuck = imbalance(support, problem.a, problem.b)
    assert stuck > 0.009  # two groups with three cells of six hundred too many
    run = Run(Watch(silent, None), None, 2**30, 0)
    state = State(f, g, 0.5)
    assert not _settle(problem, state, support, 1e-4, 2000, run)
    mended = reconnected(problem, State(f, g, 0.5), support, run)
    assert mended is not None
    assert imbalance(mended, problem.a, problem.b) < 0.01 * stuck
    state = State(f, g, 0.5)
    carries, _ = settle_sparse(problem, state, support, 1e-4, 2000, run)
    assert carries == (state.error <= 1e-4)  # whichever it is, it is told, and a solve then finds a wider support


def test_where_nearly_all_cells_are_unfit_a_fresh_support_is_due() -> None:
    x, y = islands()
    problem = ask(x, y, None, None, "euclidean").problem
    run = Run(Watch(silent, None), None, 2**30, 0)
    f, g = np.zeros(problem.a.size), np.zeros(problem.b.size)
    support = find_support(problem, f, g, 5.0, 8.0, run, exact=False, limit=2**31)
    assert support is not None
    assert reconnected(problem, State(f, g, 5.0), support, run) is None
