"""What a matcher is given and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.blocks import Block
from psmatch_core.config import Config
from psmatch_core.coupling import Outcome, Status
from psmatch_core.progress import Event, Progress, silent

Answer = tuple[Block | None, Status]  # a label's plan, and how it went; no plan only with a status that says why

SMALLEST_SPREAD = 1e-12  # below this all cells of a label are one point, and a scale has no meaning


@dataclass(frozen=True, eq=False)
class LabelProblem:
    """One label's cells on both sides.

    Parameters
    ----------
    label
        Its name.
    x, y
        Where the source cells ``(n, d)`` and target cells ``(m, d)`` lie in the space that both share: logits (nats),
        one column a label, or latents (no unit).
    source_ids, target_ids
        Names of the physical cells ``(n,)``, ``(m,)``, or None; only a matcher that judges may look at them.
    seed
        For what is random in this label alone.
    x_features, y_features
        Features of the same cells as the classifiers saw them, ``(n, p)`` and ``(m, q)``; None unless the matcher
        ``needs_features``.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    source_ids: np.ndarray | None
    target_ids: np.ndarray | None
    seed: int
    x_features: np.ndarray | None = None
    y_features: np.ndarray | None = None

    @property
    def n_pairs(self) -> int:
        """Pairs of cells in the label's block."""
        return self.x.shape[0] * self.y.shape[0]

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
    """A strategy that couples the cells of every label: label by label, or all labels at once."""

    needs_features: ClassVar[bool] = False  # whether problems carry the cells' features beside their logits

    @abstractmethod
    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        """Plan and status of each label, in the order of the problems.

        Parameters
        ----------
        problems
            One a label, those with most pairs first.
        executor
            Where labels are worked on side by side; here if None.
        """


@dataclass(frozen=True)
class LabelMatcher(Matcher, ABC):
    """A matcher to which each label is a problem of its own."""

    @abstractmethod
    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        """Plan and status of one label."""

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        if executor is None:
            for done, problem in enumerate(problems):
                yield self.couple(problem, progress=of_label(progress, problem.label, done / len(problems)))
        else:
            futures = [executor.submit(self.couple, problem, progress=silent) for problem in problems]
            for future in futures:
                yield future.result()


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


def of_label(progress: Progress, label: str, share: float) -> Progress:
    """Reports of one label as reports of the whole matching, of which ``share`` was done before."""

    def report(event: Event, /) -> None:
        progress(Event("match", share, f"label {label}: {event.message}", event.values))

    return report
