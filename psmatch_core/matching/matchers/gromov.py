"""Gromov-Wasserstein within a label: cells go together whose distances to their own side's cells are alike ("SCOT")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from psmatch_core.base.config import option
from psmatch_core.base.progress import Progress
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block, uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import Answer, LabelMatcher, LabelProblem
from psmatch_core.matching.matchers.entropic import ONE_CELL
from psmatch_core.matching.matchers.geodesics import Geodesics, geodesics
from psmatch_core.matching.matchers.gromov_solver import Distortion, check_size, check_sizes, couple_geometries
from psmatch_core.matching.matchers.options import STEPS, iterations_option, tolerance_option

METHOD = "Gromov-Wasserstein"


@dataclass(frozen=True)
class GromovMatcher(
    LabelMatcher, title="Gromov-Wasserstein (SCOT): only the geometry of each modality (baseline)", place=8
):
    """Entropic Gromov-Wasserstein between graph distances within each modality, as SCOT; no space is shared.

    min Σ (C1_ik − C2_jl)² T_ij T_kl − ε H(T) over plans with uniform marginals, from the uniform plan. The problem is
    not convex: what is found is a stationary plan.

    Source: Demetci et al. 2022, J. Comput. Biol. 29 (SCOT), per label as in Xi et al. 2024; epsilon in mean costs is
    ours (docs/method.md).
    """

    needs_features: ClassVar[bool] = True

    epsilon: float = option(
        0.05,
        above=0,
        maximum=1e6,
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth.",
        unit="× mean cost",
    )
    n_neighbors: int = option(
        10,
        minimum=1,
        maximum=1000,
        unit="cells",
        label="k",
        help="Neighbours joined to each cell of its own modality; at most half of the label's cells.",
    )
    space: str = option(
        "features",
        choices=("features", "scores"),
        help="Where neighbours are looked for: in each modality's features, as SCOT does, or in its scores.",
    )
    relax: bool = option(False, help="Let cells that fit nothing take less mass (unbalanced Gromov-Wasserstein).")
    rho: float = option(
        1.0,
        above=0,
        maximum=1e6,
        unit="× mean cost",
        help="What a missing unit of mass costs where marginals are relaxed.",
        advanced=True,
    )
    metric: str = option(
        "correlation", choices=("correlation", "euclidean"), help="What makes two cells neighbours.", advanced=True
    )
    edges: str = option(
        "hops",
        choices=("hops", "lengths"),
        help="Whether a step in the graph counts 1, as SCOT's does, or its length.",
        advanced=True,
    )
    tolerance: float = tolerance_option(STEPS)
    max_iterations: int = iterations_option(500, "Steps")

    def check(self, source: Modality, target: Modality) -> None:
        check_sizes(source, target, METHOD, smallest=3)

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        n, m = problem.x.shape[0], problem.y.shape[0]
        check_size(problem.label, n, m, METHOD)
        if n == 1 or m == 1:
            return uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, ONE_CELL)
        left, right = self._geometries(problem)
        distortion = Distortion.of(left.distances, right.distances, None, 1.0)
        if distortion is None:
            message = "all cells are as far apart: every pair is as good as any other"
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
        left, right = self._geometries(problem)
        distortion = Distortion.of(left.distances, right.distances, None, 1.0)
        return distortion.cost(block.to_array()) if distortion is not None else 0.0

    def _geometries(self, problem: LabelProblem) -> tuple[Geodesics, Geodesics]:
        points = problem.features if self.space == "features" else (problem.x, problem.y)
        left, right = (geodesics(each, self.n_neighbors, metric=self.metric, edges=self.edges) for each in points)
        return left, right
