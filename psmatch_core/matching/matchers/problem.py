"""LabelProblem: the cells of one label as a matcher gets them, and the statuses that it gives back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.matching.blocks import Block, uniform_block
from psmatch_core.matching.coupling import Outcome, Status

Answer = tuple[Block | None, Status]  # the plan of a label and its status; without a plan, the status says why

SMALLEST_SPREAD = 1e-12  # below this all cells of a label are one point, and a scale has no meaning
SINGLE_CELL = "one modality has a single cell, which is matched to all cells of the other"
HARDLY_MATCHED = 0.1  # of the mass that a cell would have in a uniform plan: cells below it are counted in the status


@dataclass(frozen=True, eq=False)
class LabelProblem:
    """The cells of one label in both modalities.

    Parameters
    ----------
    label
        Its name.
    x, y
        Positions of the source cells ``(n, d)`` and target cells ``(m, d)`` in the shared space: logits (nats), one
        column per label, or latents (no unit).
    source_ids, target_ids
        Names of the physical cells ``(n,)``, ``(m,)``, or None; only for :class:`KnownPairsMatcher`, which is the
        upper bound of a comparison.
    seed
        For what is random in this label alone.
    x_features, y_features
        Features of the same cells as the classifiers saw them, ``(n, p)`` and ``(m, q)``; None unless the matcher
        ``needs_features``.
    x_names, y_names
        Names of those features, ``(p,)`` and ``(q,)``; None if they are not known.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    source_ids: np.ndarray | None
    target_ids: np.ndarray | None
    seed: int
    x_features: np.ndarray | None = None
    y_features: np.ndarray | None = None
    x_names: np.ndarray | None = None
    y_names: np.ndarray | None = None

    @property
    def sizes(self) -> tuple[int, int]:
        """Source and target cells."""
        return self.x.shape[0], self.y.shape[0]

    @property
    def n_pairs(self) -> int:
        """Pairs of cells in the label's block."""
        return self.x.shape[0] * self.y.shape[0]

    @property
    def has_single_cell(self) -> bool:
        """Whether a side has one cell only, so that there is nothing to choose."""
        return min(self.sizes) == 1

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Features of both sides, ``(n, p)`` and ``(m, q)``.

        Raises
        ------
        PsmatchError
            If the problem was made without them.
        """
        if self.x_features is None or self.y_features is None:
            raise PsmatchError(
                f"Label {self.label}: this method compares cells by their features, which are missing.",
                hint="Give x_features and y_features, match with match(), which adds them, or set space to 'scores'.",
            )
        return self.x_features, self.y_features

    def scores(self, *, align: bool) -> tuple[np.ndarray, np.ndarray]:
        """Positions of both sides, ``(n, d)`` and ``(m, d)``, brought to one centre and scale if asked."""
        return aligned(self.x, self.y) if align else (self.x, self.y)

    def status(
        self,
        outcome: Outcome,
        message: str = "",
        *,
        iterations: int = 0,
        marginal_error: float = 0.0,
        epsilon: float = float("nan"),
    ) -> Status:
        """A status of this label."""
        return Status(self.label, *self.sizes, outcome, message, iterations, marginal_error, epsilon)

    def solved_status(
        self, *, converged: bool, error: float, iterations: int, epsilon: float, message: str = ""
    ) -> Status:
        """The status after an iterative solver: converged, or not and with which error."""
        if not converged:
            late = f"error {error:.2g} after {iterations:,} iterations"
            message = f"{late}; {message}" if message else late
        outcome = Outcome.CONVERGED if converged else Outcome.NOT_CONVERGED
        return self.status(outcome, message, iterations=iterations, marginal_error=error, epsilon=epsilon)

    def relaxed_status(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        *,
        converged: bool,
        error: float,
        iterations: int,
        epsilon: float,
        notes: tuple[str, ...] = (),
    ) -> Status:
        """The status of a plan with relaxed marginals: how much mass is matched, and how many cells hardly are.

        Parameters
        ----------
        rows, columns
            Sums of the plan before it was scaled, ``(n,)`` and ``(m,)``; 1 / n and 1 / m if all mass is matched.
        notes
            Further remarks for the message.
        """
        parts = [f"{float(rows.sum()):.0%} of mass is matched"]
        lost = [int((sums * sums.size < HARDLY_MATCHED).sum()) for sums in (rows, columns)]
        for count, side in zip(lost, ("source", "target"), strict=True):
            if count:
                parts.append(f"{plural(count, f'{side} cell')} with under {HARDLY_MATCHED:.0%} of their share")
        status = self.solved_status(
            converged=converged,
            error=error,
            iterations=iterations,
            epsilon=epsilon,
            message="; ".join([*parts, *(note for note in notes if note)]),
        )
        if converged and any(lost):
            return self.status(
                Outcome.PARTIAL, status.message, iterations=iterations, marginal_error=error, epsilon=epsilon
            )
        return status

    def uniform_answer(self, message: str) -> Answer:
        """The plan in which every pair has the same mass, for a label in which there is nothing to solve."""
        return uniform_block(*self.sizes), self.status(Outcome.CLOSED_FORM, message)


def aligned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positions of one label's cells, ``(n, d)`` and ``(m, d)``, both centred and brought to one scale.

    The classifiers of two modalities are rarely equally confident. Within a label that difference is a shift and a
    stretch, which say nothing about which cells match. Each side is scaled by one number; the common scale is the
    geometric mean of the two root mean squares, so that costs stay in nats. Source: ours, measured (docs/method.md).
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread_x, spread_y = float(np.sqrt(np.mean(x**2))), float(np.sqrt(np.mean(y**2)))
    if min(spread_x, spread_y) < SMALLEST_SPREAD:
        return x, y
    common = np.sqrt(spread_x * spread_y)
    return x * (common / spread_x), y * (common / spread_y)
