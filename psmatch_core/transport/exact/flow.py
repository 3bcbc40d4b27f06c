"""Exact transport on a support: successive shortest paths from potentials that are nearly right.

Masses are whole numbers stored in float64, so that uniform marginals of different sizes (m units per source and n per
target, divided by the common divisor) are never rounded. Each round sends mass from a source that has some left along
the cheapest path of the residual graph to a target that still needs some. Forward edges cost their reduced cost, and
backward edges, along which mass already flows, cost nothing. Potentials move so that reduced costs stay at least 0 and
exactly 0 where mass flows; that makes the flow optimal at the end.

Source: successive shortest paths with potentials: Ahuja, Magnanti & Orlin, Network Flows (1993), section 9.7.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.arrays import Array
from psmatch_core.transport.kernels.compiled import compiled, inlined

Integers = NDArray[np.int64]

INFEASIBLE = -1


@inlined
def _push_heap(keys: Array, items: Any, size: int, key: float, item: int) -> int:
    """Add an item to a binary heap in two arrays; returns its new size."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if keys[parent] <= key:
            break
        keys[place] = keys[parent]
        items[place] = items[parent]
        place = parent
    keys[place] = key
    items[place] = item
    return size + 1


@inlined
def _pop_heap(keys: Array, items: Any, size: int) -> int:
    """Remove the smallest item of a binary heap; returns its new size."""
    size -= 1
    key, item = keys[size], items[size]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if keys[child] >= key:
            break
        keys[place] = keys[child]
        items[place] = items[child]
        place = child
    keys[place] = key
    items[place] = item
    return size


@compiled
def make_feasible(
    indptr: Integers,
    indices: Any,
    costs: Array,
    f: Array,
    g: Array,
    flow: Array,
    supply: Array,
    demand: Array,
) -> None:
    """Make the potentials feasible on the support, take back mass with a positive reduced cost, and send mass at none.

    f becomes the largest value at which all reduced costs of its row are at least 0. supply and demand are what remains
    to be sent and received; f, flow, supply and demand change in place.
    """
    for i in range(f.size):
        least = np.inf
        for entry in range(indptr[i], indptr[i + 1]):
            least = min(least, costs[entry] - g[indices[entry]])
        if least < np.inf:
            f[i] = least
        for entry in range(indptr[i], indptr[i + 1]):
            j = indices[entry]
            reduced = costs[entry] - f[i] - g[j]
            if flow[entry] > 0.0 and reduced > 0.0:
                supply[i] += flow[entry]
                demand[j] += flow[entry]
                flow[entry] = 0.0
    for i in range(f.size):
        for entry in range(indptr[i], indptr[i + 1]):
            if supply[i] <= 0.0:
                break
            j = indices[entry]
            if demand[j] > 0.0 and costs[entry] - f[i] - g[j] <= 0.0:
                amount = min(supply[i], demand[j])
                flow[entry] += amount
                supply[i] -= amount
                demand[j] -= amount


@compiled
def send_supplies(
    indptr: Integers,
    indices: Any,
    costs: Array,
    column_starts: Integers,
    column_entries: Any,
    row_of: Any,
    f: Array,
    g: Array,
    flow: Array,
    supply: Array,
    demand: Array,
    first: int,
    budget: int,
) -> int:
    """Send the supplies of the rows from ``first`` on, in place; returns the row to continue with.

    Stops after a row once ``budget`` edges have been visited. The number of rows means that it is done, and −1 that a
    supply cannot reach any demand on this support. column_starts and column_entries list the entries by column.
    """
    n, m = f.size, g.size
    distance = np.full(m, np.inf)
    into = np.empty(m, np.int64)  # entry by which a column was reached
    is_finished = np.zeros(m, np.bool_)
    row_distance = np.full(n, np.inf)
    back = np.empty(n, np.int64)  # entry by which a row was reached, backwards
    capacity = 4 * m + 64
    keys, items = np.empty(capacity), np.empty(capacity, np.int64)
    touched, rows = np.empty(m, np.int64), np.empty(n, np.int64)
    visited = 0
    for source in range(first, n):
        while supply[source] > 0.0:
            size = n_touched = n_rows = 0
            row_distance[source] = 0.0
            rows[0] = source
            n_rows = 1
            row = source
            base = 0.0
            end = -1
            while True:
                for entry in range(indptr[row], indptr[row + 1]):
                    j = indices[entry]
                    if is_finished[j]:
                        continue
                    reach = base + max(costs[entry] - f[row] - g[j], 0.0)
                    if reach < distance[j]:
                        if distance[j] == np.inf:
                            touched[n_touched] = j
                            n_touched += 1
                        distance[j] = reach
                        into[j] = entry
                        if size == capacity:  # outdated entries have filled the heap: double it
                            keys, items = np.append(keys, np.empty(capacity)), np.append(items, items)
                            capacity *= 2
                        size = _push_heap(keys, items, size, reach, j)
                visited += indptr[row + 1] - indptr[row]
                row = -1
                while row < 0 and end < 0:
                    # the nearest column that is not finished, then a row that sends to it, one at a time
                    if size == 0:
                        return INFEASIBLE
                    j = items[0]
                    if is_finished[j] or keys[0] > distance[j]:
                        size = _pop_heap(keys, items, size)
                        continue
                    if demand[j] > 0.0:
                        end = j
                        break
                    for place in range(column_starts[j], column_starts[j + 1]):
                        entry = column_entries[place]
                        other = row_of[entry]
                        if flow[entry] > 0.0 and row_distance[other] == np.inf:
                            row = other
                            row_distance[row] = distance[j]
                            back[row] = entry
                            rows[n_rows] = row
                            n_rows += 1
                            base = distance[j]
                            break
                    visited += column_starts[j + 1] - column_starts[j]
                    if row < 0:
                        is_finished[j] = True
                        size = _pop_heap(keys, items, size)
                if end >= 0:
                    break
            length = distance[end]
            for place in range(n_rows):
                f[rows[place]] += length - row_distance[rows[place]]
            for place in range(n_touched):
                j = touched[place]
                if distance[j] < length:
                    g[j] -= length - distance[j]
            amount = min(supply[source], demand[end])
            j = end
            while True:
                row = row_of[into[j]]
                if row == source:
                    break
                amount = min(amount, flow[back[row]])
                j = indices[back[row]]
            j = end
            while True:
                flow[into[j]] += amount
                row = row_of[into[j]]
                if row == source:
                    break
                flow[back[row]] -= amount
                j = indices[back[row]]
            supply[source] -= amount
            demand[end] -= amount
            for place in range(n_touched):
                distance[touched[place]] = np.inf
                is_finished[touched[place]] = False
            for place in range(n_rows):
                row_distance[rows[place]] = np.inf
        if visited > budget:
            return source + 1
    return n
