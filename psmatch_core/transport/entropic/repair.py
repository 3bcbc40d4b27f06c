"""Repair of supports that cannot carry the marginals: a few rows and columns are passed in full, not all pairs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.state import SolveState
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Positions, Potentials, Problem

_UNBALANCED = 0.1  # relative error of a column from which it counts as unbalanced; small components show their excess
_ATTACHED = 0.5  # share of a row's mass on unbalanced columns from which the row belongs to their component
_FEW = 0.1  # share of the cells up to which a repair is cheaper than a fresh support
_NO_LIMIT = 2**31


def fill_empty(
    problem: Problem, state: SolveState, support: Support, context: SolveContext, *, theta: float
) -> Support:
    """The support with entries for rows and columns that had none, whose potentials come from a soft c-transform.

    A potential carried over from coarser cells can be so far off for a cell that all its entries fall below the
    threshold, and without entries its marginal could never be met. There are few such cells, so few rows are passed.
    """
    empty_rows = np.flatnonzero(np.diff(support.indptr) == 0)
    has_entries = np.zeros(problem.b.size, dtype=bool)
    in_memory.mark_indices(support.unsigned, has_entries)
    empty_columns = np.flatnonzero(~has_entries)
    if not empty_rows.size and not empty_columns.size:
        return support
    f, g = state.f.copy(), state.g.copy()
    added: list[tuple[Positions, Positions]] = []
    if empty_rows.size:
        f[empty_rows], rows, columns = _find_entries(problem.select_rows(empty_rows), g, state.epsilon, theta, context)
        added.append((empty_rows[rows], columns))
    if empty_columns.size:
        side = problem.transposed.select_rows(empty_columns)
        g[empty_columns], columns, rows = _find_entries(side, f, state.epsilon, theta, context)
        added.append((rows, empty_columns[columns]))
    state.f, state.g = f, g
    return _add_entries(replace(support, theta=theta), problem, added)


def reconnect(problem: Problem, state: SolveState, support: Support, context: SolveContext) -> Support | None:
    """The support with connections to other cells for those that have too much or too little mass for their partners.

    A truncated support falls apart into components. If the rows of one hold more mass than its columns, it can never
    balance, and all its columns show it. Each cell of such a component gets the entries that would matter if the other
    side of the component did not exist. None if more than a few cells are unbalanced: the whole support is wrong then.
    """
    values = support.values(problem, state.potentials)
    rows, columns = support.marginals(problem, state.potentials)
    unbalanced = np.abs(columns - problem.b) / problem.b > _UNBALANCED
    running = np.concatenate([[0.0], np.cumsum(values * unbalanced[support.indices], dtype=np.float64)])
    attached = np.diff(running[support.indptr]) > _ATTACHED * rows
    if unbalanced.sum() > _FEW * unbalanced.size or attached.sum() > _FEW * attached.size:
        return None
    own_rows, other_columns = np.flatnonzero(attached), np.flatnonzero(~unbalanced)
    own_columns, other_rows = np.flatnonzero(unbalanced), np.flatnonzero(~attached)
    added: list[tuple[Positions, Positions]] = []
    if own_rows.size and other_columns.size:
        outside = problem.subset(own_rows, other_columns)
        _, here, there = _find_entries(outside, state.g[other_columns], state.epsilon, support.theta, context)
        added.append((own_rows[here], other_columns[there]))
    if own_columns.size and other_rows.size:
        outside = problem.transposed.subset(own_columns, other_rows)
        _, here, there = _find_entries(outside, state.f[other_rows], state.epsilon, support.theta, context)
        added.append((other_rows[there], own_columns[here]))
    return _add_entries(support, problem, added) if added else None


def _find_entries(
    side: Problem, g: Array, epsilon: float, theta: float, context: SolveContext
) -> tuple[Array, Positions, Positions]:
    """Potentials of a few rows by a soft c-transform, and the rows and columns of the entries that matter there."""
    f = full_pass.soft_transform(side, g, epsilon, context)
    found = full_pass.find_support(
        side, Potentials(f, g, epsilon), theta, context, exact=False, limit=_NO_LIMIT, bounded=False
    )
    assert found is not None
    return f, found.row_of_entry, found.indices.astype(np.intp)


def _add_entries(support: Support, problem: Problem, added: list[tuple[Positions, Positions]]) -> Support:
    """The support with the added entries, each once, at the potentials of its reference.

    Few rows get entries, so only those are looked at: the union of two sparse matrices of the whole support took as
    long as a pass over all pairs of a few thousand cells, and three times its memory.
    """
    _, m = problem.shape
    keys = np.unique(np.concatenate([rows.astype(np.int64) * m + columns for rows, columns in added]))
    rows = keys // m
    touched = np.unique(rows)
    counts = np.diff(support.indptr)[touched]
    ends = np.cumsum(counts)  # of the touched rows, put one after the other
    entries = np.arange(counts.sum()) + np.repeat(support.indptr[:-1][touched] - (ends - counts), counts)
    present = np.repeat(touched, counts) * m + support.indices[entries].astype(np.int64)
    places = np.searchsorted(present, keys)
    is_new = np.ones(keys.size, dtype=bool)
    inside = places < present.size
    is_new[inside] = present[places[inside]] != keys[inside]
    keys, rows, places = keys[is_new], rows[is_new], places[is_new]
    own = np.searchsorted(touched, rows)
    places += (support.indptr[:-1][touched] - (ends - counts))[own]  # among all entries
    columns = (keys % m).astype(np.int32)
    more = full_pass.support_of_entries(problem, rows, columns, support.reference, like=support)
    return replace(
        support,
        indptr=support.indptr + more.indptr,
        indices=np.insert(support.indices, places, columns),
        reduced=np.insert(support.reduced, places, more.reduced),
        dropped=more.dropped,
    )
