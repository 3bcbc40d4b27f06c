"""Whether any feature differs between the labels: if none does, a classifier cannot learn them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from psmatch_core.base.mapped_rows import row_blocks
from psmatch_core.data.checks.findings import Finding, display, warning
from psmatch_core.data.checks.telling_features import FEWEST_OF_LABEL, Moments

CHANCE_TO_PASS = 0.01  # how often labels without any meaning pass the test, all features together
FEWEST_FILLED = 10  # cells in which a feature must not be zero: with fewer, its few values look like a difference
LARGEST_TABLE = 12_000_000  # labels × features of which means are kept; larger ones are not judged


class LabelSignal:
    """Means and squares of each feature within each label, collected while a matrix is read once, in chunks of rows.

    Parameters
    ----------
    labels
        Label of each cell ``(n_cells,)``, None where it is missing.
    n_features
        Columns of every chunk.
    """

    def __init__(self, labels: Sequence[str | None], n_features: int) -> None:
        names = sorted({each for each in labels if each})
        of = {name: code for code, name in enumerate(names)}
        self._codes = np.array([of[each] if each else -1 for each in labels], dtype=np.int64)
        self._is_small = len(names) * n_features <= LARGEST_TABLE
        shape = (len(names), n_features) if self._is_small else (0, 0)
        self._sums = np.zeros(shape)
        self._squares = np.zeros(shape)
        self._names = tuple(names)
        self._filled = np.zeros(shape[1], dtype=np.int64)
        self._counts = np.zeros(len(names))
        self._at = 0

    def add(self, rows: Any) -> None:
        """Read the next rows ``(n, n_features)``, dense or scipy sparse."""
        if not self._is_small:
            return
        from scipy import sparse

        for _, block in row_blocks(rows, per_row=max(1, rows.shape[1])):
            part = sparse.csr_matrix(block)
            codes = self._codes[self._at : self._at + part.shape[0]]
            self._at += part.shape[0]
            kept = np.flatnonzero(codes >= 0)
            part = part[kept].astype(np.float64)
            with np.errstate(all="ignore"):  # NaN and infinite values are refused on their own
                part.data = np.sign(part.data) * np.log1p(np.abs(part.data))
            ones = sparse.csr_matrix(
                (np.ones(kept.size), (codes[kept], np.arange(kept.size))), (len(self._counts), kept.size)
            )
            self._sums += (ones @ part).toarray()
            self._squares += (ones @ part.multiply(part).tocsr()).toarray()
            self._filled += part.getnnz(axis=0)
            self._counts += np.bincount(codes[kept], minlength=len(self._counts))

    @property
    def moments(self) -> Moments | None:
        """Sums and squares of each feature in the labels with several cells; None if the table is too large."""
        kept = self._counts >= FEWEST_OF_LABEL
        if not self._is_small or kept.sum() < 2:
            return None
        names = tuple(name for name, is_kept in zip(self._names, kept, strict=True) if is_kept)
        return Moments(names, self._counts[kept], self._sums[kept], self._squares[kept])

    @property
    def is_absent(self) -> bool:
        """Whether no feature differs between the labels by more than chance; False if it cannot be judged.

        One-way analysis of variance of sign(x) log(1 + |x|) for each feature, Bonferroni's correction over features.
        Source: R. A. Fisher, Statistical Methods for Research Workers, 1925.
        """
        from scipy.special import fdtrc

        counts = self._counts[self._counts > 0]
        n, k = float(counts.sum()), counts.size
        if not self._is_small or k < 2 or n < k + 2:
            return False
        sums = self._sums[self._counts > 0]
        whole = sums.sum(axis=0) ** 2 / n
        with np.errstate(all="ignore"):
            between = (sums**2 / counts[:, None]).sum(axis=0) - whole
            squares = self._squares.sum(axis=0)
            within = squares - whole - between
            varying = (squares - whole > 1e-9 * np.maximum(whole, 1e-300)) & (self._filled >= FEWEST_FILLED)
            ratio = np.maximum(between, 0) / (k - 1) / (np.maximum(within, 1e-300) / (n - k))
        if not varying.any():
            return False
        p = fdtrc(k - 1, n - k, ratio[varying])
        return bool(np.isfinite(p).all() and p.min() * p.size > CHANCE_TO_PASS)


def judges_signal(matrix: str, *, are_pixels: bool) -> bool:
    """Whether the rule applies: single pixels and single axes of an embedding say little about a label."""
    return not are_pixels and not matrix.startswith("obsm/")


def check_label_signal(signal: LabelSignal, *, name: str, matrix: str, label_key: str) -> tuple[Finding, ...]:
    """A warning if no feature of the matrix that ``signal`` has read differs between the labels."""
    if not signal.is_absent:
        return ()
    problem = (
        f"{display(name, 40)}, label column {display(label_key)}: no feature of {display(matrix, 20)} differs between "
        "the labels by more than chance, so a classifier is unlikely to learn them (scores at chance)."
    )
    return (
        warning("PM-L17", problem, "Check that the labels belong to these cells, and were not shuffled or shifted."),
    )
