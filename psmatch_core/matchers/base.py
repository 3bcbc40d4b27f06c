"""What a matcher is given and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from psmatch_core.blocks import Block
from psmatch_core.config import Config
from psmatch_core.coupling import Outcome, Status
from psmatch_core.progress import Progress

SMALLEST_SPREAD = 1e-12  # below this all cells of a label are one point, and a scale has no meaning


@dataclass(frozen=True, eq=False)
class LabelProblem:
    """One label's cells on both sides.

    Parameters
    ----------
    label
        Its name.
    x, y
        Logits of the source cells ``(n, n_labels)`` and target cells ``(m, n_labels)``, nats.
    source_ids, target_ids
        Names of the physical cells ``(n,)``, ``(m,)``, or None; only a matcher that judges may look at them.
    seed
        For what is random in this label alone.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    source_ids: np.ndarray | None
    target_ids: np.ndarray | None
    seed: int

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
        return Status(
            self.label, self.x.shape[0], self.y.shape[0], outcome, message, iterations, marginal_error, epsilon
        )


@dataclass(frozen=True)
class Matcher(Config, ABC):
    """A strategy that couples the cells of one label."""

    @abstractmethod
    def couple(self, problem: LabelProblem, *, progress: Progress) -> tuple[Block | None, Status]:
        """The plan of one label and how it went; no plan only with a status that says why."""


def aligned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both clouds of one label centred and brought to one scale by one scalar each.

    The classifiers of two modalities are rarely equally sure of themselves; within a label that difference is
    a shift and a stretch that carry nothing about who goes with whom. The common scale is the geometric mean
    of the two root mean squares, so that costs stay in nats. Source: ours, measured (docs/method.md).
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread_x, spread_y = float(np.sqrt(np.mean(x**2))), float(np.sqrt(np.mean(y**2)))
    if min(spread_x, spread_y) < SMALLEST_SPREAD:
        return x, y
    common = np.sqrt(spread_x * spread_y)
    return x * (common / spread_x), y * (common / spread_y)
