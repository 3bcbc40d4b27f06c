"""What accompanies a solve: its options, progress, passes counted so far, and memory that is reused."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.cores import with_idle_cores
from psmatch_core.transport.cancellation import ProgressMonitor
from psmatch_core.transport.geometry import aligned_empty
from psmatch_core.transport.options import SolveOptions

# Pairs in one tile: 0.1 to 0.4 s of work, so that a solve stops promptly, and few enough tiles to send to workers.
_TILE_PAIRS = 100_000_000
_SERIAL_PAIRS = 30_000_000
_TILES = 16


@dataclass
class PassCounts:
    """Kernel passes (``iterations``) and passes over all pairs so far."""

    iterations: int = 0
    full_passes: int = 0


@dataclass
class MatrixBuffer:
    """Memory for one large matrix, used again: mapping 400 MB afresh takes longer than filling it."""

    array: NDArray[Any] | None = None

    def request(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of this shape; it overwrites the previous one if that has the same size."""
        if self.array is None or self.array.shape != shape or self.array.dtype != dtype:
            self.array = None  # free the old memory before the new is requested
            self.array = aligned_empty(shape, dtype)
        return self.array

    def hand_over(self) -> MatrixBuffer:
        """A new owner of the memory; this one is left empty."""
        array, self.array = self.array, None
        return MatrixBuffer(array)


@dataclass(frozen=True, eq=False)
class SolveContext:
    """How a solve is carried out, and what it has used so far.

    ``is_rough`` is set where only potentials are wanted: no certificate is then made of a support that carries the
    marginals.
    """

    options: SolveOptions
    monitor: ProgressMonitor
    counts: PassCounts = field(default_factory=PassCounts)
    buffer: MatrixBuffer = field(default_factory=MatrixBuffer)
    started: float = field(default_factory=time.perf_counter)
    is_rough: bool = False

    @classmethod
    def start(cls, options: SolveOptions, buffer: MatrixBuffer | None = None) -> SolveContext:
        """The context of a new solve."""
        return cls(options, ProgressMonitor(options.progress, options.should_stop), buffer=buffer or MatrixBuffer())

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.perf_counter() - self.started

    @property
    def iterations_left(self) -> int:
        """Kernel passes left of those allowed, at all levels and epsilons together."""
        return self.options.max_iterations - self.counts.iterations

    @property
    def is_exhausted(self) -> bool:
        """Whether too few kernel passes are left for any iteration to gain from them."""
        return self.iterations_left < 2

    def map_tiles(
        self, function: Callable[..., Any], shape: tuple[int, int], task: Callable[[int, int], tuple[Any, ...]]
    ) -> Iterator[Any]:
        """``function(*task(start, stop))`` for each tile of rows of ``shape``; results come in the order of the rows.

        Tiles depend on the size of the problem and never on the number of workers, so that sums over tiles are the
        same on one core and on forty.
        """
        n_rows, n_columns = shape
        size = max(64, min(-(-n_rows // _TILES), _TILE_PAIRS // max(n_columns, 1)))
        if n_rows * n_columns <= _SERIAL_PAIRS:
            size = n_rows
        spans = [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
        if self.options.executor is not None and len(spans) > 1:
            yield from self._map_on(self.options.executor, function, spans, task)
            return
        for at in range(0, len(spans), _TILES):  # some at a time: who has enough of them asks for no more
            yield from self.with_idle_cores(lambda span: function(*task(*span)), spans[at : at + _TILES])

    def with_idle_cores(self, function: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        """``function`` of each part, on this core and on those that idle; stops between two parts if asked to."""
        return with_idle_cores(function, parts, before_each=self.monitor.check)

    def _map_on(
        self,
        executor: concurrent.futures.Executor,
        function: Callable[..., Any],
        spans: Sequence[tuple[int, int]],
        task: Callable[[int, int], tuple[Any, ...]],
    ) -> Iterator[Any]:
        futures = [executor.submit(function, *task(start, stop)) for start, stop in spans]
        try:
            for future in futures:
                while not concurrent.futures.wait([future], timeout=0.1).done:
                    self.monitor.check()
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
