"""Labeled Gromov-Wasserstein: all labels together, by distances within each modality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import announce_compiling
from psmatch_core.matching.matchers.joint_matcher import JointMatcher, label_masses
from psmatch_core.matching.matchers.options import (
    epsilon_option,
    iterations_option,
    joint_space_option,
    label_mass_option,
    memory_option,
    tolerance_option,
)
from psmatch_core.matching.matchers.problem import SINGLE_CELL, Answer, LabelProblem

COPIES = 6  # arrays of the size of the engine's points that are in memory at the same time


@dataclass(frozen=True)
class LabeledGromovMatcher(
    JointMatcher, title="Labeled Gromov-Wasserstein: distances within each modality, all labels at once", place=4
):
    """Entropic Gromov-Wasserstein transport of all labels together: distances across labels count, mass stays within.

    Squared Euclidean distances, divided by their largest in each modality. The two modalities need no common space, so
    features can be used without a classifier.

    Source: Ryu et al. 2025 (labeled EGW); solved by :mod:`psmatch_core.transport.joint.gromov`.
    """

    epsilon: float = epsilon_option(
        0.001,
        unit="× squared largest distance",
        more=" Squared Euclidean distances are divided by their largest on each side, as in Ryu et al.",
    )
    space: str = joint_space_option()
    label_mass: str = label_mass_option(
        "joint problem",
        " It decides how strongly a label influences the others, not how much it weighs in the result.",
    )
    tolerance: float = tolerance_option(
        "Error of the marginals (L1, of mass 1), and change of the plans (nats), at which iteration ends."
    )
    max_iterations: int = iterations_option(200, unit="Linearisations", of="all labels are")
    memory_mb: int = memory_option(4096, of="all labels")

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        x, y = self._points(problems)
        d_x, d_y = x[0].shape[1], y[0].shape[1]
        n_cells = sum(sum(problem.sizes) for problem in problems)
        self._check_memory(
            (COPIES * n_cells * (min(d_x, d_y) + 2) + 2 * n_cells * (d_x + d_y) + 2 * d_x * d_y) * 8,
            f"Labeled Gromov-Wasserstein of {n_cells:,} cells with {d_x:,} and {d_y:,} coordinates",
        )
        from psmatch_core.transport.joint.gromov import labeled_gromov  # brings numba, which a config must not

        announce_compiling(progress)
        is_turned = d_x < d_y  # the engine's points have the coordinates of the second side
        found = labeled_gromov(
            *((y, x) if is_turned else (x, y)),
            self.epsilon,
            masses=label_masses(problems, self.label_mass),
            max_iterations=self.max_iterations,
            options=self._solve_options(problems, progress, executor),
        )
        for problem, plan, (u, v) in zip(problems, found.plans, found.points, strict=True):
            if problem.has_single_cell:
                yield problem.uniform_answer(SINGLE_CELL)
                continue
            rows, columns, f, g = (v, u, plan.g, plan.f) if is_turned else (u, v, plan.f, plan.g)
            block = PotentialBlock.with_uniform_masses(rows, columns, self.epsilon, f=f, g=g, cost="sqeuclidean")
            is_well = found.converged and plan.converged
            message = ""
            if not found.converged:
                message = f"plans still change by {found.change:.2g} nats after {found.iterations:,} linearisations"
            elif not plan.converged:
                message = f"error {plan.marginal_error:.2g} after {plan.iterations:,} inner iterations"
            yield (
                block,
                problem.status(
                    Outcome.CONVERGED if is_well else Outcome.NOT_CONVERGED,
                    message,
                    iterations=found.iterations,
                    marginal_error=plan.marginal_error,
                    epsilon=self.epsilon,
                ),
            )

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        if not problems:
            return []
        from psmatch_core.transport.joint.gromov import label_distortions

        x, y = self._points(problems)
        pulls = [block.pull for block in blocks]
        return label_distortions(x, y, pulls, masses=label_masses(problems, self.label_mass)).tolist()
