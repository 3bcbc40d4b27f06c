"""Where a solve ended, and the result for the cells, order and cost that were given."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.arrays import Array
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.geometry import Geometry
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.options import DEFAULT_OPTIONS
from psmatch_core.transport.plan import SupportPlan, TiledPlan
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import LARGEST_RATIO, PreparedProblem, stretch_of

# Of the largest cost: an epsilon at which the soft minimum of costs is their minimum, up to the rounding of the costs.
# At a hundredth of it, exponents are so large that their roundings differ by more than the logarithm of any number.
_SHARPEST = 1e-16


@dataclass(frozen=True, eq=False)
class SolveOutcome:
    """Where a solve ended: potentials, certificate, support if the plan is sparse, and the reason."""

    f: Array
    g: Array
    row_error: float
    column_error: float
    dropped: float
    support: Support | None
    path: SolvePath
    status: SolveStatus

    @classmethod
    def stopped(cls, f: Array, g: Array) -> SolveOutcome:
        """The outcome of a solve that the caller stopped; no error is known."""
        return cls(f, g, np.inf, np.inf, np.inf, None, SolvePath.NONE, SolveStatus.STOPPED)

    @classmethod
    def unfinished(cls, f: Array, g: Array) -> SolveOutcome:
        """The outcome of a solve that ran out of iterations; its error is not measured yet."""
        return cls(f, g, np.inf, np.inf, 0.0, None, SolvePath.MATRIX_FREE, SolveStatus.NOT_CONVERGED)

    @classmethod
    def without_cost(cls, problem: Problem) -> SolveOutcome:
        """The outcome of a problem in which all costs are 0: the plan a bᵀ, whatever epsilon."""
        f, g = map(np.zeros, problem.shape)
        rounding = full_pass.SUMS_ERROR
        return cls(f, g, rounding, rounding, 0.0, None, SolvePath.DENSE, SolveStatus.CONVERGED)

    @classmethod
    def unresolved(cls, problem: Problem) -> SolveOutcome:
        """The outcome of a problem whose epsilon double precision cannot resolve: potentials 0, no error known."""
        f, g = map(np.zeros, problem.shape)
        return cls(f, g, np.inf, np.inf, 0.0, None, SolvePath.UNRESOLVED, SolveStatus.NOT_CONVERGED)


def to_result(
    prepared: PreparedProblem,
    outcome: SolveOutcome,
    epsilon: float,
    context: SolveContext,
    *,
    seconds: float | None = None,
) -> TransportResult:
    """The result of a solve.

    Parameters
    ----------
    epsilon
        As it was given, units of cost.
    seconds
        Wall time; that of the context if None.
    """
    f, g = np.zeros(prepared.a.size), np.zeros(prepared.b.size)
    inner = prepared.inner_epsilon(epsilon)
    unit = epsilon / inner
    f[prepared.sources], g[prepared.targets] = unit * outcome.f, unit * outcome.g
    if not prepared.all_have_weight and outcome.path != SolvePath.UNRESOLVED:
        _extend(prepared, f, g, epsilon)
    f, g = f + prepared.offset_x, g + prepared.offset_y
    for array in (f, g):
        array.flags.writeable = False
    lost = _offset_error(prepared, outcome, f, g, epsilon)
    row_error, column_error = outcome.row_error + lost, outcome.column_error + lost
    status = outcome.status
    if status == SolveStatus.CONVERGED:
        status = SolveStatus.from_error(row_error + column_error, context.options.tolerance)
    problem, potentials = prepared.problem, Potentials(outcome.f, outcome.g, inner)
    plan: SupportPlan | TiledPlan
    if outcome.support is None:
        plan = TiledPlan(problem, potentials)
    else:
        plan = SupportPlan(problem, potentials, outcome.support)
    return TransportResult(
        f=f,
        g=g,
        a=prepared.a,
        b=prepared.b,
        epsilon=epsilon,
        status=status,
        row_error=row_error,
        column_error=column_error,
        dropped_mass=outcome.dropped,
        tolerance=context.options.tolerance,
        iterations=context.counts.iterations,
        full_passes=context.counts.full_passes,
        seconds=context.seconds if seconds is None else seconds,
        path=outcome.path,
        prepared=prepared,
        plan=plan,
    )


def _offset_error(prepared: PreparedProblem, outcome: SolveOutcome, f: Array, g: Array, epsilon: float) -> float:
    """Upper bound of the error of either marginal that comes from adding the offsets to the potentials.

    Squared distances of clouds far apart are large, and the potentials f and g that are returned round as they do.
    """
    if not (prepared.offset_x.any() or prepared.offset_y.any()):
        return 0.0
    reach = float(max(np.abs(f).max(), np.abs(g).max())) / prepared.unit
    with np.errstate(over="ignore"):
        inner = epsilon / prepared.unit
        per_mass = np.expm1(prepared.problem.geometry.rounding_bound(inner, np.dtype(np.float64), reach=reach))
        return float(per_mass * (1 + outcome.row_error))


def _extend(prepared: PreparedProblem, f: Array, g: Array, epsilon: float) -> None:
    """Set the potentials of cells without weight, in place, to those they would have with very little weight.

    They are the soft transform of the other side's potentials. Cells without weight may lie far from those with weight,
    or all cells in one place, so that neither the unit of the problem nor its epsilon serves here: costs are measured
    in a unit of their own, and epsilon in what of it double precision distinguishes.
    """
    geometry, context = prepared.problem.geometry, SolveContext.start(DEFAULT_OPTIONS)
    sides = (
        (f, prepared.x, prepared.a, geometry.y, prepared.problem.b, g[prepared.targets]),
        (g, prepared.y, prepared.b, geometry.x, prepared.problem.a, f[prepared.sources]),
    )
    for potentials, points, weights, other_points, other_weights, other_potentials in sides:
        idle = np.flatnonzero(weights == 0)
        if not idle.size:
            continue
        stretch = stretch_of(points[idle], other_points)
        some = Geometry(points[idle] / stretch, other_points / stretch, geometry.squared)
        unit, inner = epsilon, 1.0
        if some.scale > 0:
            unit = prepared.unit * (stretch**2 if geometry.squared else stretch)
            inner = float(np.clip(epsilon / unit, _SHARPEST * some.scale, LARGEST_RATIO * some.scale))
            unit = max(unit, epsilon / inner)  # potentials over a lowered epsilon stay the same, as the problem's do
        side = Problem(some, np.full(idle.size, 1 / idle.size), other_weights)
        potentials[idle] = unit * full_pass.soft_transform(side, other_potentials / unit, inner, context)
