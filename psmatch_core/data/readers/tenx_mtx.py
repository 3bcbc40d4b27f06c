"""The reader of counts as text: a matrix in ``mtx``, and the names of its cells and features in tables beside it.

These are ``matrix.mtx``, ``barcodes.tsv`` and ``features.tsv`` (or ``genes.tsv``), or what other counters call them.
They lie in one folder, or in a tar or zip archive of it, each plain or compressed with gzip, perhaps with a prefix in
front of their names as GEO adds it. Both layouts are read: features × cells (Cell Ranger, STARsolo) and cells ×
features (kallisto bustools, alevin-fry, Parse Biosciences); with as many cells as features, the counter's own
layout counts. The entries of a pattern, which has no values, are 1. Refused are other forms of Matrix Market (arrays,
complex numbers, symmetric matrices), folders with several matrices, and matrices whose size is not that of the names.

Source: 10x Genomics, Feature-Barcode Matrices (MEX format), Cell Ranger 2 and later; the Matrix Market format, NIST.
"""

from __future__ import annotations

import csv
import gzip
import re
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import COPIES_IN_MEMORY, MatrixHeader, Opening, Reader, Source
from psmatch_core.data.readers.h5_safety import damaged, refuse_size
from psmatch_core.data.readers.h5_tables import decoded
from psmatch_core.data.readers.several_files import FileSet, open_files
from psmatch_core.data.readers.signature import MATRIX_NAME, MTX_FOLDER, MTX_ZIP, Signature
from psmatch_core.data.readers.tenx import TenxSource, TenxTables, incomplete

_TENX = {"barcodes": ("barcodes.tsv",), "features": ("features.tsv", "genes.tsv")}
_PARSE = {"barcodes": ("cell_metadata.csv",), "features": ("all_genes.csv", "genes.csv")}  # with a header
# By the name of the matrix: the tables of names that may lie beside it. A count_matrix is one of Parse Biosciences, or
# one of 10x that was renamed.
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "matrix": _TENX,
    "DGE": _PARSE,
    "count_matrix": {
        what: (*_PARSE[what], *(f"count_{name}" for name in names), *names) for what, names in _TENX.items()
    },
    "quants_mat": {"barcodes": ("quants_mat_rows.txt",), "features": ("quants_mat_cols.txt",)},
    "cells_x_genes": {"barcodes": ("cells_x_genes.barcodes.txt",), "features": ("cells_x_genes.genes.txt",)},
}
_NAMES_OF_IDS = {"cells_x_genes.genes.txt": "cells_x_genes.genes.names.txt"}
CELLS_FIRST = frozenset({"DGE", "quants_mat", "cells_x_genes"})
_HEADER = re.compile(
    r"(?i)x|v\d+|id|ids|names?|(cell|gene|feature|bar|sample|symbol|ensembl|bc|spot|peak|protein)[\w .-]*"
)
AT_ONCE = 2_000_000  # entries parsed at a time
ENTRY_BYTES = 16  # row and column of four bytes, value of eight
_TAR_HINT = "Unpack it first, then load the file inside."


class MtxReader(Reader):
    """Reads folders and archives of a matrix, barcodes and features."""

    name = "10x mtx"

    def accepts(self, signature: Signature) -> bool:
        return signature.content in (MTX_FOLDER, MTX_ZIP, "tar")

    def open(self, opening: Opening) -> Source:
        files = open_files(opening.path, opening.shown)
        try:
            return MtxSource(opening, files)
        except BaseException:
            files.close()
            raise


class MtxSource(TenxSource):
    """An opened matrix in text."""

    format_name = "10x mtx"

    def __init__(self, opening: Opening, files: FileSet) -> None:
        self.shown = opening.shown
        self._files = files
        self._max_bytes = opening.memory_mb * 2**20 // COPIES_IN_MEMORY
        self._matrix_file = self._only_matrix()
        found: list[Finding] = []
        self._field, self._stored_shape, self._n_entries = self._header()
        cells, rows = self._named("barcodes", found), self._named("features", found)
        barcodes = [row[0] for row in cells]
        here = (len(rows), len(barcodes))
        self._is_by_feature = self._stored_shape == here
        if here[0] == here[1] and self._matrix_file[2].partition(".")[0] in CELLS_FIRST:
            self._is_by_feature = False
        elif not self._is_by_feature and self._stored_shape != here[::-1]:
            size = " × ".join(f"{each:,}" for each in self._stored_shape)
            problem = f"{self.shown}: the matrix has {size} entries for {here[0]:,} features and {here[1]:,} barcodes."
            raise PsmatchError(problem, hint="Take all three files from the same run and folder.", code="PM-F45")
        refuse_size(ENTRY_BYTES * self._n_entries, "its matrix", self.shown, self._max_bytes)
        width = min(map(len, rows), default=0)
        super().__init__(
            opening,
            TenxTables(
                barcodes,
                [row[1 if width > 1 else 0] for row in rows],
                [row[0] for row in rows] if width > 1 else None,
                [row[2] for row in rows] if width > 2 else None,
            ),
        )
        self.findings += found

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        shape = (len(self._tables.barcodes), len(self._tables.names))
        return (MatrixHeader("X", shape, self._kind, True),)

    @property
    def _kind(self) -> np.dtype[Any]:
        return np.dtype("f8" if self._field == "real" else "i8")

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        X, _ = self._matrix
        for start, stop in row_chunks(X.shape[0], -(-X.nnz // max(1, X.shape[0])), limit):
            yield X[start:stop]

    def whole(self, key: str) -> Any:
        return self._matrix[0]

    def is_canonical(self, key: str) -> bool:
        return self._matrix[1]

    def close(self) -> None:
        self._files.close()

    def _only_matrix(self) -> re.Match[str]:
        matches = [each for name in self._files.sizes if (each := MATRIX_NAME.fullmatch(name)) and not _hidden(name)]
        if not matches:
            if Path(self.shown).suffix in ("", ".zip"):
                raise incomplete(self.shown, ["matrix.mtx"])
            problem = f"{self.shown} is a tar archive without a 10x matrix (matrix.mtx, barcodes.tsv, features.tsv)."
            raise PsmatchError(problem, hint=_TAR_HINT, code="PM-F10")
        if len(matches) > 1:
            names = name_list((each[0] for each in matches), 3)
            problem = f"{self.shown} holds {len(matches)} matrices ({names})."
            hint = "Give the folder of one of them, or pack only that one."
            raise PsmatchError(problem, hint=hint, code="PM-F35")
        return matches[0]

    def _named(self, what: str, findings: list[Finding]) -> list[list[str]]:
        """The fields of each line of a table of names, without the quotation marks of R and without a header.

        A header is a first line that is called like one, in a table with one line more than the matrix.
        """
        rows = self._lines(what, findings)
        if rows and all(len(each) > 1 and each[0] == each[-1] == '"' for row in rows for each in row if each):
            rows = [[each.strip('"') for each in row] for row in rows]
        is_one_more = len(rows) - 1 in self._stored_shape and len(rows) not in self._stored_shape
        if is_one_more and _HEADER.fullmatch(rows[0][0][:60]):
            problem = f"{self.shown}: the first line of the table of {what} ({display(rows[0][0], 30)}) is a header."
            findings.append(warning("PM-F34", problem, "It was left out; check the names."))
            rows = rows[1:]
        return rows

    def _lines(self, what: str, findings: list[Finding]) -> list[list[str]]:
        """The fields of each line of a table of names."""
        start = self._matrix_file[0][: self._matrix_file.start(2)]
        wanted = _NAMES[self._matrix_file[2].partition(".")[0]][what]
        name = next((each for each in wanted if self._stored(start + each)), None)
        if name is None:
            raise incomplete(self.shown, [wanted[0]])
        lines = self._texts(self._stored(start + name), findings)
        if name.endswith(".csv"):
            return [row[:2] for row in csv.reader(lines[1:])]
        if name in _NAMES_OF_IDS and (named := self._stored(start + _NAMES_OF_IDS[name])):
            names = self._texts(named, findings)
            if len(names) == len(lines):
                return [list(each) for each in zip(lines, names, strict=True)]
        return [line.split("\t") for line in lines]

    def _stored(self, name: str) -> str:
        """The file of this name, perhaps compressed; empty if there is none."""
        return next((each for each in (name, f"{name}.gz") if each in self._files.sizes), "")

    def _texts(self, name: str, findings: list[Finding]) -> list[str]:
        with self._opened(name) as stream:
            data = stream.read(self._max_bytes + 1)
        refuse_size(len(data), display(name), self.shown, self._max_bytes)
        lines = np.array(data.rstrip().splitlines(), dtype=object)
        return list(decoded(lines, self.shown, display(name), findings))

    def _header(self) -> tuple[str, tuple[int, int], int]:
        """The kind of values (``integer``, ``real`` or ``pattern``), the stored shape, and the number of entries."""
        with self._opened(self._matrix_file[0]) as stream:
            first = stream.readline(1000).decode("latin-1").lower().split()
            line = stream.readline(10_000)
            while line.startswith(b"%") or (line and not line.strip()):
                line = stream.readline(10_000)
        if first[:3] != ["%%matrixmarket", "matrix", "coordinate"] or first[4:] != ["general"]:
            raise damaged(self.shown, "matrix.mtx is not a sparse Matrix Market matrix (coordinate, general)")
        if first[3] not in ("integer", "real", "pattern"):
            raise damaged(self.shown, f"matrix.mtx holds no numbers ({display(first[3])})")
        sizes = [int(each) for each in line.split() if each.isdigit()]
        if len(sizes) != 3:
            raise damaged(self.shown, "matrix.mtx does not say its size")
        return first[3], (sizes[0], sizes[1]), sizes[2]

    @cached_property
    def _matrix(self) -> tuple[Any, bool]:
        """The matrix ``(n_cells, n_features)`` as CSR, and whether its entries are unique."""
        from scipy import sparse

        parts = list(self._entries())
        n_read = sum(len(values) for _, _, values in parts)
        if n_read != self._n_entries:
            raise damaged(self.shown, f"matrix.mtx holds {n_read:,} of {self._n_entries:,} entries")
        columns = [np.concatenate(each) for each in zip(*parts, strict=True)] if parts else [np.empty(0, "i4")] * 3
        features, cells = columns[:2] if self._is_by_feature else columns[1::-1]
        shape = (len(self._tables.barcodes), len(self._tables.names))
        for index, n in ((cells, shape[0]), (features, shape[1])):
            if index.size and (index.min() < 0 or index.max() >= n):
                raise damaged(self.shown, "an entry of matrix.mtx lies outside the matrix")
        X = sparse.coo_matrix((columns[2], (cells, features)), shape=shape).tocsr()
        X.sort_indices()
        return X, X.nnz == self._n_entries

    def _entries(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Rows, columns and values of the entries, counted from 0."""
        import pandas as pd

        with self._opened(self._matrix_file[0]) as stream:
            line = stream.readline()
            while line.startswith(b"%") or not line.strip():
                line = stream.readline()
            if not self._n_entries:
                return
            names = ["row", "column", *([] if self._field == "pattern" else ["value"])]
            try:
                reader = pd.read_csv(
                    stream,
                    sep=r"\s+",
                    header=None,
                    names=names,
                    index_col=False,
                    dtype={"row": "i4", "column": "i4", "value": self._kind},
                    chunksize=AT_ONCE,
                    na_filter=False,
                )
                for table in _strictly(reader):
                    values = table["value"].to_numpy() if "value" in table else np.ones(len(table), self._kind)
                    yield table["row"].to_numpy() - 1, table["column"].to_numpy() - 1, values
            except (ValueError, OverflowError):
                count = "two" if self._field == "pattern" else "three"
                raise damaged(self.shown, f"an entry of matrix.mtx is not {count} numbers") from None

    def _opened(self, name: str) -> BinaryIO:
        stream = self._files.opened(name)
        return gzip.GzipFile(fileobj=stream) if name.endswith(".gz") else stream  # type: ignore[return-value]


def _strictly(reader: Iterator[Any]) -> Iterator[Any]:
    """The tables of a reader; a line with more fields than the first line is declared to have is an error."""
    import pandas as pd

    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            try:
                table = next(reader, None)
            except pd.errors.ParserWarning as error:
                raise ValueError(str(error)) from None
        if table is None:
            return
        yield table


def _hidden(name: str) -> bool:
    """Whether a file is a shadow that macOS writes into archives."""
    return "__MACOSX" in name or name.rpartition("/")[2].startswith("._")
