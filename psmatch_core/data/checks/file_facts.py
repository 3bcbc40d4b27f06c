"""What the rules on two files together need to know of each: its cells, the names of its features, its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from psmatch_core.data.checks.label_column import count_labels, label_texts
from psmatch_core.data.checks.pairing import CellNames

SKETCH_SIZE = 4096


@dataclass(frozen=True)
class Sketch:
    """A set of names in compact form: the smallest of their hashes, by which two sets are compared.

    Parameters
    ----------
    n_names
        Number of distinct names.
    digest
        One hash over all names in order; equal lists have equal digests.
    smallest
        The smallest hashes, at most 4,096.
    """

    n_names: int
    digest: str
    smallest: tuple[int, ...]

    def shared_with(self, other: Sketch) -> tuple[int, bool]:
        """The number of names in both sets, and whether it is exact or an estimate."""
        if self.digest == other.digest:
            return self.n_names, True
        mine, theirs = set(self.smallest), set(other.smallest)
        is_exact = len(mine) == self.n_names and len(theirs) == other.n_names
        if is_exact:
            return len(mine & theirs), True
        # Hashes are uniform, and below the lower of the two bounds both lists are complete.
        bounds = [max(each.smallest) for each in (self, other) if len(each.smallest) < each.n_names]
        bound = min(bounds)
        common = sum(each <= bound for each in mine & theirs)
        return min(round(common * 2.0**63 / bound), self.n_names, other.n_names), False


def sketch(names: Iterable[str]) -> Sketch:
    """The sketch of ``names``."""
    whole = hashlib.blake2b(digest_size=16)
    hashes = set()
    for name in names:
        data = str(name).encode("utf-8", "surrogatepass")
        whole.update(len(data).to_bytes(4, "little") + data)
        hashes.add(int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little") >> 1)
    return Sketch(len(hashes), whole.hexdigest(), tuple(sorted(hashes)[:SKETCH_SIZE]))


class ColumnFacts(Protocol):
    """The facts about a column that these rules need."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def n_distinct(self) -> int: ...
    @property
    def n_missing(self) -> int: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def is_label_candidate(self) -> bool: ...
    @property
    def listed(self) -> Sequence[str]: ...


class FileFacts(Protocol):
    """The facts about a file that these rules need; a ``FileSummary`` has them."""

    @property
    def name(self) -> str: ...
    @property
    def n_cells(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def cells(self) -> CellNames: ...
    @property
    def features(self) -> Sketch: ...
    @property
    def columns(self) -> Sequence[ColumnFacts]: ...


@dataclass(frozen=True)
class Column:
    """The facts about one column; see :class:`ColumnFacts`."""

    name: str
    kind: str
    n_distinct: int
    n_missing: int
    counts: Mapping[str, int]
    is_label_candidate: bool
    listed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """The facts about data of any origin; see :class:`FileFacts`.

    ``sha256`` is empty if they came from no file, ``pair_key`` if no column of pair ids is chosen, ``declared_assay``
    if nothing says what the matrix measures.
    """

    name: str
    n_cells: int
    sha256: str
    cells: CellNames
    features: Sketch
    columns: tuple[Column, ...]
    pair_key: str = ""
    declared_assay: str = ""


def column_of(name: str, values: Any, listed: np.ndarray | None = None) -> Column:
    """The facts about a column with the values ``(n_cells,)``, cell by cell for the cells at ``listed``."""
    counted = count_labels(values)
    texts = () if listed is None else tuple(each or "" for each in label_texts(values)[listed].tolist())
    return Column(name, counted.kind, len(counted.counts), counted.n_missing, counted.counts, False, texts)
