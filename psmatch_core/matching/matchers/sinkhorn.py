"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.matching.matchers.base import LabelProblem, aligned
from psmatch_core.matching.matchers.entropic_matcher import PointMatcher
from psmatch_core.matching.matchers.options import MARGINALS, iterations_option, memory_option, tolerance_option


@dataclass(frozen=True)
class SinkhornMatcher(PointMatcher, title="Entropic optimal transport (recommended)", place=1):
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
    tolerance: float = tolerance_option(MARGINALS)
    max_iterations: int = iterations_option(5000)
    memory_mb: int = memory_option()

    @classmethod
    def sharp(cls) -> SinkhornMatcher:
        """Fewer matches per cell than by default: epsilon 0.02 × mean cost."""
        return cls(epsilon=0.02)

    @classmethod
    def smooth(cls) -> SinkhornMatcher:
        """More matches per cell than by default: epsilon 0.1 × mean cost."""
        return cls(epsilon=0.1)

    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        return aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
