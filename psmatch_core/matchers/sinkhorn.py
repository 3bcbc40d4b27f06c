"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from psmatch_core.blocks import Block
from psmatch_core.config import option
from psmatch_core.matchers.base import Answer, CurvePoint, LabelMatcher, LabelProblem, aligned, of_label
from psmatch_core.matchers.entropic import (
    BATCHED_PAIRS,
    couple_path,
    couple_points,
    couple_small,
    expected_cost,
    restored_block,
    trace_points,
)
from psmatch_core.progress import Progress, silent


@dataclass(frozen=True)
class SinkhornMatcher(LabelMatcher):
    """Entropic optimal transport with uniform marginals between the cells of a label.

    Solved by :mod:`psmatch_core.transport`; the marginal error in the status is a certified upper bound.

    Source: Xi et al. 2024, section 4; epsilon relative to the mean cost is ours (docs/method.md).
    """

    epsilon: float = option(
        0.05,
        above=0,
        maximum=1e6,
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth.",
        unit="× mean cost",
    )
    epsilon_unit: str = option(
        "mean cost",
        choices=("mean cost", "absolute"),
        help="Whether epsilon counts in mean costs of the label's block or in nats.",
        advanced=True,
    )
    align: bool = option(True, help="Centre and scale both sides within the label by one scalar each.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )
    tolerance: float = option(
        1e-3,
        above=0,
        maximum=0.5,
        help="Error of the marginals (L1, of mass 1) at which iteration ends.",
        advanced=True,
    )
    max_iterations: int = option(
        5000, minimum=1, help="Iterations after which a label is reported as not converged.", advanced=True
    )
    memory_mb: int = option(
        1024, minimum=16, unit="MB", help="Memory that the solver of one label may use.", advanced=True
    )

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        return couple_points(problem, *self._points(problem), self, what="scores", progress=progress)

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        """As for any matcher; labels too small to be worth a call each are solved together."""
        large = [problem for problem in problems if problem.n_pairs > BATCHED_PAIRS]
        small = problems[len(large) :]  # problems come largest first
        yield from super().couple_all(large, progress=progress, executor=executor)
        heard = of_label(progress, f"{len(small):,} small labels together", len(large) / max(1, len(problems)))
        points = [self._points(problem) for problem in small]
        yield from couple_small(small, points, self, what="scores", progress=heard, executor=executor)

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        return expected_cost(block, *self._points(problem), self.cost)

    def couple_along(
        self, problem: LabelProblem, values: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[tuple[float, Answer]]:
        yield from couple_path(problem, *self._points(problem), values, self, what="scores", progress=progress)

    def restored(self, problem: LabelProblem, f: np.ndarray, g: np.ndarray, epsilon: float) -> Block | None:
        return restored_block(*self._points(problem), f, g, epsilon, self.cost)

    def trace(
        self, problems: Sequence[LabelProblem], epsilons: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[CurvePoint]:
        for problem in problems:
            points = self._points(problem)
            yield from trace_points(problem, *points, epsilons, self, what="scores", progress=progress)

    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        return aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
