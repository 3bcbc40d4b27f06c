"""Labeled co-optimal transport: cells within labels and features of the two modalities matched together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock, SparseBlock, uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import SMALLEST_SPREAD, Answer, LabelProblem, Matcher
from psmatch_core.matching.matchers.exact import LARGEST_BLOCK
from psmatch_core.matching.matchers.labeled_gromov import (
    MASSES,
    SPACES,
    clouds,
    label_masses,
    refuse_above,
    tell_compiling,
)
from psmatch_core.matching.matchers.options import iterations_option, memory_option, tolerance_option
from psmatch_core.transport.options import SolveOptions

COPIES = 6  # arrays of the size of the cells' features that are alive at once


@dataclass(frozen=True)
class LabeledCootMatcher(
    Matcher, title="Labeled co-optimal transport: cells and features matched in turn, all labels at once", place=5
):
    """Co-optimal transport: one plan of cells a label and one plan of features for all labels, found in turn.

    Features are z-scored over all matched cells. The features' plan belongs to the last turn;
    :func:`psmatch_core.matching.match_features.match_features` makes and judges it for any coupling.

    Source: Ryu et al. 2025 (labeled COOT); solved by :mod:`psmatch_core.transport.joint.coot`.
    """

    needs_features: ClassVar[bool] = True

    solver: str = option(
        "entropic", choices=("entropic", "exact"), help="Plans with some spread, or with as few partners as possible."
    )
    epsilon: float = option(
        0.5,
        above=0,
        maximum=1e6,
        unit="× spread of the first cost",
        help="Entropic regularisation of the cells: small is sharp (few partners a cell), large is smooth.",
    )
    feature_epsilon: float = option(
        0.5,
        above=0,
        maximum=1e6,
        unit="× spread of the first cost",
        help="Entropic regularisation of the features: small is sharp (few partners a feature), large is smooth.",
    )
    space: str = option(
        "features", choices=SPACES, help="Whether cells are compared by their features or by their propensity scores."
    )
    label_mass: str = option(
        "pooled",
        choices=MASSES,
        help="Share of each label in the plan of the features: of all cells, of the source cells, of the target cells, "
        "or all labels alike.",
    )
    tolerance: float = tolerance_option(
        "Error of the marginals (L1, of mass 1), and mass moved between features in a turn, at which it ends."
    )
    max_iterations: int = iterations_option(500, "Turns", "all labels are")
    memory_mb: int = memory_option(4096, "all labels")

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        x, y = clouds(problems, self.space)
        p, q = x[0].shape[1], y[0].shape[1]
        n_cells = sum(len(each) for each in (*x, *y))
        is_exact = self.solver == "exact"
        refuse_above(
            self.memory_mb,
            COPIES * (n_cells * max(p, q) + p * q) * 8,
            f"Labeled co-optimal transport of {n_cells:,} cells with {p:,} × {q:,} features",
        )
        largest = max(problems, key=lambda problem: problem.n_pairs)
        if is_exact and largest.n_pairs > LARGEST_BLOCK:
            raise PsmatchError(
                f"Label {largest.label}: exact transport of {largest.x.shape[0]:,} × {largest.y.shape[0]:,} cells in "
                f"every turn is over the limit of {LARGEST_BLOCK:,} pairs.",
                hint="Set solver to 'entropic'.",
            )
        from psmatch_core.transport.joint.coot import labeled_coot  # brings numba, which a config must not
        from psmatch_core.transport.result import TransportResult

        tell_compiling(progress)
        masses = label_masses(problems, self.label_mass)
        found = labeled_coot(
            standardized(x, masses),
            standardized(y, masses),
            0.0 if is_exact else self.epsilon,
            0.0 if is_exact else self.feature_epsilon,
            masses=masses,
            max_iterations=self.max_iterations,
            options=SolveOptions(
                tolerance=self.tolerance,
                memory_budget_mb=self.memory_mb,
                seed=problems[0].seed,
                progress=progress,
                executor=executor,
            ),
        )
        for number, problem in enumerate(problems):
            n, m = problem.x.shape[0], problem.y.shape[0]
            if found is None or min(n, m) == 1:
                why = (
                    "one cell on a side: it goes with all others" if min(n, m) == 1 else "no feature tells cells apart"
                )
                yield uniform_block(n, m), problem.status(Outcome.CLOSED_FORM, why)
                continue
            plan, (u, v) = found.plans[number], found.points[number]
            block: Block
            if isinstance(plan, TransportResult):
                block = PotentialBlock.with_uniform_masses(u, v, plan.epsilon, f=plan.f, g=plan.g, cost="sqeuclidean")
                error, epsilon = plan.marginal_error, plan.epsilon
            else:
                block, error, epsilon = SparseBlock(plan.matrix), 0.0, float("nan")
            message = ""
            if not found.converged:
                message = f"{found.change:.2g} of the feature plan still moves after {found.iterations:,} turns"
            elif not found.features.converged:
                message = f"the plan of the features is off by {found.features.error:.2g}"
            elif not plan.converged:
                message = f"error {error:.2g}" if not is_exact else "the cost may be above the best"
            well = Outcome.EXACT if is_exact else Outcome.CONVERGED
            yield (
                block,
                problem.status(
                    Outcome.NOT_CONVERGED if message else well,
                    message,
                    iterations=found.iterations,
                    marginal_error=error,
                    epsilon=epsilon,
                ),
            )

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
        x, y = clouds(problems, self.space)
        return label_costs(
            standardized(x, masses),
            standardized(y, masses),
            [block.pull for block in blocks],
            self.feature_epsilon,
            masses=masses,
            options=SolveOptions(tolerance=self.tolerance, memory_budget_mb=self.memory_mb, seed=problems[0].seed),
        ).tolist()


def standardized(side: Sequence[np.ndarray], masses: np.ndarray) -> list[np.ndarray]:
    """Features of all labels ``(n_l, p)`` with mean 0 and variance 1, cells weighted by their label's mass.

    A feature without variance becomes 0: it says nothing of any pair.
    """
    mean = sum(mass * each.mean(axis=0) for mass, each in zip(masses, side, strict=True))
    variance = sum(mass * np.mean((each - mean) ** 2, axis=0) for mass, each in zip(masses, side, strict=True))
    scale = np.sqrt(np.asarray(variance))
    return [(each - mean) / np.where(scale > SMALLEST_SPREAD, scale, np.inf) for each in side]
