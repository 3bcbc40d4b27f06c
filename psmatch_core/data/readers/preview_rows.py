"""Which rows of a matrix a preview reads: all of a small one, evenly spaced runs of a large one.

What is read of a large matrix shows what its values are like. That all of them can be used is checked when a run reads
them (:func:`psmatch_core.data.readers.checked_data.check_chosen`), and whatever rules a matrix out is looked for in all
rows that are read as soon as the sample holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from psmatch_core.data.readers.base import MatrixHeader, Source

SCAN_VALUES = 2_000_000  # stored values read at a time: 16 MB
LARGE = 20_000_000  # stored values: fewer are all read, in about two seconds
# A sample: so many cells, fewer of very full ones, in so many runs, since neighbours lie together on the disk.
MOST_ROWS, FEWEST_ROWS, MOST_SAMPLED, RUNS = 20_000, 2_000, 10_000_000, 100


@dataclass(frozen=True)
class PreviewRows:
    """The rows that a preview reads.

    Parameters
    ----------
    n_rows
        Rows of the matrix.
    run_rows
        Rows of each of 100 runs; 0 if all are read in order.
    """

    n_rows: int
    run_rows: int = 0

    @classmethod
    def of(cls, source: Source, header: MatrixHeader) -> PreviewRows:
        """A sample of a large matrix whose rows can be read alone, else all rows."""
        n_rows = header.shape[0] if header.shape else 0
        n_stored = source.n_stored(header.key) if len(header.shape) == 2 else 0
        if n_stored <= LARGE:
            return cls(n_rows)
        n_sampled = min(MOST_ROWS, max(FEWEST_ROWS, MOST_SAMPLED * n_rows // n_stored))
        return cls(n_rows, n_sampled // RUNS) if n_sampled < n_rows else cls(n_rows)

    @property
    def is_sample(self) -> bool:
        return self.run_rows > 0

    @property
    def n_read(self) -> int:
        """Rows that are read, unless a budget ends it before."""
        return self.run_rows * RUNS if self.is_sample else self.n_rows

    def read(self, source: Source, key: str) -> Iterator[Any]:
        """These rows of matrix ``key``, in order, in dense or CSR chunks."""
        if not self.is_sample:
            yield from source.rows(key, SCAN_VALUES)
            return
        for start in self._starts.tolist():
            yield from source.run(key, start, start + self.run_rows, SCAN_VALUES)

    def those_of(self, values: Sequence[Any]) -> Sequence[Any]:
        """What belongs to these rows, of one value for each row of the matrix."""
        if not self.is_sample:
            return values
        return [each for start in self._starts.tolist() for each in values[start : start + self.run_rows]]

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.linspace(0, self.n_rows - self.run_rows, RUNS).astype(np.int64)
