"""One transport problem with its bookkeeping: the question, how to run over its tiles, and what it has cost."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.cancellation import Watch
from psmatch_core.transport.geometry import Array, Geometry

# Pairs in one tile: 0.1 to 0.4 s of work, so that a stop is obeyed in time, and few enough tiles to send to workers.
_TILE_PAIRS = 100_000_000
_SERIAL_PAIRS = 30_000_000
_TILES = 16

Executor = concurrent.futures.Executor


@dataclass
class Tally:
    """What a solve has used so far: kernel passes, passes over all pairs."""

    iterations: int = 0
    full_passes: int = 0


@dataclass
class Scratch:
    """Memory for one large matrix at a time, lent again: mapping 400 MB afresh takes longer than filling it."""

    held: NDArray[Any] | None = None

    def matrix(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of this shape; whatever was lent before is overwritten where the size is the same."""
        if self.held is None or self.held.shape != shape or self.held.dtype != dtype:
            self.held = None  # let go of the old before the new is asked for
            self.held = np.empty(shape, dtype=dtype)
        return self.held

    def handed_on(self) -> Scratch:
        """The memory in other hands; nothing is left here."""
        held, self.held = self.held, None
        return Scratch(held)


@dataclass(frozen=True, eq=False)
class Run:
    """How a solve is carried out: who watches, who works, what it may hold."""

    watch: Watch
    executor: Executor | None
    memory_budget: int  # bytes
    seed: int
    tally: Tally = field(default_factory=Tally)
    scratch: Scratch = field(default_factory=Scratch)

    def tiles(
        self, function: Callable[..., Any], n_rows: int, n_columns: int, task: Callable[..., Any]
    ) -> Iterator[Any]:
        """``function(*task(start, stop))`` over tiles of rows, results in order of rows.

        The tiles depend on the size alone, never on the number of workers, so that sums over tiles come out the
        same on one core and on forty.
        """
        size = max(64, min(-(-n_rows // _TILES), _TILE_PAIRS // max(n_columns, 1)))
        if n_rows * n_columns <= _SERIAL_PAIRS:
            size = n_rows
        spans = [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
        if self.executor is None or len(spans) == 1:
            for start, stop in spans:
                self.watch.look()
                yield function(*task(start, stop))
            return
        yield from self._spread(function, spans, task)

    def _spread(
        self, function: Callable[..., Any], spans: Sequence[tuple[int, int]], task: Callable[..., Any]
    ) -> Iterator[Any]:
        assert self.executor is not None
        futures = [self.executor.submit(function, *task(start, stop)) for start, stop in spans]
        try:
            for future in futures:
                while not concurrent.futures.wait([future], timeout=0.1).done:
                    self.watch.look()
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@dataclass(frozen=True, eq=False)
class Problem:
    """Cost and marginals; every weight is positive and each side sums to one.

    Parameters
    ----------
    geometry
        The cost between n sources and m targets.
    a, b
        Marginals, ``(n,)`` and ``(m,)``.
    """

    geometry: Geometry
    a: Array
    b: Array

    @property
    def shape(self) -> tuple[int, int]:
        return self.geometry.shape

    @cached_property
    def log_a(self) -> Array:
        return np.log(self.a)

    @cached_property
    def log_b(self) -> Array:
        return np.log(self.b)

    @cached_property
    def transposed(self) -> Problem:
        return Problem(self.geometry.transposed, self.b, self.a)

    @cached_property
    def spread(self) -> NDArray[np.intp]:
        """At most 32 sources spread evenly, to learn from what all would tell."""
        n, _ = self.shape
        return np.linspace(0, n - 1, min(n, 32)).astype(np.intp)

    @cached_property
    def spread_rows(self) -> Problem:
        """Those sources against all targets."""
        return self.some_rows(self.spread)

    def some_rows(self, rows: NDArray[np.intp]) -> Problem:
        """Some of the sources, at the weights they have, against all targets."""
        return Problem(self.geometry.rows(rows), self.a[rows], self.b)

    def subset(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Problem:
        """The problem between some of the cells, their weights scaled to sum to one."""
        a, b = self.a[rows], self.b[columns]
        return Problem(self.geometry.subset(rows, columns), a / a.sum(), b / b.sum())
