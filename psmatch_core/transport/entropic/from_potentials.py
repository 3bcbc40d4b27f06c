"""The result that stored potentials stand for, at the cost of one pass over all pairs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.arrays import Array
from psmatch_core.base.errors import PsmatchError
from psmatch_core.transport.context import SolveContext
from psmatch_core.transport.entropic import fixed_epsilon
from psmatch_core.transport.entropic.measure import measure_as_is
from psmatch_core.transport.entropic.outcome import SolveOutcome, to_result
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.options import DEFAULT_OPTIONS, SolveOptions, require_positive
from psmatch_core.transport.problem import Potentials, Problem
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.status import SolvePath, SolveStatus
from psmatch_core.transport.validation import prepare_problem

_SUPPORT_TOLERANCE = 1e-4  # theta as for a solve to this tolerance: answers leave out far less than a usual solve


def from_potentials(
    x: ArrayLike,
    y: ArrayLike,
    epsilon: float,
    *,
    f: ArrayLike,
    g: ArrayLike,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    cost: str = "euclidean",
    options: SolveOptions = DEFAULT_OPTIONS,
) -> TransportResult:
    """The result that potentials stand for, with a new certificate; there are no iterations.

    Parameters
    ----------
    x, y, epsilon, a, b, cost
        As they were given to :func:`solve`.
    f, g
        The potentials it returned, ``(n,)`` and ``(m,)``, units of cost.
    options
        The tolerance decides whether the result counts as converged. If the support exceeds the memory budget, the
        plan is computed tile by tile.

    Raises
    ------
    PsmatchError
        If the arrays do not fit together or hold NaN or infinity.
    """
    require_positive(epsilon, "epsilon")
    prepared = prepare_problem(x, y, a=a, b=b, cost=cost)
    f, g = _check_potentials(f, prepared.a.size, "f"), _check_potentials(g, prepared.b.size, "g")
    context = SolveContext.start(options)
    outcome = _certify(prepared.problem, prepared.to_problem(f, g, epsilon), context)
    return to_result(prepared, outcome, epsilon, context)


def _certify(problem: Problem, potentials: Potentials, context: SolveContext) -> SolveOutcome:
    if not problem.geometry.is_resolved(potentials.epsilon):
        return SolveOutcome.unresolved(problem)
    options, theta = context.options, fixed_epsilon.support_theta(_SUPPORT_TOLERANCE)
    support = None
    if full_pass.density(problem, potentials, theta) < options.schedule.sparse_below:
        limit = fixed_epsilon.largest_support(options)
        support = full_pass.find_support(problem, potentials, theta, context, exact=False, limit=limit)
    if support is not None:
        path = SolvePath.SPARSE
        row, column, dropped = fixed_epsilon.certify(problem, support, potentials)
    else:
        path, dropped = SolvePath.MATRIX_FREE, 0.0
        row, column = measure_as_is(problem, potentials)
        context.counts.full_passes += 1
    status = SolveStatus.from_error(row + column, options.tolerance)
    return SolveOutcome(potentials.f, potentials.g, row, column, dropped, support, path, status)


def _check_potentials(values: ArrayLike, size: int, name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (size,) or not np.isfinite(array).all():
        raise PsmatchError(
            f"Potentials {name} must be {size:,} finite numbers; got shape {array.shape} with "
            f"{int((~np.isfinite(array)).sum()):,} not finite.",
            hint="Give the potentials of a result as it returned them.",
        )
    return array
