"""A bounded sample of the cells of a matrix, taken while the matrix is read, and the figures per cell that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from psmatch_core.base.array_files import read_arrays, write_arrays
from psmatch_core.base.errors import plural

MOST_CELLS = 2_000
FEWEST_CELLS = 200  # of a dense matrix with very many features
MOST_VALUES = 4_000_000  # values other than 0 in a sample: 48 MB


@dataclass(frozen=True)
class CellMedians:
    """Medians over a sample of the cells of a matrix.

    Parameters
    ----------
    total
        Sum of a cell's values: its library size, where the values are counts.
    features
        Features of a cell whose value is not 0.
    n_sampled, n_cells
        Cells in the sample, and in the matrix [cells].
    """

    total: float
    features: float
    n_sampled: int
    n_cells: int

    @property
    def sample_text(self) -> str:
        """From which cells these medians are: ``from 2,000 of 48,213 cells``."""
        is_whole = self.n_sampled == self.n_cells
        return f"from {'' if is_whole else f'{self.n_sampled:,} of '}{plural(self.n_cells, 'cell')}"


@dataclass(frozen=True, eq=False)
class CellSample:
    """Some cells of a matrix, evenly spaced, by feature: values other than 0 alone are kept.

    Parameters
    ----------
    values
        Values other than 0, ordered by feature ``(n_values,)``.
    cells
        The cell of each value, by its place in the sample ``(n_values,)``.
    bounds
        Where the values of each feature begin and end ``(n_features + 1,)``.
    names
        Feature names ``(n_features,)``.
    n_sampled, n_read, n_cells
        Cells in the sample, cells from which it was taken (the first of a file that is read in order only in part), and
        all cells [cells].
    """

    values: npt.NDArray[np.float64]
    cells: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]
    names: tuple[str, ...]
    n_sampled: int
    n_read: int
    n_cells: int

    @cached_property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """Which of :attr:`values` are neither missing nor infinite."""
        return np.isfinite(self.values)

    @cached_property
    def totals(self) -> npt.NDArray[np.float64]:
        """Sum of the known values of each cell ``(n_sampled,)``: its library size, where they are counts."""
        known = self.is_known
        return np.asarray(
            np.bincount(self.cells[known], weights=self.values[known], minlength=self.n_sampled), dtype=np.float64
        )

    @cached_property
    def features_per_cell(self) -> npt.NDArray[np.int64]:
        """Features of each cell with a known value other than 0 ``(n_sampled,)``."""
        return np.bincount(self.cells[self.is_known], minlength=self.n_sampled)

    @cached_property
    def missing_per_cell(self) -> npt.NDArray[np.float64]:
        """Share of the features that have no value in a cell ``(n_sampled,)``; infinite ones count as none."""
        return np.bincount(self.cells[~self.is_known], minlength=self.n_sampled) / max(1, len(self.names))

    @cached_property
    def missing_per_feature(self) -> npt.NDArray[np.float64]:
        """Share of the cells that have no value of a feature ``(n_features,)``."""
        owners = np.repeat(np.arange(len(self.names)), np.diff(self.bounds))
        return np.bincount(owners[~self.is_known], minlength=len(self.names)) / max(1, self.n_sampled)

    @property
    def has_zeros(self) -> bool:
        """Whether some value is 0, so that features per cell say something."""
        return self.values.size < self.n_sampled * len(self.names)

    @property
    def medians(self) -> CellMedians:
        """The medians that `inspect` prints and the Data page draws."""
        totals, features = float(np.median(self.totals)), float(np.median(self.features_per_cell))
        return CellMedians(totals, features, self.n_sampled, self.n_cells)

    def feature(self, name: str) -> npt.NDArray[np.float64]:
        """The known values of a feature ``(n,)``, at most one for each cell of the sample."""
        at = self.names.index(name)
        here = slice(int(self.bounds[at]), int(self.bounds[at + 1]))
        found = np.zeros(self.n_sampled)
        found[self.cells[here]] = self.values[here]
        return np.asarray(found[np.isfinite(found)])

    def save(self, path: Path) -> Path:
        """Write the sample to one file, which :meth:`load` reads."""
        arrays: dict[str, np.ndarray] = {"values": self.values, "cells": self.cells, "bounds": self.bounds}
        sizes = {"n_sampled": self.n_sampled, "n_read": self.n_read, "n_cells": self.n_cells}
        return write_arrays(path, arrays, {"names": self.names, **sizes})

    @classmethod
    def load(cls, path: Path) -> CellSample:
        """The sample that :meth:`save` wrote.

        Raises
        ------
        PsmatchError
            If the file is missing or damaged.
        """
        arrays, meta = read_arrays(path)
        return cls(
            arrays["values"],
            arrays["cells"],
            arrays["bounds"],
            names=tuple(meta["names"]),
            n_sampled=int(meta["n_sampled"]),
            n_read=int(meta["n_read"]),
            n_cells=int(meta["n_cells"]),
        )


class SampleCollector:
    """Collects a :class:`CellSample` of a matrix whose rows are given once, in chunks.

    Parameters
    ----------
    n_cells, n_features
        Size of the whole matrix.
    is_sparse
        Whether its chunks are; of dense cells with very many features fewer are taken.
    n_offered
        How many of the rows will be given, where a preview reads only some; all if None.
    path
        Where the sample is written; None if only its medians are asked.
    """

    def __init__(
        self,
        n_cells: int,
        n_features: int,
        *,
        is_sparse: bool,
        path: Path | None = None,
        n_offered: int | None = None,
    ) -> None:
        most = MOST_CELLS if is_sparse else max(FEWEST_CELLS, MOST_VALUES // max(1, n_features))
        n_offered = n_cells if n_offered is None else n_offered
        n_wanted = min(n_offered, MOST_CELLS, most)
        self._wanted = np.unique(np.linspace(0, max(0, n_offered - 1), n_wanted).astype(np.int64))
        self._is_of_first = n_offered == n_cells  # else the rows come from everywhere
        self._n_cells, self._n_features, self._n_read = n_cells, n_features, 0
        self._parts: list[Any] = []
        self._path = path

    def add(self, rows: Any) -> None:
        """Take the wanted ones of the next rows ``(n, n_features)``, dense or scipy sparse."""
        from scipy import sparse

        stop = self._n_read + rows.shape[0]
        first, last = np.searchsorted(self._wanted, (self._n_read, stop))
        if last > first:
            chosen = rows[self._wanted[first:last] - self._n_read]
            part = sparse.csr_matrix(chosen, dtype=np.float64)
            part.sum_duplicates()
            self._parts.append(part)
        self._n_read = stop

    def finish(self, names: list[str]) -> CellMedians | None:
        """Write the sample of what was read, if that is asked, and return its medians; None if nothing was read."""
        sample = self.sample(names)
        if sample is None:
            return None
        if self._path is not None:
            sample.save(self._path)
        return sample.medians

    def sample(self, names: list[str]) -> CellSample | None:
        """The sample of what was read; None if no cell was. Of very full cells it keeps fewer."""
        from scipy import sparse

        if not self._parts:
            return None
        X = sparse.vstack(self._parts, format="csr")
        if X.nnz > MOST_VALUES and X.shape[0] > FEWEST_CELLS:
            n_kept = max(FEWEST_CELLS, MOST_VALUES * X.shape[0] // X.nnz)
            X = X[np.unique(np.linspace(0, X.shape[0] - 1, n_kept).astype(np.int64))]
        X.eliminate_zeros()
        by_feature = X.tocsc()
        return CellSample(
            values=by_feature.data,
            cells=by_feature.indices.astype(np.int32),
            bounds=by_feature.indptr.astype(np.int64),
            names=tuple(names),
            n_sampled=X.shape[0],
            n_read=self._n_read if self._is_of_first else self._n_cells,
            n_cells=self._n_cells,
        )
