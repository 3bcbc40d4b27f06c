"""What a plan answers without ever being formed: rows, best matches, spread, projections, samples, sums.

Each function takes the problem, its potentials and epsilon, and the support where the plan is sparse. Sparse plans
are read from the support; others tile by tile, n × m never at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psmatch_core.base.arrays import row_chunks
from psmatch_core.transport.geometry import Array, lanes_of
from psmatch_core.transport.kernels import tile_pass
from psmatch_core.transport.kernels.full_pass import arithmetic
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Scratch

_ALLOWED = 1e-5  # relative error of an entry worked out in float32


@dataclass(frozen=True, eq=False)
class Plan:
    """A transport plan by its potentials.

    Parameters
    ----------
    problem
        Cost and marginals.
    f, g
        Potentials, ``(n,)`` and ``(m,)``, units of cost.
    epsilon
        Units of cost.
    support
        The entries that matter, where they are few.
    memo
        Holds ``wide``, a support that reaches far beyond for neighbouring epsilons, once it was asked for.
    scratch
        Memory that a neighbouring epsilon will use again.
    """

    problem: Problem
    f: Array
    g: Array
    epsilon: float
    support: Support | None
    memo: dict[str, Support | None] = field(default_factory=dict, repr=False)
    scratch: Scratch = field(default_factory=Scratch, repr=False)

    @cached_property
    def matrix(self) -> sparse.csr_matrix:
        """The sparse plan ``(n, m)``; only where there is a support."""
        assert self.support is not None
        values = self.support.values(self.problem, self.f, self.g, self.epsilon)
        return sparse.csr_matrix((values, self.support.indices, self.support.indptr), shape=self.problem.shape)

    def rows(self, places: NDArray[np.intp] | slice) -> Array:
        """Some rows of the plan as a dense ``(r, m)`` array."""
        if self.support is not None:
            return np.asarray(self.matrix[places].toarray(), dtype=np.float64)
        problem, geometry = self.problem, self.problem.geometry
        dtype = arithmetic(problem, self.epsilon, _ALLOWED)
        leaves = geometry.leaves(dtype)
        middle = float(self.g.mean())
        rows = ((self.f[places] + middle) / self.epsilon + problem.log_a[places]).astype(dtype)
        out = np.empty((rows.size, leaves.shape[0] * leaves.shape[2]), dtype=dtype)
        tile_pass.dense_kernel(
            np.ascontiguousarray(geometry.sources(dtype)[places]),
            leaves,
            rows,
            lanes_of((self.g - middle) / self.epsilon + problem.log_b, dtype),
            dtype.type(1 / self.epsilon),
            geometry.squared,
            out,
        )
        return np.asarray(out[:, : problem.shape[1]], dtype=np.float64)

    def tiles(self) -> Iterator[tuple[int, int, Any]]:
        """Spans of rows with their dense rows, or the whole sparse plan at once."""
        if self.support is not None:
            yield 0, self.problem.shape[0], self.matrix
            return
        for start, stop in row_chunks(*self.problem.shape):
            yield start, stop, self.rows(slice(start, stop))

    def pull(self, values: Array) -> Array:
        """``P values``: features of targets ``(m, d)`` summed at the sources, ``(n, d)``."""
        return np.concatenate([np.asarray(tile @ values) for _, _, tile in self.tiles()])

    def push(self, values: Array) -> Array:
        """``Pᵀ values``: features of sources ``(n, d)`` summed at the targets, ``(m, d)``."""
        out = np.zeros((self.problem.shape[1], *values.shape[1:]))
        for start, stop, tile in self.tiles():
            out += tile.T @ values[start:stop]
        return out

    def marginals(self) -> tuple[Array, Array]:
        """Row and column sums, ``(n,)`` and ``(m,)``."""
        n, m = self.problem.shape
        return self.pull(np.ones((m, 1)))[:, 0], self.push(np.ones((n, 1)))[:, 0]

    def entropies(self) -> Array:
        """Entropy of every normalised row, nats, ``(n,)``."""
        out = np.zeros(self.problem.shape[0])
        for start, stop, tile in self.tiles():
            if sparse.issparse(tile):
                values = tile.data.astype(np.float64)
                logs = values * np.log(np.maximum(values, 1e-300))
                mass, inner = _row_sums(tile.indptr, values), _row_sums(tile.indptr, logs)
            else:
                mass, inner = tile.sum(1), (tile * np.log(np.maximum(tile, 1e-300))).sum(1)
            safe = np.maximum(mass, 1e-300)
            out[start:stop] = np.where(mass > 0, np.log(safe) - inner / safe, 0.0)
        return np.maximum(out, 0.0)

    def top(self, k: int) -> tuple[NDArray[np.int64], Array]:
        """The k targets that hold most of every row, and their shares of it; both ``(n, k)``, largest first.

        Where a row has fewer, the target is −1 and the share 0. Ties go to the lower index.
        """
        n, m = self.problem.shape
        indices, shares = np.full((n, k), -1, dtype=np.int64), np.zeros((n, k))
        if self.support is not None:
            values = self.support.values(self.problem, self.f, self.g, self.epsilon)
            tile_pass.top_of_rows(self.support.indptr, self.support.indices, values, indices, shares)
            return indices, shares
        for start, stop, tile in self.tiles():
            kept = min(k, m)
            order = np.argsort(-tile, axis=1, kind="stable")[:, :kept] if kept * 4 > m else _largest(tile, kept)
            found = np.take_along_axis(tile, order, axis=1)
            mass = np.maximum(tile.sum(1, keepdims=True), 1e-300)
            indices[start:stop, :kept] = np.where(found > 0, order, -1)
            shares[start:stop, :kept] = found / mass
        return indices, shares

    def sample(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """Targets drawn from every row with probability by mass, ``(n, count)``; −1 for a row without mass."""
        n, _ = self.problem.shape
        out = np.full((n, count), -1, dtype=np.int64)
        uniform = rng.random((n, count))
        for start, stop, tile in self.tiles():
            if sparse.issparse(tile):
                running = np.cumsum(tile.data, dtype=np.float64)
                before = np.concatenate([[0.0], running])[tile.indptr]
                wanted = before[:-1, None] + uniform * np.diff(before)[:, None]
                place = np.searchsorted(running, wanted, side="right")
                place = np.clip(place, tile.indptr[:-1, None], tile.indptr[1:, None] - 1)
                has = np.diff(before) > 0
                out[has] = tile.indices[place[has]]
            else:
                running = np.cumsum(tile, axis=1)
                for row in range(stop - start):
                    if running[row, -1] > 0:
                        drawn = np.searchsorted(running[row], uniform[start + row] * running[row, -1], side="right")
                        out[start + row] = np.minimum(drawn, running.shape[1] - 1)
        return out

    def cost(self) -> float:
        """``⟨P, C⟩`` in units of the problem's cost.

        By the potentials: C = f + g − epsilon log(P / a b), so that no distance is worked out again.
        """
        total = 0.0
        for start, stop, tile in self.tiles():
            if sparse.issparse(tile):
                assert self.support is not None
                support = self.support
                values = tile.data.astype(np.float64)
                rows = np.repeat(np.arange(self.problem.shape[0]), np.diff(support.indptr))
                total += float(values @ (support.reduced + support.f[rows] + support.g[support.indices]))
            else:
                block = self.problem.geometry
                total += float((tile * costs(block.x[start:stop], block.y, block.squared)).sum())
        return total

    def dual(self, mass: float) -> float:
        """``⟨f, a⟩ + ⟨g, b⟩ − epsilon (mass − 1)``: never above the optimum, whatever the potentials."""
        return float(self.f @ self.problem.a + self.g @ self.problem.b - self.epsilon * (mass - 1))


def costs(x: Array, y: Array, squared: bool) -> Array:
    """All costs between two sets of points as a matrix, float64, by differences."""
    squares = np.zeros((len(x), len(y)))
    for dimension in range(x.shape[1]):
        squares += (x[:, dimension, None] - y[None, :, dimension]) ** 2
    return squares if squared else np.sqrt(squares)


def _row_sums(indptr: NDArray[np.integer], values: Array) -> Array:
    running = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(np.diff(running[indptr]))


def _largest(tile: Array, k: int) -> NDArray[np.intp]:
    """Columns of the k largest entries of every row, largest first."""
    some = np.sort(np.argpartition(-tile, k - 1, axis=1)[:, :k], axis=1)
    order = np.argsort(-np.take_along_axis(tile, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1)
