"""The last step of a solve: the row sums are made right, so that the plan has mass 1, and its error is measured.

Iterations know the error of the kernel they ran on. Here one pass over all pairs computes the plan that the potentials
stand for, and what it finds is the certificate.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic.outcome import SolveOutcome
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.plan import ENTRY_ERROR, TiledPlan
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.status import SolvePath, SolveStatus

# Pairs up to which every plan is measured, in float64 (about 2 ns each); larger ones only if the solve has not
# converged, since the certificate of their support is tight enough and a pass would take as long as the solve.
MEASURED_PAIRS = 4_000_000
_FAR = 100.0  # logarithm of a row's mass beyond which the largest term is factored out


def measure(
    problem: Problem, outcome: SolveOutcome, epsilon: float, context: SolveContext, *, most_pairs: int = MEASURED_PAIRS
) -> SolveOutcome:
    """The outcome with f corrected to exact row sums and the measured error; epsilon in the problem's units of cost.

    An outcome that was stopped stays as it is, and so does one that has converged with more than ``most_pairs``. Row
    sums are exact up to rounding, which counts on both sides.
    """
    is_small = problem.geometry.n_pairs <= most_pairs
    is_converged = outcome.status == SolveStatus.CONVERGED
    if outcome.path in (SolvePath.NONE, SolvePath.UNRESOLVED) or (is_converged and not is_small):
        return outcome
    allowed = 0.0 if is_small else ENTRY_ERROR
    potentials = Potentials(outcome.f, outcome.g, epsilon)
    potentials, columns = _correct_rows(problem, potentials, context, allowed)
    rounding = full_pass.rounding_error(problem, potentials, allowed)
    column_error = float(np.abs(columns - problem.b).sum()) + rounding
    status = SolveStatus.from_error(rounding + column_error, context.options.tolerance)
    return replace(
        outcome, f=potentials.f, g=potentials.g, row_error=rounding, column_error=column_error, status=status
    )


def measure_as_is(problem: Problem, potentials: Potentials) -> tuple[float, float]:
    """Upper bounds of the L1 errors of row and column sums at given potentials, from one pass over all pairs."""
    rows, columns = TiledPlan(problem, potentials).sums()
    rounding = float(rows.sum()) * full_pass.rounding_error(problem, potentials, ENTRY_ERROR)
    row_error, column_error = float(np.abs(rows - problem.a).sum()), float(np.abs(columns - problem.b).sum())
    return row_error + rounding, column_error + rounding


def _correct_rows(
    problem: Problem, potentials: Potentials, context: SolveContext, allowed: float
) -> tuple[Potentials, Array]:
    """Potentials at which all row sums are right, and the column sums that the plan then has."""
    sums, columns = full_pass.sinkhorn_pass(problem, potentials, context, allowed)
    with np.errstate(all="ignore"):
        is_near = np.isfinite(columns).all() and np.abs(np.log(sums / problem.a)).max() <= _FAR
    if not is_near:
        # with the largest term factored out, each transform gives potentials that differ by the costs at most
        f = full_pass.soft_transform(problem, potentials.g, potentials.epsilon, context, allowed=allowed)
        g = full_pass.soft_transform(problem.transposed, f, potentials.epsilon, context, allowed=allowed)
        f = full_pass.soft_transform(problem, g, potentials.epsilon, context, allowed=allowed)
        potentials = Potentials(f, g, potentials.epsilon)
        sums, columns = full_pass.sinkhorn_pass(problem, potentials, context, allowed)
    return replace(potentials, f=potentials.f + potentials.epsilon * np.log(problem.a / sums)), columns
