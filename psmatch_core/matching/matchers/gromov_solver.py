"""Entropic Gromov-Wasserstein between two geometries, alone or fused with a cost, by POT in log domain.

Everything is in mean costs: both terms are divided by what they cost under the uniform plan, so that epsilon and rho
mean the same in every label and a plan that knows nothing costs 1.
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
from psmatch_core.matching.matchers.base import SMALLEST_SPREAD, Answer, LabelProblem
from psmatch_core.matching.matchers.entropic import solved_status
from psmatch_core.matching.matchers.unbalanced import relaxed_status

LARGEST_WORK = 2e10  # n²m + nm², about 2,150 × 2,150 cells
MINUTES_PER_WORK = 21 / 2e10  # all 500 steps on one core; measured: 126 s for 1,000 × 1,000 cells
INNER_ITERATIONS = 1000  # Sinkhorn iterations in one step; the next one goes on from their potentials
INNER_SHARE = 0.1  # of the tolerance, to which a step is solved


@dataclass(frozen=True, eq=False)
class Distortion:
    """What a plan T costs: share × Σ (C1_ik − C2_jl)² T_ij T_kl + (1 − share) × ⟨M, T⟩, in mean costs.

    Parameters
    ----------
    source, target
        Distances ``(n, n)`` and ``(m, m)``, scaled so that the uniform plan's distortion is ``share``.
    linear
        M ``(n, m)``, scaled so that its mean is 1 − share; None where the share is 1.
    """

    source: np.ndarray
    target: np.ndarray
    linear: np.ndarray | None

    @classmethod
    def of(cls, source: np.ndarray, target: np.ndarray, linear: np.ndarray | None, share: float) -> Distortion | None:
        """Both terms scaled; None where no term tells one pair from another."""
        uniform = _quadratic(source, target, np.full((len(source), len(target)), 1 / (len(source) * len(target))))
        mean = float(linear.mean()) if linear is not None else 0.0
        if uniform < SMALLEST_SPREAD:
            share = 0.0  # the geometries say nothing, the cost decides
        if mean < SMALLEST_SPREAD:
            linear = None
            if share == 0:
                return None
        scale = np.sqrt(share / uniform) if share > 0 else 0.0
        weighed = (1 - share) / mean * linear if linear is not None and share < 1 else None
        return cls(source * scale, target * scale, weighed)

    def cost(self, plan: np.ndarray) -> float:
        """Of a plan of mass 1, mean costs."""
        linear = 0.0 if self.linear is None else float((self.linear * plan).sum())
        return _quadratic(self.source, self.target, plan) + linear


@dataclass(frozen=True, eq=False)
class Solved:
    """A plan ``(n, m)`` as the solver left it, which may be no plan: its last step's change (L1), steps taken."""

    plan: np.ndarray
    change: float
    iterations: int


def couple_geometries(
    problem: LabelProblem,
    distortion: Distortion,
    *,
    epsilon: float,
    rho: float | None,
    tolerance: float,
    max_iterations: int,
    notes: list[str],
    progress: Progress,
) -> Answer:
    """Plan and status of one label.

    Parameters
    ----------
    epsilon, rho
        Mean costs; rho None keeps the marginals.
    tolerance
        Change of the plan in a step, and error of its marginals, at which iteration ends; L1, of mass 1.
    notes
        What the status must say beside how it ended.
    """
    if rho is None:
        solved = _balanced(distortion, epsilon, tolerance, max_iterations, progress)
    else:
        solved = _relaxed(distortion, epsilon, rho, tolerance, max_iterations)
    return answer(problem, solved, epsilon=epsilon, is_relaxed=rho is not None, tolerance=tolerance, notes=notes)


def answer(
    problem: LabelProblem, solved: Solved, *, epsilon: float, is_relaxed: bool, tolerance: float, notes: list[str]
) -> Answer:
    """What the solver left as a block of mass 1 with its status, or none where it left no plan."""
    plan, iterations = solved.plan, solved.iterations
    mass = float(plan.sum()) if np.isfinite(plan).all() else float("nan")
    if not mass > 0:
        words = "values that are no numbers" if np.isnan(mass) else "an empty plan"
        message = "; ".join([f"the solver returned {words}; raise epsilon", *notes])
        return None, problem.status(Outcome.FAILED, message, iterations=iterations, epsilon=epsilon)
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    if is_relaxed:
        settled = solved.change <= tolerance
        status = relaxed_status(problem, rows, columns, settled, solved.change, iterations, epsilon, *notes)
        return DenseBlock(plan / mass), status
    error = float(np.abs(rows - 1 / rows.size).sum() + np.abs(columns - 1 / columns.size).sum())
    if solved.change > tolerance >= error:
        notes = [f"the plan still changed by {solved.change:.2g} a step", *notes]
    settled = max(solved.change, error) <= tolerance
    return DenseBlock(plan), solved_status(problem, settled, error, iterations, epsilon, "; ".join(notes))


def check_sizes(source: Modality, target: Modality, method: str, *, smallest: int = 1) -> None:
    """Refuse labels that are too large to finish, and those in which no geometry is.

    Parameters
    ----------
    smallest
        Cells from which on a side has a geometry; a side of one cell is always fine, its plan has no choice.
    """
    sizes = {
        label: (source.label_counts[label], target.label_counts[label])
        for label in source.label_names
        if label in target.label_counts
    }
    for label, (n, m) in sizes.items():
        check_size(label, n, m, method)
    small = [label for label, each in sizes.items() if 1 < min(each) < smallest]
    if small:
        raise PsmatchError(
            f"{method} compares distances between cells, and with two cells on a side both ways round are equally "
            f"good: {some(small)}.",
            hint=f"Leave such labels out (labels.minimum_cells = {smallest}), or use the fused or the entropic method.",
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


def _balanced(
    distortion: Distortion, epsilon: float, tolerance: float, max_iterations: int, progress: Progress
) -> Solved:
    """Projected gradient: each step is an entropic transport whose cost is the distortion's gradient at the last plan.

    POT's own loop cannot be used: it calls Sinkhorn outside the log domain. Source: Peyré, Cuturi & Solomon 2016,
    section 3.2 (Proposition 2), fused as in Vayer et al. 2020; the potentials are carried from step to step.
    """
    import ot
    import torch  # its logarithm of sums is twice as fast as numpy's, and it is here anyway

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
            warn=False,  # the marginals of the last plan are judged, and the status says it
            warmstart=warm,
        )
        change = float((moved - plan).abs().sum())
        plan, warm = moved, (log["log_u"], log["log_v"])
        progress(Event("match", done / max_iterations, f"step {done}, the plan changed by {change:.1e}"))
        if not change > tolerance:
            break
    return Solved(plan.numpy(), change, done)


def _relaxed(distortion: Distortion, epsilon: float, rho: float, tolerance: float, max_iterations: int) -> Solved:
    """POT's (fused) unbalanced Gromov-Wasserstein: alternating unbalanced transport of two plans of equal mass.

    Its terms count a pair of plans, so that at balance they are twice those of one plan: epsilon and rho are halved,
    and a large rho gives the balanced plan. Source: Séjourné, Vialard & Peyré 2021; Thual et al. 2022 (fused).
    """
    import ot
    import torch

    source, target = torch.as_tensor(distortion.source), torch.as_tensor(distortion.target)
    linear = None if distortion.linear is None else torch.as_tensor(distortion.linear)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of inner solves that stopped early: the change of the plan is judged
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
    changes: list[Any] = log["error"]
    return Solved(plan.numpy(), float(changes[-1]), len(changes))


def _quadratic(source: np.ndarray, target: np.ndarray, plan: np.ndarray) -> float:
    """Σ (C1_ik − C2_jl)² T_ij T_kl of any plan, by its own sums."""
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    own = float(rows @ (source**2) @ rows + columns @ (target**2) @ columns)
    return max(0.0, own - 2 * float(((source @ plan) * (plan @ target)).sum()))
