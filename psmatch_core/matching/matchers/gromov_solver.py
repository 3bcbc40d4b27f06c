"""Entropic Gromov-Wasserstein between two geometries, alone or fused with a cost, by POT in the log domain.

Everything is in mean costs: both terms are divided by their value under the uniform plan, so that epsilon and rho mean
the same in every label and the uniform plan costs 1.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.progress import Event, Progress
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.problem import SMALLEST_SPREAD, Answer, LabelProblem

LARGEST_WORK = 2e10  # n²m + nm², about 2,150 × 2,150 cells
MINUTES_PER_WORK = 21 / 2e10  # all 500 steps on one core; measured: 126 s for 1,000 × 1,000 cells
INNER_ITERATIONS = 1000  # Sinkhorn iterations in one step; the next step starts from their potentials
INNER_SHARE = 0.1  # of the tolerance: the error to which a step is solved


@dataclass(frozen=True, eq=False)
class Distortion:
    """The cost of a plan T: share × Σ (C1_ik − C2_jl)² T_ij T_kl + (1 − share) × ⟨M, T⟩, in mean costs.

    Parameters
    ----------
    source, target
        Distances ``(n, n)`` and ``(m, m)``, scaled so that the uniform plan's distortion is ``share``.
    linear
        M ``(n, m)``, scaled so that its mean is 1 − share; None if the share is 1.
    """

    source: np.ndarray
    target: np.ndarray
    linear: np.ndarray | None

    @classmethod
    def scaled(
        cls, source: np.ndarray, target: np.ndarray, *, linear: np.ndarray | None = None, share: float = 1.0
    ) -> Distortion | None:
        """Both terms in mean costs; None if neither distinguishes one pair from another."""
        uniform = _quadratic(source, target, np.full((len(source), len(target)), 1 / (len(source) * len(target))))
        mean = float(linear.mean()) if linear is not None else 0.0
        if uniform < SMALLEST_SPREAD:
            share = 0.0  # the geometries are flat, so the cost decides
        if mean < SMALLEST_SPREAD:
            linear = None
            if share == 0:
                return None
        scale = np.sqrt(share / uniform) if share > 0 else 0.0
        weighted = (1 - share) / mean * linear if linear is not None and share < 1 else None
        return cls(source * scale, target * scale, weighted)

    def cost(self, plan: np.ndarray) -> float:
        """The cost of a plan of mass 1, mean costs."""
        linear = 0.0 if self.linear is None else float((self.linear * plan).sum())
        return _quadratic(self.source, self.target, plan) + linear


@dataclass(frozen=True, eq=False)
class SolverPlan:
    """A plan ``(n, m)`` as the solver left it, not yet checked, its change (L1) in the last step, and the steps."""

    plan: np.ndarray
    change: float
    iterations: int


def solver_answer(
    problem: LabelProblem,
    solved: SolverPlan,
    *,
    epsilon: float,
    is_relaxed: bool,
    tolerance: float,
    notes: tuple[str, ...],
) -> Answer:
    """The solver's plan as a block of mass 1 with its status, or no block if it is not a usable plan.

    Parameters
    ----------
    epsilon
        Mean costs.
    tolerance
        Change of the plan in one step, and error of its marginals, up to which it counts as converged; L1, of mass 1.
    notes
        Remarks for the message of the status.
    """
    plan, iterations = solved.plan, solved.iterations
    mass = float(plan.sum()) if np.isfinite(plan).all() else float("nan")
    if not mass > 0:
        what = "NaN or infinite values" if np.isnan(mass) else "an empty plan"
        message = "; ".join([f"the solver returned {what}; raise epsilon", *notes])
        return None, problem.status(Outcome.FAILED, message, iterations=iterations, epsilon=epsilon)
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    if is_relaxed:
        status = problem.relaxed_status(
            rows,
            columns,
            converged=solved.change <= tolerance,
            error=solved.change,
            iterations=iterations,
            epsilon=epsilon,
            notes=notes,
        )
        return DenseBlock(plan / mass), status
    error = float(np.abs(rows - 1 / rows.size).sum() + np.abs(columns - 1 / columns.size).sum())
    if solved.change > tolerance >= error:
        notes = (f"the plan still changed by {solved.change:.2g} in the last step", *notes)
    status = problem.solved_status(
        converged=max(solved.change, error) <= tolerance,
        error=error,
        iterations=iterations,
        epsilon=epsilon,
        message="; ".join(notes),
    )
    return DenseBlock(plan), status


def check_sizes(source: Modality, target: Modality, method: str, *, fewest_cells: int = 1) -> None:
    """Refuse labels that are too large to finish, and labels that are too small to have a geometry.

    Parameters
    ----------
    fewest_cells
        Fewest cells that make a geometry; a side of one cell is always accepted, since its plan leaves no choice.
    """
    sizes = {
        label: (source.label_counts[label], target.label_counts[label])
        for label in source.label_names
        if label in target.label_counts
    }
    for label, (n, m) in sizes.items():
        check_size(label, n, m, method)
    small = [label for label, each in sizes.items() if 1 < min(each) < fewest_cells]
    if small:
        raise PsmatchError(
            f"{method} compares distances between cells; with two cells in a modality, both ways to match them are "
            f"equally good: {some(small)}.",
            hint=f"Leave such labels out (labels.minimum_cells = {fewest_cells}), or use the fused or the entropic "
            "method.",
        )


def check_size(label: str, n: int, m: int, method: str) -> None:
    """Refuse one label that is too large to finish."""
    work = float(n) * m * (n + m)
    if work > LARGEST_WORK:
        raise PsmatchError(
            f"Label {label}: {method} of {n:,} × {m:,} cells would take about {work * MINUTES_PER_WORK / 60:,.1f} "
            f"hours and {(n * n + m * m + 8 * n * m) * 8 / 1e9:,.1f} GB; work grows as n²m + nm², and the limit is "
            f"{LARGEST_WORK:.0e} (about 2,150 × 2,150 cells).",
            hint="Use the entropic matcher, or fewer cells of this label.",
        )


def solve_balanced(
    distortion: Distortion, epsilon: float, *, tolerance: float, max_iterations: int, progress: Progress
) -> SolverPlan:
    """The plan with uniform marginals: each step is an entropic transport at the gradient of the last plan.

    POT's own loop is not used because it calls Sinkhorn outside the log domain.

    Source: Peyré, Cuturi & Solomon 2016, section 3.2 (Proposition 2, projected gradient), fused as in Vayer et al.
    2020; the potentials are carried from step to step.
    """
    import ot
    import torch  # its logsumexp is twice as fast as numpy's

    source, target = torch.as_tensor(distortion.source), torch.as_tensor(distortion.target)
    linear = None if distortion.linear is None else torch.as_tensor(distortion.linear)
    n, m = source.shape[0], target.shape[0]
    a, b = (torch.full((size,), 1 / size, dtype=torch.float64) for size in (n, m))
    constant, left, right = ot.gromov.init_matrix(source, target, a, b)
    plan = a[:, None] * b[None, :]
    change, warm, done = np.inf, None, 0
    for done in range(1, max_iterations + 1):
        gradient = ot.gromov.gwggrad(constant, left, right, plan)
        moved, log = ot.sinkhorn(
            a,
            b,
            gradient if linear is None else gradient + linear,
            epsilon,
            method="sinkhorn_log",
            numItermax=INNER_ITERATIONS,
            stopThr=INNER_SHARE * tolerance,
            log=True,
            warn=False,  # the status reports the marginal error of the last plan
            warmstart=warm,
        )
        change = float((moved - plan).abs().sum())
        plan, warm = moved, (log["log_u"], log["log_v"])
        progress(Event("match", done / max_iterations, f"step {done}, the plan changed by {change:.1e}"))
        if not change > tolerance:
            break
    return SolverPlan(plan.numpy(), change, done)


def solve_relaxed(
    distortion: Distortion, epsilon: float, rho: float, *, tolerance: float, max_iterations: int
) -> SolverPlan:
    """The plan with relaxed marginals, by POT's (fused) unbalanced Gromov-Wasserstein.

    POT alternates unbalanced transport of two plans of equal mass. Its terms count both plans, twice those of one, so
    epsilon and rho are halved here; a large rho then gives the balanced plan.

    Source: Séjourné, Vialard & Peyré 2021; Thual et al. 2022 (fused).
    """
    import ot
    import torch

    source, target = torch.as_tensor(distortion.source), torch.as_tensor(distortion.target)
    linear = None if distortion.linear is None else torch.as_tensor(distortion.linear)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # inner solves that stop early show in the change of the plan
        try:
            plan, _, log = ot.gromov.fused_unbalanced_gromov_wasserstein(
                source,
                target,
                reg_marginals=rho / 2,
                epsilon=epsilon / 2,
                unbalanced_solver="sinkhorn_log",
                alpha=0 if linear is None else 1,
                M=linear,
                max_iter=max_iterations,
                tol=tolerance,
                max_iter_ot=INNER_ITERATIONS,
                tol_ot=INNER_SHARE * tolerance,
                log=True,
            )
        except ValueError as error:
            if "NaN in coupling" not in str(error):
                raise
            return SolverPlan(np.full((len(source), len(target)), np.nan), float("nan"), 0)
    changes: list[Any] = log["error"]
    return SolverPlan(plan.numpy(), float(changes[-1]), len(changes))


def _quadratic(source: np.ndarray, target: np.ndarray, plan: np.ndarray) -> float:
    """Σ (C1_ik − C2_jl)² T_ij T_kl of any plan, from its own marginals."""
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    own = float(rows @ (source**2) @ rows + columns @ (target**2) @ columns)
    return max(0.0, own - 2 * float(((source @ plan) * (plan @ target)).sum()))
