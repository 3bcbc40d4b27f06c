"""Coupling: which cells are matched, label by label, with a status for each label.

A block stores one label's plan in one of three forms, which all answer the same questions.
A block has mass 1; its share of the whole coupling is its label's share of the matched source cells.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import UNHEARD, StagePart
from psmatch_core.base.records import stored_by_name
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.blocks import Block


@stored_by_name
class Outcome(enum.Enum):
    """How the matching of a label ended; the value is what a user reads."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged: allow more iterations or a larger epsilon"
    EXACT = "exact"
    CLOSED_FORM = "closed form: nothing to iterate"
    PARTIAL = "some cells have no match"
    FAILED = "failed: no plan for this label"
    NO_COUNTERPART = "label in one modality only: its cells are not matched"

    @property
    def is_usable(self) -> bool:
        """Whether there is a plan."""
        return self not in (Outcome.FAILED, Outcome.NO_COUNTERPART)

    @property
    def needs_attention(self) -> bool:
        return self in (Outcome.NOT_CONVERGED, Outcome.PARTIAL, Outcome.FAILED, Outcome.NO_COUNTERPART)


@dataclass(frozen=True)
class Status:
    """What happened to one label.

    Parameters
    ----------
    n_source, n_target
        Cells of each modality.
    outcome, message
        How it ended, and what else the user must know.
    iterations
        Of the solver; 0 if it does not iterate.
    marginal_error
        L1 distance of the plan's marginals from the requested ones (of mass 1).
    epsilon
        In units of cost; NaN if the matcher has none.
    """

    label: str
    n_source: int
    n_target: int
    outcome: Outcome
    message: str = ""
    iterations: int = 0
    marginal_error: float = 0.0
    epsilon: float = float("nan")


@dataclass(frozen=True, eq=False)
class Coupling(HtmlSummary):
    """Plans between the cells of two modalities, one block per label.

    Parameters
    ----------
    source, target
        The scored modalities; rows are source cells, columns target cells.
    blocks
        Plan of each label that has one, ``(n_label_source, n_label_target)``, mass 1.
    statuses
        Status of each label, in the order of the labels, including labels without a plan.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> coupling
    Coupling(RNA → Image: 13 labels, 1,000 × 850 cells, 0 needing attention)
    >>> plan = coupling["STAT1"].to_array()
    >>> plan.shape, round(float(plan.sum()), 3)
    ((81, 67), 1.0)
    """

    source: ScoredModality
    target: ScoredModality
    blocks: Mapping[str, Block] = field(repr=False)
    statuses: tuple[Status, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that have a plan."""
        return tuple(self.blocks)

    def __getitem__(self, label: str) -> Block:
        if label not in self.blocks:
            raise PsmatchError(
                f"There is no plan for label {label!r}.", hint=f"Labels with a plan: {some(self.blocks, 20) or 'none'}."
            )
        return self.blocks[label]

    def __len__(self) -> int:
        return len(self.blocks)

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self.blocks)

    @cached_property
    def source_cells(self) -> dict[str, np.ndarray]:
        """Row numbers in the source modality of each block's rows."""
        return {label: np.flatnonzero(self.source.modality.labels == label) for label in self.blocks}

    @cached_property
    def target_cells(self) -> dict[str, np.ndarray]:
        """Row numbers in the target modality of each block's columns."""
        return {label: np.flatnonzero(self.target.modality.labels == label) for label in self.blocks}

    def with_blocks(self, blocks: Mapping[str, Block]) -> Coupling:
        """The same cells with other plans for the same labels; the statuses stay those of the run."""
        changed = replace(self, blocks=blocks)
        if tuple(blocks) == self.labels:  # the cells of a label are found once, not at every move of a slider
            for name in ("source_cells", "target_cells"):
                changed.__dict__[name] = getattr(self, name)
        return changed

    def asked_often(self) -> Coupling:
        """The same coupling for a page, which asks it again and again: answers take a quarter of the time."""
        return self.with_blocks({label: block.asked_often() for label, block in self.blocks.items()})

    def mass(self, label: str) -> float:
        """The label's share of the matched source cells."""
        total = sum(cells.size for cells in self.source_cells.values())
        return self.source_cells[label].size / total

    @cached_property
    def n_effective(self) -> np.ndarray:
        """Effective matches of each source cell, ``(n_source_cells,)``; NaN where a cell has no plan."""
        out = np.full(self.source.modality.n_cells, np.nan)
        for label, block in self.blocks.items():
            out[self.source_cells[label]] = block.n_effective
        return out

    def pull(self, values: np.ndarray) -> np.ndarray:
        """Barycentric projection of target values ``(n_target_cells, d)`` onto source cells ``(n_source_cells, d)``.

        NaN rows for cells without a match.
        """
        return self._project(values, self.source_cells, self.target_cells, self.source.modality.n_cells, "pull")

    def push(self, values: np.ndarray) -> np.ndarray:
        """Barycentric projection of source values onto target cells."""
        return self._project(values, self.target_cells, self.source_cells, self.target.modality.n_cells, "push")

    def _project(
        self, values: np.ndarray, to: dict[str, np.ndarray], of: dict[str, np.ndarray], n: int, way: str
    ) -> np.ndarray:
        values = np.asarray(values, dtype=np.float64)
        out = np.full((n, values.shape[1]), np.nan)
        for label, block in self.blocks.items():
            sums, masses = (
                (block.pull(values[of[label]]), block.marginals[0])
                if way == "pull"
                else (block.push(values[of[label]]), block.marginals[1])
            )
            has_mass = masses > 0
            out[to[label][has_mass]] = sums[has_mass] / masses[has_mass, None]
        return out

    def to_sparse(
        self, *, top: int | None = None, smallest: float = 0.0, part: StagePart = UNHEARD
    ) -> sparse.csr_matrix:
        """The whole coupling ``(n_source_cells, n_target_cells)`` with total mass 1.

        Parameters
        ----------
        top
            Keep only each source cell's heaviest matches.
        smallest
            Leave out entries below this share of their row.
        part
            Hears how many source cells are done.
        """
        pieces, n_done = [], 0
        n_cells = sum(cells.size for cells in self.source_cells.values())
        for label, block in self.blocks.items():
            share, columns = self.mass(label), self.target_cells[label].astype(np.int32)
            parts = []
            for start, rows in block.sparse_rows(top=top, smallest=smallest):
                parts.append(rows if rows.has_sorted_indices else rows.sorted_indices())
                part.tell(n_done + start + rows.shape[0], n_cells)
            n_done += block.shape[0]
            lengths, indices, values = (
                np.concatenate(each)
                for each in zip(*((np.diff(each.indptr), each.indices, each.data) for each in parts), strict=True)
            )
            pieces.append(_Piece(self.source_cells[label], lengths, columns[indices], values * share))
        return _joined(pieces, (self.source.modality.n_cells, self.target.modality.n_cells))

    def __repr__(self) -> str:
        attention = sum(status.outcome.needs_attention for status in self.statuses)
        n, m = (sum(cells.size for cells in side.values()) for side in (self.source_cells, self.target_cells))
        return (
            f"Coupling({self.source.modality.name} → {self.target.modality.name}: {len(self.blocks)} labels, "
            f"{n:,} × {m:,} cells, {attention} needing attention)"
        )


@dataclass(frozen=True, eq=False)
class _Piece:
    """A label in the coupling: the positions of its rows, how many entries each has, and these, row after row."""

    rows: np.ndarray
    lengths: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    def places(self, indptr: np.ndarray) -> np.ndarray:
        """Where its entries are in the matrix whose rows start at ``indptr``."""
        own = np.cumsum(self.lengths) - self.lengths  # where each row starts in the piece
        return np.repeat(indptr[self.rows] - own, self.lengths) + np.arange(int(self.lengths.sum()))


def _joined(pieces: list[_Piece], shape: tuple[int, int]) -> sparse.csr_matrix:
    """All pieces as one matrix, and ``pieces`` emptied: an entry takes at most 20 bytes on the way to its 12."""
    lengths = np.zeros(shape[0], dtype=np.int64)
    for each in pieces:
        lengths[each.rows] = each.lengths
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    columns = np.empty(indptr[-1], dtype=np.int32)
    for number, each in enumerate(pieces):
        columns[each.places(indptr)] = each.columns
        pieces[number] = replace(each, columns=columns[:0])
    values = np.empty(indptr[-1])
    while pieces:
        each = pieces.pop()
        values[each.places(indptr)] = each.values
    return sparse.csr_matrix((values, columns, indptr), shape=shape)
