"""Supports that cannot carry the marginals, mended: a few rows and columns are looked at in full, not all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Run

Places = NDArray[np.intp]

_UNFIT = 0.1  # relative error of a column from which it counts as unfit: small components show their excess
_BOUND = 0.5  # share of a row's mass on unfit columns from which the row belongs to their component
_FEW = 0.1  # share of the cells up to which mending is cheaper than a fresh support
_NO_LIMIT = 2**31


def complete(problem: Problem, state: State, support: Support, epsilon: float, theta: float, run: Run) -> Support:
    """The support with rows and columns added that hold no entry, their potentials set by a soft c-transform.

    A potential carried over from coarser cells can leave a lone cell so far off that all of its entries fall under
    the threshold; without any, its marginal could never be met. There are few such cells, so few rows are passed.
    """
    empty_rows = np.flatnonzero(np.diff(support.indptr) == 0)
    found = np.zeros(problem.b.size, dtype=bool)
    in_memory.mark(support.unsigned, found)
    empty_columns = np.flatnonzero(~found)
    if not empty_rows.size and not empty_columns.size:
        return support
    f, g = state.f.copy(), state.g.copy()
    added: list[tuple[Places, Places]] = []
    for side, empty in ((problem, empty_rows), (problem.transposed, empty_columns)):
        if not empty.size:
            continue
        mine, other = (f, g) if side is problem else (g, f)
        mine[empty], here, there = _looked_up(side.some_rows(empty), other, epsilon, theta, run)
        added.append((empty[here], there) if side is problem else (there, empty[here]))
    state.f, state.g = f, g
    return _extended(problem, state, support, added, epsilon, theta)


def reconnected(problem: Problem, state: State, support: Support, run: Run) -> Support | None:
    """The support with ways out for the cells that it leaves with more mass, or less, than their partners hold.

    A truncated support falls into components; one whose rows hold more mass than its columns can never balance, and
    all of its columns show it. Each cell of such a component gets the entries that would matter if the component's
    other side were not there. None where more than a few cells are unfit: then the support as a whole is wrong.
    """
    values = support.values(problem, state.f, state.g, state.epsilon)
    rows, columns = np.empty(problem.a.size), np.empty(problem.b.size)
    in_memory.sparse_marginals(support.indptr, support.unsigned, values, rows, columns)
    off = np.abs(columns - problem.b) / problem.b
    unfit = off > _UNFIT
    running = np.concatenate([[0.0], np.cumsum(values * unfit[support.indices], dtype=np.float64)])
    touched = np.diff(running[support.indptr]) > _BOUND * rows
    if unfit.sum() > _FEW * unfit.size or touched.sum() > _FEW * touched.size:
        return None
    added: list[tuple[Places, Places]] = []
    for side, cells, others, potentials in (
        (problem, np.flatnonzero(touched), np.flatnonzero(~unfit), state.g),
        (problem.transposed, np.flatnonzero(unfit), np.flatnonzero(~touched), state.f),
    ):
        if not cells.size or not others.size:
            continue
        outside = side.subset(cells, others)
        _, here, there = _looked_up(outside, potentials[others], state.epsilon, support.theta, run)
        added.append((cells[here], others[there]) if side is problem else (others[there], cells[here]))
    return _extended(problem, state, support, added, state.epsilon, support.theta) if added else None


def _looked_up(side: Problem, other: Array, epsilon: float, theta: float, run: Run) -> tuple[Array, Places, Places]:
    """Potentials of a few rows by a soft c-transform, and the rows and columns of the entries that matter there."""
    mine = full_pass.soft_transform(side, other, epsilon, run)
    part = full_pass.find_support(side, mine, other, epsilon, theta, run, exact=False, limit=_NO_LIMIT, bounded=False)
    assert part is not None
    return mine, np.repeat(np.arange(side.a.size), np.diff(part.indptr)), part.indices.astype(np.intp)


def _extended(
    problem: Problem, state: State, support: Support, added: list[tuple[Places, Places]], epsilon: float, theta: float
) -> Support:
    """The support with the added entries, each once."""
    ones = np.ones(support.indices.size, dtype=bool)
    union = sparse.csr_matrix((ones, support.indices, support.indptr), shape=problem.shape)
    for some_rows, some_columns in added:
        ones = np.ones(some_rows.size, dtype=bool)
        union = union + sparse.csr_matrix((ones, (some_rows, some_columns)), shape=problem.shape)
    union.sort_indices()
    rows = np.repeat(np.arange(problem.a.size), np.diff(union.indptr))
    columns = union.indices.astype(np.int32)
    return full_pass.support_of(problem, rows, columns, state.f, state.g, epsilon, theta, support.reduced.dtype)
