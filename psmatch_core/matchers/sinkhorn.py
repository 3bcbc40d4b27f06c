"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.config import option
from psmatch_core.matchers.base import LabelProblem, aligned
from psmatch_core.matchers.points import PointMatcher


@dataclass(frozen=True)
class SinkhornMatcher(PointMatcher):
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

    def _points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        return aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
