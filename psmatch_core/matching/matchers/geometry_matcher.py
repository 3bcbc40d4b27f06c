"""GeometryMatcher: what Gromov-Wasserstein and its fused form share: graph distances within each modality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from psmatch_core.base.progress import Progress
from psmatch_core.base.threads import one_thread
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.geodesics import Geodesics, geodesics
from psmatch_core.matching.matchers.gromov_solver import (
    Distortion,
    check_size,
    check_sizes,
    solve_balanced,
    solve_relaxed,
    solver_answer,
)
from psmatch_core.matching.matchers.problem import SINGLE_CELL, Answer, LabelProblem

# Up to so many pairs, threads of one step wait for each other longer than they work: on two busy cores, 20 × 20 cells
# took 2.8 s on two threads and 0.06 s on one.
ONE_THREAD_PAIRS = 65_536


@dataclass(frozen=True)
class GeometryMatcher(LabelMatcher, ABC):
    """Matches cells that lie at similar distances from the other cells of their own modality."""

    needs_features: ClassVar[bool] = True
    is_quick: ClassVar[bool] = False
    method_name: ClassVar[str]  # for messages
    fewest_cells: ClassVar[int] = 1  # from so many cells on a side has a geometry
    flat_message: ClassVar[str]  # for a label in which no pair is better than another

    if TYPE_CHECKING:  # options of every such matcher, each in its own order
        epsilon: float
        n_neighbors: int
        space: str
        relax: bool
        rho: float
        metric: str
        edges: str
        tolerance: float
        max_iterations: int

    @abstractmethod
    def _distortion(self, problem: LabelProblem, left: Geodesics, right: Geodesics) -> Distortion | None:
        """The objective of one label; None if it is the same for every plan."""

    @property
    def uses_scores(self) -> bool:
        return self.space == "scores"

    def check(self, source: Modality, target: Modality) -> None:
        check_sizes(source, target, self.method_name, fewest_cells=self.fewest_cells)

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        check_size(problem.label, *problem.sizes, self.method_name)
        if problem.has_single_cell:
            return problem.uniform_answer(SINGLE_CELL)
        left, right = self._geodesics(problem)
        distortion = self._distortion(problem, left, right)
        if distortion is None:
            return problem.uniform_answer(f"{self.flat_message}, so every pair fits as well as any other")
        tolerance, most = self.tolerance, self.max_iterations
        with one_thread() if problem.n_pairs <= ONE_THREAD_PAIRS else nullcontext():
            solved = (
                solve_relaxed(distortion, self.epsilon, self.rho, tolerance=tolerance, max_iterations=most)
                if self.relax
                else solve_balanced(
                    distortion, self.epsilon, tolerance=tolerance, max_iterations=most, progress=progress
                )
            )
        return solver_answer(
            problem,
            solved,
            epsilon=self.epsilon,
            is_relaxed=self.relax,
            tolerance=tolerance,
            notes=(*left.notes("source", self.n_neighbors), *right.notes("target", self.n_neighbors)),
        )

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        distortion = self._distortion(problem, *self._geodesics(problem))
        return distortion.cost(block.to_array()) if distortion is not None else 0.0

    def _geodesics(self, problem: LabelProblem) -> tuple[Geodesics, Geodesics]:
        points = problem.features if self.space == "features" else (problem.x, problem.y)
        left, right = (geodesics(each, self.n_neighbors, metric=self.metric, edges=self.edges) for each in points)
        return left, right
