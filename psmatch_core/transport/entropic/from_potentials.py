"""A plan from potentials that were kept: what the engine needs to answer for it again, at the price of one pass."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.transport.cancellation import Watch
from psmatch_core.transport.entropic import fixed_epsilon
from psmatch_core.transport.entropic.finish import Outcome
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.solve import result_of
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass
from psmatch_core.transport.plan import TiledPlan
from psmatch_core.transport.problem import Executor, Run
from psmatch_core.transport.result import TransportResult
from psmatch_core.transport.validation import Question, ask, positive

_DROPPED = 1e-4  # theta as of a solve to this tolerance: what answers leave out is far below what a solve leaves


def restore(
    x: ArrayLike,
    y: ArrayLike,
    f: ArrayLike,
    g: ArrayLike,
    epsilon: float,
    a: ArrayLike | None = None,
    b: ArrayLike | None = None,
    *,
    cost: str = "euclidean",
    tolerance: float = 1e-3,
    memory_budget_mb: float = 1024.0,
    executor: Executor | None = None,
) -> TransportResult:
    """The result that potentials stand for, certified anew; nothing is iterated.

    Parameters
    ----------
    x, y, epsilon, a, b, cost
        As they were given to :func:`solve`.
    f, g
        The potentials it returned, ``(n,)`` and ``(m,)``, units of cost.
    tolerance
        L1 error of both marginals up to which the result counts as converged.
    memory_budget_mb
        What the support may take, megabytes; beyond it the plan is answered for tile by tile.
    executor
        Where tiles of the pass are worked out; here if None.

    Raises
    ------
    PsmatchError
        Where the arrays do not fit together or hold NaN or infinity.
    """
    began = time.perf_counter()
    question = ask(x, y, a, b, cost)
    positive(epsilon, "epsilon")
    inner_f = _potentials(f, question.a, "f")[question.sources] - question.offset_x[question.sources]
    inner_g = _potentials(g, question.b, "g")[question.targets] - question.offset_y[question.targets]
    run = Run(Watch(silent, None), executor, int(positive(memory_budget_mb, "memory_budget_mb") * 1e6), 0)
    outcome = _outcome(question, inner_f, inner_g, epsilon, tolerance, run)
    seconds = time.perf_counter() - began
    passes = run.tally.full_passes
    return result_of(question, outcome, epsilon, tolerance, iterations=0, full_passes=passes, seconds=seconds)


def _outcome(question: Question, f: Array, g: Array, epsilon: float, tolerance: float, run: Run) -> Outcome:
    problem, theta = question.problem, fixed_epsilon.threshold(_DROPPED)
    support = None
    if full_pass.density(problem, f, g, epsilon, theta) < Schedule().sparse_under:
        limit = run.memory_budget // fixed_epsilon.ENTRY_BYTES
        support = full_pass.find_support(problem, f, g, epsilon, theta, run, exact=False, limit=limit)
    if support is not None:
        row, column, dropped = fixed_epsilon.certify(problem, support, f, g, epsilon)
    else:
        rows, columns = TiledPlan(problem, f, g, epsilon).sums()
        row, column, dropped = float(np.abs(rows - problem.a).sum()), float(np.abs(columns - problem.b).sum()), 0.0
        run.tally.full_passes += 1
    status = "converged" if row + column <= tolerance else "not converged"
    return Outcome(f, g, row, column, dropped, support, "unstored" if support is None else "sparse", status)


def _potentials(values: ArrayLike, weights: Array, name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != weights.shape or not np.isfinite(array).all():
        raise PsmatchError(
            f"Potentials {name} must be {weights.size:,} finite numbers; got shape {array.shape} with "
            f"{int((~np.isfinite(array)).sum()):,} not finite.",
            hint="Give the potentials of a result as it returned them.",
        )
    return array
