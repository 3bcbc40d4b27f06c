"""Gromov-Wasserstein within a label: cells match by the geometry of their own modality alone ("SCOT")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from psmatch_core.matching.matchers.geodesics import Geodesics
from psmatch_core.matching.matchers.geometry_matcher import GeometryMatcher
from psmatch_core.matching.matchers.gromov_solver import Distortion
from psmatch_core.matching.matchers.options import (
    STEPS,
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


@dataclass(frozen=True)
class GromovMatcher(
    GeometryMatcher, title="Gromov-Wasserstein (SCOT): only the geometry of each modality (baseline)", place=8
):
    """Entropic Gromov-Wasserstein between graph distances within each modality, as SCOT; no space is shared.

    min Σ (C1_ik − C2_jl)² T_ij T_kl − ε H(T) over plans with uniform marginals, from the uniform plan. The problem is
    not convex, so the result is a stationary plan.

    Source: Demetci et al. 2022, J. Comput. Biol. 29 (SCOT), per label as in Xi et al. 2024; epsilon in mean costs is
    ours (docs/method.md).
    """

    method_name: ClassVar[str] = "Gromov-Wasserstein"
    fewest_cells: ClassVar[int] = 3
    flat_message: ClassVar[str] = "all cells are equally far apart"

    epsilon: float = epsilon_option()
    n_neighbors: int = neighbors_option()
    space: str = neighbor_space_option(as_in=" (as SCOT does)")
    relax: bool = relax_option("unbalanced Gromov-Wasserstein")
    rho: float = rho_option(when=", if marginals are relaxed", advanced=True)
    metric: str = metric_option()
    edges: str = edges_option(as_in=" (as in SCOT)")
    tolerance: float = tolerance_option(STEPS)
    max_iterations: int = iterations_option(500, unit="Steps")

    def _distortion(self, problem: LabelProblem, left: Geodesics, right: Geodesics) -> Distortion | None:
        return Distortion.scaled(left.distances, right.distances)
