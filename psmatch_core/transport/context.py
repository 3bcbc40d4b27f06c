"""What accompanies a solve: its options, progress, passes counted so far, and memory that is reused."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.base.cores import Workers, compute, side_by_side, with_idle_cores, workers
from psmatch_core.transport.cancellation import ProgressMonitor
from psmatch_core.transport.geometry import aligned_empty
from psmatch_core.transport.options import SolveOptions

# Pairs in one tile: 0.1 to 0.4 s of work, so that a solve stops promptly, and few enough tiles to send to workers.
_TILE_PAIRS = 100_000_000
_SERIAL_PAIRS = 30_000_000
_TILES = 16
# Pairs from which a pass goes to the workers of a cluster: about a second of work, to which they add a tenth or two.
_TRAVELLING_PAIRS = 1_000_000_000


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
        self,
        function: Callable[..., Any],
        shape: tuple[int, int],
        task: Callable[[int, int], tuple[Any, ...]],
        *,
        lasting: Sequence[Any] = (),
        passing: Sequence[Any] = (),
        merge: Callable[[list[Any]], Any] | None = None,
    ) -> Iterator[Any]:
        """``function(*lasting, *passing, *task(start, stop))`` for each tile of rows of ``shape``, in their order.

        Tiles depend on the size of the problem and never on the number of workers, and so do the groups that ``merge``
        makes one result of, so that sums over tiles are the same on one core and on forty.

        Parameters
        ----------
        function, merge
            Can be imported by their names elsewhere.
        lasting, passing
            Arrays that all tiles read: those that stay for the whole solve, and those of this pass. They travel to a
            cluster once.
        merge
            Makes one result of those of successive tiles.
        """
        n_rows, n_columns = shape
        size = max(64, min(-(-n_rows // _TILES), _TILE_PAIRS // max(n_columns, 1)))
        if n_rows * n_columns <= _SERIAL_PAIRS:
            size = n_rows
        tasks = [task(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
        step = -(-len(tasks) // _TILES)
        groups = [tasks[at : at + step] for at in range(0, len(tasks), step)]
        data = (*lasting, *passing)
        others = workers() if self.options.executor is None and n_rows * n_columns >= _TRAVELLING_PAIRS else None
        if others is not None:
            yield from self._map_on_workers(others, _Tiles(function, merge), groups, lasting, passing)
        elif self.options.executor is not None and len(tasks) > 1:
            found = self._map_on(self.options.executor, function, [(*data, *each) for each in tasks])
            for group in groups:
                yield from _merged([next(found) for _ in group], merge)
        else:
            for at in range(0, len(groups), max(1, _TILES // step)):  # some at a time: who has enough asks for no more
                some = groups[at : at + max(1, _TILES // step)]
                results = iter(self.with_idle_cores(lambda each: function(*data, *each), list(chain(*some))))
                for group in some:
                    yield from _merged(list(islice(results, len(group))), merge)

    def with_idle_cores(self, function: Callable[[Any], Any], parts: Sequence[Any]) -> list[Any]:
        """``function`` of each part, on this core and on those that idle; stops between two parts if asked to."""
        return with_idle_cores(function, parts, before_each=self.monitor.check)

    def _map_on_workers(
        self,
        others: Workers,
        function: Callable[..., Any],
        groups: Sequence[Sequence[tuple[Any, ...]]],
        lasting: Sequence[Any],
        passing: Sequence[Any],
    ) -> Iterator[Any]:
        def part(group: Sequence[tuple[Any, ...]]) -> Any:
            return compute(function, (*lasting, *passing), group)

        try:
            yield from chain(*side_by_side(part, groups, while_waiting=self.monitor.check))
        finally:
            others.forget(passing)

    def _map_on(
        self, executor: concurrent.futures.Executor, function: Callable[..., Any], tasks: Sequence[tuple[Any, ...]]
    ) -> Iterator[Any]:
        futures = [executor.submit(function, *each) for each in tasks]
        try:
            for future in futures:
                while not concurrent.futures.wait([future], timeout=0.1).done:
                    self.monitor.check()
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@dataclass(frozen=True)
class _Tiles:
    """Several tiles as one part of the work of a cluster."""

    function: Callable[..., Any]
    merge: Callable[[list[Any]], Any] | None

    def __call__(self, *data_and_tasks: Any) -> list[Any]:
        *data, tasks = data_and_tasks
        return _merged([self.function(*data, *each) for each in tasks], self.merge)


def _merged(results: list[Any], merge: Callable[[list[Any]], Any] | None) -> list[Any]:
    return results if merge is None else [merge(results)]
