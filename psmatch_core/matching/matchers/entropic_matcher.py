"""Entropic transport label by label between points, whatever the points are: what scores and shared features share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock
from psmatch_core.matching.matchers.base import Answer, CurvePoint, LabelMatcher, LabelProblem, of_label
from psmatch_core.matching.matchers.entropic import (
    BATCHED_PAIRS,
    couple_path,
    couple_points,
    couple_small,
    trace_points,
)


@dataclass(frozen=True)
class PointMatcher(LabelMatcher, ABC):
    """Labels too small to be worth a call each are solved together; along epsilon each plan starts from the last."""

    compared: ClassVar[str] = "scores"  # what the points are, for messages
    costs_its_points: ClassVar[bool] = True

    if TYPE_CHECKING:  # options that every such matcher declares, each with its own words
        epsilon: float
        epsilon_unit: str
        cost: str
        tolerance: float
        max_iterations: int
        memory_mb: int

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        return couple_points(problem, *self._points(problem), self, what=self.compared, progress=progress)

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        """As for any matcher; labels too small to be worth a call each are solved together."""
        large = [problem for problem in problems if problem.n_pairs > BATCHED_PAIRS]
        small = problems[len(large) :]  # problems come largest first
        yield from super().couple_all(large, progress=progress, executor=executor)
        heard = of_label(progress, f"{len(small):,} small labels together", len(large) / max(1, len(problems)))
        points = [self._points(problem) for problem in small]
        yield from couple_small(small, points, self, what=self.compared, progress=heard, executor=executor)

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        return block.mean_cost(*self._points(problem), self.cost)

    def couple_along(
        self, problem: LabelProblem, values: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[tuple[float, Answer]]:
        yield from couple_path(problem, *self._points(problem), values, self, what=self.compared, progress=progress)

    def restored(self, problem: LabelProblem, f: np.ndarray, g: np.ndarray, epsilon: float) -> Block | None:
        return PotentialBlock.with_uniform_masses(*self._points(problem), epsilon, f=f, g=g, cost=self.cost)

    def trace(
        self, problems: Sequence[LabelProblem], epsilons: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[CurvePoint]:
        for problem in problems:
            points = self._points(problem)
            yield from trace_points(problem, *points, epsilons, self, what=self.compared, progress=progress)

    @abstractmethod
    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        """Points of the label's source cells ``(n, d)`` and target cells ``(m, d)``."""
