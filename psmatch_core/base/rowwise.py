"""What a plan answers from its rows: sums, projections, spread, best matches and samples; n × m is never formed.

Two mixins with the same questions: :class:`RowwisePlan` for a plan that can compute any of its rows, which is read one
tile of rows at a time, and :class:`SparsePlan` for a plan whose entries are stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from psmatch_core.base.arrays import CHUNK_VALUES, Array, row_chunks
from psmatch_core.base.cores import a_core, with_idle_cores
from psmatch_core.base.progress import UNHEARD, StagePart

TILE_VALUES = 250_000  # of a plan at a time: 2 MB, which stay in a core's cache; with 4,000,000 all takes twice as long
CARRYING_ROWS = 256  # at a time, where features are as many: from here on their product with them bounds the time
CARRYING_VALUES = 20_000_000  # of a plan at a time then: 160 MB on each core
PRODUCTS = 500_000_000  # entries × features of a stored plan that are multiplied at a time: about half a second
Tops = tuple[NDArray[np.int64], Array]


class RowwisePlan(ABC):
    """A plan P ``(n, m)`` whose rows are computed on demand."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """Source cells × target cells."""

    @abstractmethod
    def rows(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop`` of P, dense ``(stop − start, m)``."""

    def row_tiles(self) -> Iterator[tuple[int, int, Array]]:
        """All rows in order, as (start, stop, dense rows)."""
        for start, stop in row_chunks(*self.shape, TILE_VALUES):
            yield start, stop, self.rows(start, stop)

    def pull(self, values: Array, *, part: StagePart = UNHEARD) -> Array:
        """P y: target features ``(m, d)`` summed at the sources by mass, ``(n, d)``; on idle cores too.

        ``part`` hears, in this thread, how many sources are done. A large plan takes a core: on a busy machine, threads
        of BLAS that wait for each other at every product took thirty times as long.
        """
        spans = self._carrying_spans(values.shape[1])
        if len(spans) == 1:
            return _product(self.rows(*spans[0]), values)
        done: list[int] = []

        def carried(span: tuple[int, int]) -> Array:
            found = _product(self.rows(*span), values)
            done.append(span[1] - span[0])
            return found

        with a_core():
            return np.concatenate(
                with_idle_cores(carried, spans, before_each=lambda: part.tell(sum(done), self.shape[0]))
            )

    def push(self, values: Array, *, part: StagePart = UNHEARD) -> Array:
        """Pᵀ x: source features ``(n, d)`` summed at the targets by mass, ``(m, d)``.

        ``part`` hears how many sources are done.
        """
        total = np.zeros((self.shape[1], values.shape[1]))
        spans = self._carrying_spans(values.shape[1])
        with a_core() if len(spans) > 1 else nullcontext():
            for start, stop in spans:
                if start:
                    part.tell(start, self.shape[0])
                total += _product(self.rows(start, stop).T, values[start:stop])
        return total

    def _carrying_spans(self, width: int) -> list[tuple[int, int]]:
        """Rows at a time to carry so many features: each time reads all features, for which a few rows would wait."""
        n, m = self.shape
        at_once = min(m * min(width, CARRYING_ROWS), CARRYING_VALUES)
        return list(row_chunks(n, m, max(TILE_VALUES, at_once)))

    def sums(self) -> tuple[Array, Array]:
        """Row sums ``(n,)`` and column sums ``(m,)``."""
        row_sums, column_sums = np.zeros(self.shape[0]), np.zeros(self.shape[1])
        for start, stop, tile in self.row_tiles():
            row_sums[start:stop] = tile.sum(axis=1)
            column_sums += tile.sum(axis=0)
        return row_sums, column_sums

    def count_effective(self) -> Array:
        """exp(entropy) of each normalised row, ``(n,)`` cells; 0 for a row without mass."""
        return np.concatenate([_effective(tile) for _, _, tile in self.row_tiles()])

    def top(self, k: int) -> Tops:
        """The k heaviest targets of each row and their shares of the row, both ``(n, min(k, m))``, heaviest first.

        Where a row has fewer targets, the index is −1 and the share 0.
        """
        parts = [_top_of_dense(tile, min(k, self.shape[1])) for _, _, tile in self.row_tiles()]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def sample(self, rng: np.random.Generator, n_draws: int = 1, *, part: StagePart = UNHEARD) -> NDArray[np.int64]:
        """Targets drawn from each row with probability by mass, ``(n, n_draws)``; −1 for a row without mass.

        ``part`` hears how many rows are done.
        """
        drawn = []
        for start, _, tile in self.row_tiles():
            if start:
                part.tell(start, self.shape[0])
            cumulative = np.cumsum(tile, axis=1)  # (rows, m)
            level = rng.random((tile.shape[0], n_draws)) * cumulative[:, -1:]
            picks = np.stack(
                [np.searchsorted(row, at, side="right") for row, at in zip(cumulative, level, strict=True)]
            )
            picks = np.minimum(picks, self.shape[1] - 1)
            drawn.append(np.where(cumulative[:, -1:] > 0, picks, -1))
        return np.concatenate(drawn)


def _product(tile: Array, values: Array) -> Array:
    """The product in double precision; values in single precision are converted some rows at a time."""
    if values.dtype != np.float32 or values.size <= CHUNK_VALUES:
        return np.asarray(tile @ values)
    total = np.zeros((tile.shape[0], values.shape[1]))
    for start, stop in row_chunks(values.shape[0], values.shape[1], CHUNK_VALUES):
        total += tile[:, start:stop] @ values[start:stop].astype(np.float64)
    return total


class SparsePlan(ABC):
    """A plan P ``(n, m)`` whose entries are stored; what is not stored is zero."""

    @abstractmethod
    def to_csr(self) -> sparse.csr_matrix:
        """The entries, ``(n, m)``; not a copy."""

    @property
    def shape(self) -> tuple[int, int]:
        """Source cells × target cells."""
        n, m = self.to_csr().shape
        return n, m

    def rows(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop`` of P, dense ``(stop − start, m)``."""
        return np.asarray(self.to_csr()[start:stop].toarray(), dtype=np.float64)

    def pull(self, values: Array, *, part: StagePart = UNHEARD) -> Array:
        """P y: target features ``(m, d)`` summed at the sources by mass, ``(n, d)``; ``part`` hears of features."""
        return _sparse_product(self.to_csr(), values, part)

    def push(self, values: Array, *, part: StagePart = UNHEARD) -> Array:
        """Pᵀ x: source features ``(n, d)`` summed at the targets by mass, ``(m, d)``; ``part`` hears of features."""
        return _sparse_product(self.to_csr().T, values, part)

    def sums(self) -> tuple[Array, Array]:
        """Row sums ``(n,)`` and column sums ``(m,)``."""
        matrix = self.to_csr()
        return tuple(np.asarray(matrix.sum(axis=axis, dtype=np.float64)).ravel() for axis in (1, 0))  # type: ignore[return-value]

    def count_effective(self) -> Array:
        """exp(entropy) of each normalised row, ``(n,)`` cells; 0 for a row without mass."""
        matrix, sums = self.to_csr(), self.sums()[0]
        row_of = np.repeat(np.arange(sums.size), np.diff(matrix.indptr))
        positive = matrix.data > 0
        row_of = row_of[positive]
        p = matrix.data[positive] / sums[row_of]
        entropy = np.bincount(row_of, -p * np.log(p), minlength=sums.size)
        return np.where(sums > 0, np.exp(entropy), 0.0)

    def top(self, k: int) -> Tops:
        """The k heaviest targets of each row and their shares of the row, both ``(n, min(k, m))``, heaviest first.

        Where a row has fewer targets, the index is −1 and the share 0.
        """
        matrix = self.to_csr()
        k = min(k, matrix.shape[1])
        index = np.full((matrix.shape[0], k), -1, dtype=np.int64)
        share = np.zeros((matrix.shape[0], k))
        for row in range(matrix.shape[0]):
            part = slice(matrix.indptr[row], matrix.indptr[row + 1])
            columns, values = matrix.indices[part], matrix.data[part]
            order = np.lexsort((columns, -values))[:k]
            order = order[values[order] > 0]
            index[row, : order.size] = columns[order]
            if order.size:
                share[row, : order.size] = values[order] / values.sum()
        return index, share

    def sample(self, rng: np.random.Generator, n_draws: int = 1, *, part: StagePart = UNHEARD) -> NDArray[np.int64]:
        """Targets drawn from each row with probability by mass, ``(n, n_draws)``; −1 for a row without mass.

        All rows are drawn at once, so that ``part`` hears nothing.
        """
        matrix = self.to_csr()
        drawn = np.full((matrix.shape[0], n_draws), -1, dtype=np.int64)
        cumulative = np.concatenate([[0.0], np.cumsum(matrix.data, dtype=np.float64)])
        mass = np.diff(cumulative[matrix.indptr])
        has_mass = np.flatnonzero(mass > 0)
        starts, stops = matrix.indptr[has_mass, None], matrix.indptr[has_mass + 1, None]
        level = cumulative[starts] + rng.random((has_mass.size, n_draws)) * mass[has_mass, None]
        place = np.clip(np.searchsorted(cumulative[1:], level, side="right"), starts, stops - 1)
        drawn[has_mass] = matrix.indices[place]
        return drawn


def _sparse_product(matrix: sparse.spmatrix, values: Array, part: StagePart) -> Array:
    """The product, some features at a time where it takes long; the sums of a feature do not depend on the others."""
    width = values.shape[1]
    step = max(1, PRODUCTS // max(matrix.nnz, 1))
    if step >= width:
        return np.asarray(matrix @ values)
    out = np.empty((matrix.shape[0], width), dtype=np.result_type(matrix.dtype, values.dtype))
    for start in range(0, width, step):
        part.tell(start, width, "features")
        out[:, start : start + step] = matrix @ values[:, start : start + step]
    return out


def _top_of_dense(tile: Array, k: int) -> Tops:
    part = np.argpartition(-tile, k - 1, axis=1)[:, :k]
    values = np.take_along_axis(tile, part, axis=1)
    order = np.lexsort((part, -values), axis=1)  # heaviest first, ties by position
    index = np.take_along_axis(part, order, axis=1)
    values = np.take_along_axis(values, order, axis=1)
    sums = tile.sum(axis=1, keepdims=True)
    share = np.divide(values, sums, out=np.zeros_like(values), where=sums > 0)
    return np.where(share > 0, index, -1), share


def _effective(tile: Array) -> Array:
    sums = tile.sum(axis=1, keepdims=True)
    p = np.divide(tile, sums, out=np.zeros_like(tile), where=sums > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=1)
    return np.where(sums[:, 0] > 0, np.exp(entropy), 0.0)
