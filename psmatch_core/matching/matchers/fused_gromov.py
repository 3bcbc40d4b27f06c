"""Fused Gromov-Wasserstein within a label: near in the scores, and alike in the geometry of its own modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.progress import Progress
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block, uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import Answer, LabelMatcher, LabelProblem, aligned
from psmatch_core.matching.matchers.entropic import ONE_CELL
from psmatch_core.matching.matchers.geodesics import Geodesics, geodesics
from psmatch_core.matching.matchers.gromov_solver import Distortion, check_size, check_sizes, couple_geometries
from psmatch_core.matching.matchers.options import STEPS, iterations_option, tolerance_option
from psmatch_core.transport.kernels.costs import distances

METHOD = "Fused Gromov-Wasserstein"


@dataclass(frozen=True)
class FusedGromovMatcher(
    LabelMatcher, title="Fused Gromov-Wasserstein: scores and the geometry of each modality", place=7
):
    """Entropic transport by propensity scores that also keeps the geometry within each modality.

    min (1 − α) ⟨M, T⟩ + α Σ (C1_ik − C2_jl)² T_ij T_kl − ε H(T), M the distances between scores, C1 and C2 graph
    distances within the modalities; both terms in what the uniform plan costs.

    Source: Vayer et al. 2020, Algorithms 13 (fused Gromov-Wasserstein), with the scores of Xi et al. 2024 as its
    features; the scaling of both terms is ours (docs/method.md).
    """

    needs_features: ClassVar[bool] = True

    epsilon: float = option(
        0.05,
        above=0,
        maximum=1e6,
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth.",
        unit="× mean cost",
    )
    alpha: float = option(
        0.2,
        minimum=0,
        maximum=1,
        label="α",
        help="Share of the geometry: 0 matches by scores alone, 1 by distances within the modalities alone.",
    )
    n_neighbors: int = option(
        10,
        minimum=1,
        maximum=1000,
        unit="cells",
        label="k",
        help="Neighbours joined to each cell of its own modality; at most half of the label's cells.",
    )
    relax: bool = option(False, help="Let cells that fit nothing take less mass (fused unbalanced transport).")
    rho: float = option(
        1.0,
        above=0,
        maximum=1e6,
        unit="× mean cost",
        help="What a missing unit of mass costs where marginals are relaxed.",
        advanced=True,
    )
    space: str = option(
        "features",
        choices=("features", "scores"),
        help="Where neighbours are looked for: in each modality's features or in its scores.",
        advanced=True,
    )
    metric: str = option(
        "correlation", choices=("correlation", "euclidean"), help="What makes two cells neighbours.", advanced=True
    )
    edges: str = option(
        "hops", choices=("hops", "lengths"), help="Whether a step in the graph counts 1 or its length.", advanced=True
    )
    align: bool = option(True, help="Centre and scale both sides' scores within the label.", advanced=True)
    cost: str = option(
        "euclidean", choices=("euclidean", "sqeuclidean"), help="Distance between logits, or its square.", advanced=True
    )
    tolerance: float = tolerance_option(STEPS)
    max_iterations: int = iterations_option(500, "Steps")

    def check(self, source: Modality, target: Modality) -> None:
        check_sizes(source, target, METHOD)

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        n, m = problem.x.shape[0], problem.y.shape[0]
        check_size(problem.label, n, m, METHOD)
        if n == 1 or m == 1:
            return uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, ONE_CELL)
        left, right = self._geometries(problem)
        distortion = self._distortion(problem, left, right)
        if distortion is None:
            message = "all scores are equal and all cells as far apart: every pair is as good as any other"
            return uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, message)
        return couple_geometries(
            problem,
            distortion,
            epsilon=self.epsilon,
            rho=self.rho if self.relax else None,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            notes=[*left.notes("source", self.n_neighbors), *right.notes("target", self.n_neighbors)],
            progress=progress,
        )

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        distortion = self._distortion(problem, *self._geometries(problem))
        return distortion.cost(block.to_array()) if distortion is not None else 0.0

    def _geometries(self, problem: LabelProblem) -> tuple[Geodesics, Geodesics]:
        points = problem.features if self.space == "features" else (problem.x, problem.y)
        left, right = (geodesics(each, self.n_neighbors, metric=self.metric, edges=self.edges) for each in points)
        return left, right

    def _distortion(self, problem: LabelProblem, left: Geodesics, right: Geodesics) -> Distortion | None:
        x, y = aligned(problem.x, problem.y) if self.align else (problem.x, problem.y)
        return Distortion.of(left.distances, right.distances, np.asarray(distances(x, y, self.cost)), self.alpha)
