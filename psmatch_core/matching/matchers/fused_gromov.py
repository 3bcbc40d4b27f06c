"""Fused Gromov-Wasserstein within a label: cells match by their scores and by the geometry of their own modality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.matching.matchers.geodesics import Geodesics
from psmatch_core.matching.matchers.geometry_matcher import GeometryMatcher
from psmatch_core.matching.matchers.gromov_solver import Distortion
from psmatch_core.matching.matchers.options import (
    STEPS,
    align_option,
    cost_option,
    edges_option,
    epsilon_option,
    iterations_option,
    metric_option,
    neighbor_space_option,
    neighbors_option,
    relax_option,
    rho_option,
    tolerance_option,
)
from psmatch_core.matching.matchers.problem import LabelProblem
from psmatch_core.transport.kernels.costs import distances


@dataclass(frozen=True)
class FusedGromovMatcher(
    GeometryMatcher, title="Fused Gromov-Wasserstein: scores and the geometry of each modality", place=7
):
    """Entropic transport by propensity scores that also keeps the geometry within each modality.

    min (1 − α) ⟨M, T⟩ + α Σ (C1_ik − C2_jl)² T_ij T_kl − ε H(T), M the distances between scores, C1 and C2 graph
    distances within the modalities; both terms in units of what the uniform plan costs.

    Source: Vayer et al. 2020, Algorithms 13 (fused Gromov-Wasserstein), with the scores of Xi et al. 2024 as its
    features; the scaling of both terms is ours (docs/method.md).
    """

    method_name: ClassVar[str] = "Fused Gromov-Wasserstein"
    flat_message: ClassVar[str] = "all scores are equal and all cells equally far apart"

    epsilon: float = epsilon_option()
    alpha: float = option(
        0.2,
        minimum=0,
        maximum=1,
        label="α",
        help="Weight of the geometry: 0 matches by scores alone, 1 by distances within the modalities alone.",
    )
    n_neighbors: int = neighbors_option()
    relax: bool = relax_option("fused unbalanced transport")
    rho: float = rho_option(when=", if marginals are relaxed", advanced=True)
    space: str = neighbor_space_option(advanced=True)
    metric: str = metric_option()
    edges: str = edges_option()
    align: bool = align_option(of="the scores of both sides")
    cost: str = cost_option()
    tolerance: float = tolerance_option(STEPS)
    max_iterations: int = iterations_option(500, unit="Steps")

    @property
    def uses_scores(self) -> bool:
        return self.alpha < 1 or self.space == "scores"

    def _distortion(self, problem: LabelProblem, left: Geodesics, right: Geodesics) -> Distortion | None:
        x, y = problem.scores(align=self.align)
        linear = np.asarray(distances(x, y, self.cost))
        return Distortion.scaled(left.distances, right.distances, linear=linear, share=self.alpha)
