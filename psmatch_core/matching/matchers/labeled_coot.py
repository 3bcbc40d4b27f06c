"""Labeled co-optimal transport: cells within labels and features of the two modalities matched together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock, SparseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import announce_compiling
from psmatch_core.matching.matchers.exact import LARGEST_BLOCK
from psmatch_core.matching.matchers.joint_matcher import JointMatcher, label_masses
from psmatch_core.matching.matchers.options import (
    epsilon_option,
    iterations_option,
    joint_space_option,
    label_mass_option,
    memory_option,
    tolerance_option,
)
from psmatch_core.matching.matchers.problem import SINGLE_CELL, SMALLEST_SPREAD, Answer, LabelProblem

if TYPE_CHECKING:
    from psmatch_core.transport.joint.coot import CootResult

SPREAD = "× spread of the first cost"  # the unit of both epsilons
COPIES = 6  # arrays of the size of the cells' features that are in memory at the same time


@dataclass(frozen=True)
class LabeledCootMatcher(
    JointMatcher, title="Labeled co-optimal transport: cells and features matched in turn, all labels at once", place=5
):
    """Co-optimal transport: one plan of cells per label and one plan of features for all labels, found in turn.

    Features are z-scored over all matched cells. The plan of the features is not kept;
    :func:`psmatch_core.matching.match_features.match_features` makes one for any coupling and tests it.

    Source: Ryu et al. 2025 (labeled COOT); solved by :mod:`psmatch_core.transport.joint.coot`.
    """

    solver: str = option(
        "entropic", choices=("entropic", "exact"), help="Plans with some spread, or with as few partners as possible."
    )
    epsilon: float = epsilon_option(0.5, unit=SPREAD, plan=" of the cells")
    feature_epsilon: float = epsilon_option(0.5, unit=SPREAD, plan=" of the features", partners="feature")
    space: str = joint_space_option()
    label_mass: str = label_mass_option("plan of the features")
    tolerance: float = tolerance_option(
        "Error of the marginals (L1, of mass 1), and mass moved between features in a turn, at which it ends."
    )
    max_iterations: int = iterations_option(500, unit="Turns", of="all labels are")
    memory_mb: int = memory_option(4096, of="all labels")

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        x, y = self._points(problems)
        p, q = x[0].shape[1], y[0].shape[1]
        n_cells = sum(sum(problem.sizes) for problem in problems)
        is_exact = self.solver == "exact"
        self._check_memory(
            COPIES * (n_cells * max(p, q) + p * q) * 8,
            f"Labeled co-optimal transport of {n_cells:,} cells with {p:,} × {q:,} features",
        )
        largest = max(problems, key=lambda problem: problem.n_pairs)
        if is_exact and largest.n_pairs > LARGEST_BLOCK:
            n, m = largest.sizes
            raise PsmatchError(
                f"Label {largest.label}: exact transport of {n:,} × {m:,} cells in every turn is over the limit of "
                f"{LARGEST_BLOCK:,} pairs.",
                hint="Set solver to 'entropic'.",
            )
        from psmatch_core.transport.joint.coot import labeled_coot  # brings numba, which a config must not

        announce_compiling(progress)
        masses = label_masses(problems, self.label_mass)
        found = labeled_coot(
            standardized(x, masses),
            standardized(y, masses),
            0.0 if is_exact else self.epsilon,
            0.0 if is_exact else self.feature_epsilon,
            masses=masses,
            max_iterations=self.max_iterations,
            options=self._solve_options(problems, progress, executor),
        )
        for number, problem in enumerate(problems):
            if found is None or problem.has_single_cell:
                yield problem.uniform_answer(SINGLE_CELL if problem.has_single_cell else "no feature varies")
            else:
                yield self._answer(problem, found, number)

    def _answer(self, problem: LabelProblem, found: CootResult, number: int) -> Answer:
        """The plan of one label, numbered as in the result."""
        from psmatch_core.transport.result import TransportResult

        plan, (u, v) = found.plans[number], found.points[number]
        is_exact = self.solver == "exact"
        block: Block
        if isinstance(plan, TransportResult):
            block = PotentialBlock.with_uniform_masses(u, v, plan.epsilon, f=plan.f, g=plan.g, cost="sqeuclidean")
            error, epsilon = plan.marginal_error, plan.epsilon
        else:
            block, error, epsilon = SparseBlock(plan.matrix), 0.0, float("nan")
        message = ""
        if not found.converged:
            message = f"{found.change:.2g} of the mass between features still moves after {found.iterations:,} turns"
        elif not found.features.converged:
            message = f"the plan of the features has an error of {found.features.error:.2g}"
        elif not plan.converged:
            message = "the cost may be above the optimum" if is_exact else f"error {error:.2g}"
        converged = Outcome.EXACT if is_exact else Outcome.CONVERGED
        outcome = Outcome.NOT_CONVERGED if message else converged
        iterations = found.iterations
        return block, problem.status(outcome, message, iterations=iterations, marginal_error=error, epsilon=epsilon)

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        if self.solver == "exact":
            raise PsmatchError(
                "Exact co-optimal transport has no epsilon, so there is no curve of cost against entropy.",
                hint="Set solver to 'entropic'.",
            )
        if not problems:
            return []
        from psmatch_core.transport.joint.coot import label_costs

        masses = label_masses(problems, self.label_mass)
        x, y = self._points(problems)
        return label_costs(
            standardized(x, masses),
            standardized(y, masses),
            [block.pull for block in blocks],
            self.feature_epsilon,
            masses=masses,
            options=self._solve_options(problems),
        ).tolist()


def standardized(side: Sequence[np.ndarray], masses: np.ndarray) -> list[np.ndarray]:
    """Features of all labels ``(n_l, p)`` with mean 0 and variance 1, cells weighted by their label's mass.

    A feature without variance becomes 0, since it distinguishes no pairs.
    """
    mean = sum(mass * each.mean(axis=0) for mass, each in zip(masses, side, strict=True))
    variance = sum(mass * np.mean((each - mean) ** 2, axis=0) for mass, each in zip(masses, side, strict=True))
    scale = np.sqrt(np.asarray(variance))
    return [(each - mean) / np.where(scale > SMALLEST_SPREAD, scale, np.inf) for each in side]
