"""Labeled Gromov-Wasserstein: all labels at once, by distances within each modality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock, uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import Answer, LabelProblem, Matcher
from psmatch_core.matching.matchers.entropic import COMPILING
from psmatch_core.matching.matchers.options import iterations_option, memory_option, tolerance_option
from psmatch_core.transport.options import SolveOptions

SPACES = ("features", "scores")
MASSES = ("pooled", "source", "target", "uniform")
COPIES = 6  # arrays of the size of the engine's clouds that are alive at once


@dataclass(frozen=True)
class LabeledGromovMatcher(
    Matcher, title="Labeled Gromov-Wasserstein: distances within each modality, all labels at once", place=4
):
    """Entropic Gromov-Wasserstein transport of all labels together: distances across labels count, mass stays within.

    Squared Euclidean distances, divided by their largest in each modality. The two modalities need no common space, so
    that features serve without a classifier.

    Source: Ryu et al. 2025 (labeled EGW); solved by :mod:`psmatch_core.transport.joint.gromov`.
    """

    needs_features: ClassVar[bool] = True

    epsilon: float = option(
        0.001,
        above=0,
        maximum=1e6,
        unit="× squared largest distance",
        help="Entropic regularisation: small is sharp (few partners a cell), large is smooth. Squared Euclidean "
        "distances are divided by their largest on each side, as in Ryu et al.",
    )
    space: str = option(
        "features", choices=SPACES, help="Whether cells are compared by their features or by their propensity scores."
    )
    label_mass: str = option(
        "pooled",
        choices=MASSES,
        help="Share of each label in the joint problem: of all cells, of the source cells, of the target cells, or all "
        "labels alike. It decides how much a label bears on the others, not how much it weighs in the result.",
    )
    tolerance: float = tolerance_option(
        "Error of the marginals (L1, of mass 1), and change of the plans (nats), at which iteration ends."
    )
    max_iterations: int = iterations_option(200, "Linearisations", "all labels are")
    memory_mb: int = memory_option(4096, "all labels")

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        x, y = clouds(problems, self.space)
        d_x, d_y = x[0].shape[1], y[0].shape[1]
        n_cells = sum(len(each) for side in (x, y) for each in side)
        refuse_above(
            self.memory_mb,
            (COPIES * n_cells * (min(d_x, d_y) + 2) + 2 * n_cells * (d_x + d_y) + 2 * d_x * d_y) * 8,
            f"Labeled Gromov-Wasserstein of {n_cells:,} cells with {d_x:,} and {d_y:,} coordinates",
        )
        from psmatch_core.transport.joint.gromov import labeled_gromov  # brings numba, which a config must not

        tell_compiling(progress)
        is_turned = d_x < d_y  # the engine's clouds have the coordinates of the second side
        found = labeled_gromov(
            *((y, x) if is_turned else (x, y)),
            self.epsilon,
            masses=label_masses(problems, self.label_mass),
            max_iterations=self.max_iterations,
            options=SolveOptions(
                tolerance=self.tolerance,
                memory_budget_mb=self.memory_mb,
                seed=problems[0].seed,
                progress=progress,
                executor=executor,
            ),
        )
        for problem, plan, (u, v) in zip(problems, found.plans, found.points, strict=True):
            n, m = problem.x.shape[0], problem.y.shape[0]
            if min(n, m) == 1:
                yield (
                    uniform_block(n, m),
                    problem.status(Outcome.CLOSED_FORM, "one cell on a side: it goes with all others"),
                )
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

        x, y = clouds(problems, self.space)
        pulls = [block.pull for block in blocks]
        return label_distortions(x, y, pulls, masses=label_masses(problems, self.label_mass)).tolist()


def clouds(problems: Sequence[LabelProblem], space: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Each label's cells in the space asked for: ``(n_l, d_x)`` and ``(m_l, d_y)``, float64."""
    if space == "scores":
        return [np.asarray(each.x, float) for each in problems], [np.asarray(each.y, float) for each in problems]
    x, y = [], []
    for each in problems:
        if each.x_features is None or each.y_features is None:
            raise PsmatchError(
                f"Label {each.label}: features were asked for, but its cells carry none.",
                hint="Match by match(…), which gives them, or set space to 'scores'.",
            )
        x.append(each.x_features)
        y.append(each.y_features)
    return x, y


def tell_compiling(progress: Progress) -> None:
    """Say it where the engine is to be compiled first, so that nobody takes it for work on the labels."""
    from psmatch_core.transport import is_compiled

    if not is_compiled():
        progress(Event("match", 0.0, COMPILING))


def label_masses(problems: Sequence[LabelProblem], kind: str) -> np.ndarray:
    """Mass of each label in a joint problem, ``(n_labels,)``, summing to one."""
    n = np.array([problem.x.shape[0] for problem in problems], dtype=np.float64)
    m = np.array([problem.y.shape[0] for problem in problems], dtype=np.float64)
    counts = {"pooled": n + m, "source": n, "target": m, "uniform": np.ones(n.size)}[kind]
    return np.asarray(counts / counts.sum())


def refuse_above(memory_mb: int, n_bytes: int, what: str) -> None:
    """Refuse before any work what would take more memory than allowed."""
    if n_bytes > memory_mb * 1e6:
        raise PsmatchError(
            f"{what} would take about {n_bytes / 1e6:,.0f} MB; the limit is {memory_mb:,} MB.",
            hint="Keep fewer features or principal components (preprocessing), set space to 'scores', "
            "or raise memory_mb.",
        )
