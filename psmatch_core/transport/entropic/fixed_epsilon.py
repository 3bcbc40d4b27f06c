"""At one epsilon: choose how the plan is held, iterate on it until the marginals are right, and certify.

The plan is held sparse where few entries matter, dense where many do and memory allows, and not at all else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from psmatch_core.transport.entropic import iteration, repair
from psmatch_core.transport.entropic.schedule import Schedule
from psmatch_core.transport.entropic.state import State
from psmatch_core.transport.geometry import Array
from psmatch_core.transport.kernels import full_pass, in_memory
from psmatch_core.transport.kernels.support import Support
from psmatch_core.transport.problem import Problem, Run

# Bytes of a sparse entry while it is worked on: index, reduced cost, value, and copies while it is put together.
ENTRY_BYTES = 20
# Entry visits in one compiled call: 0.2 s or so, after which the user is asked whether to go on.
_VISITS_SPARSE = 100_000_000
_VISITS_DENSE = 800_000_000
# Relative error of an entry of a support in units of the type's rounding: exponents there stay under about 30.
_VALUE_ROUNDING = 16.0
# Passes after which a support is given up whose error is still this large.
_PATIENCE = 90
_HOPELESS = 5e-3
# What is left of an error in which a whole segment of passes has gained nothing.
_STANDSTILL = 0.9999
_MENDINGS = 3
# Scalings may grow to e^this before they are taken up into the potentials and the kernel is made afresh.
_ABSORB = 25.0


def threshold(tolerance: float) -> float:
    """Theta for a support whose complement holds well under the tolerance.

    Entries are left out by their share of their row, so that as n grows their number in a row grows and their
    share falls alike; measured at tolerance 1e-3, a tenth of it is lost at n = 2,000 and a fifth at n = 10,000.
    Where it is more, the certificate says so and theta grows.
    """
    return float(np.log(1 / tolerance) + 4.0)


def settle_sparse(
    problem: Problem, state: State, support: Support, tolerance: float, max_passes: int, run: Run
) -> tuple[bool, Support]:
    """Newton iterations on a support until the column error is under tolerance, and the support they ended on.

    A support that cannot carry the marginals is mended where few cells are to blame. False where it still cannot.
    """
    before = run.tally.iterations
    for mending_number in range(_MENDINGS + 1):
        state.f, state.g = support.balanced(problem, state.f, state.g, state.epsilon)
        f, g = state.f, state.g
        left = max_passes - (run.tally.iterations - before)
        if _settle(problem, state, support, tolerance, left, run):
            return True, support
        mended = repair.reconnected(problem, state, support, run) if mending_number < _MENDINGS else None
        if mended is None:
            break
        support = mended
    # undo what the steps overshot: they point the right way, towards entries left out, but without end, and past
    # about theta those entries would have held all the mass
    furthest = 0.7 * support.theta * state.epsilon
    state.f = f + np.clip(state.f - f, -furthest, furthest)
    state.g = g + np.clip(state.g - g, -furthest, furthest)
    return False, support


def _settle(problem: Problem, state: State, support: Support, tolerance: float, max_passes: int, run: Run) -> bool:
    """Newton iterations on a support until the column error is under tolerance; rows are exact there.

    False where it gave up because the support cannot carry the marginals: steps grow without gain, or the error
    stands still. The potentials have then moved, too far, towards those for which a fresh support will. It also
    gives up where the error is still large after ``_PATIENCE`` passes: then too the support is more likely wrong than
    the problem hard.
    """
    last = np.inf
    used, plain, fruitless = 0, 1, 0
    segment = min(_PATIENCE, max(6, _VISITS_SPARSE // max(support.n_entries, 1)))
    while True:
        values = support.values(problem, state.f, state.g, state.epsilon)
        kernel = (support.indptr, support.unsigned, values)
        v, u, error, passes, fruitless = iteration.newton(
            kernel, problem.a, problem.b, np.ones(problem.b.size), tolerance, min(segment, max_passes - used), plain,
            fruitless,
        )  # fmt: skip
        plain = 0
        state.f = state.f + state.epsilon * np.log(np.maximum(u, 1e-280))
        state.g = state.g + state.epsilon * np.log(np.maximum(v, 1e-280))
        used += passes
        run.tally.iterations += passes
        state.error = float(error)
        run.watch.look(state.error)
        gave_up = fruitless >= iteration.FRUITLESS or tolerance < error >= _STANDSTILL * last
        last = float(error)
        if gave_up or (used >= _PATIENCE and error > _HOPELESS):
            return False
        if error <= tolerance or used >= max_passes:
            return True


def settle_dense(
    problem: Problem, state: State, tolerance: float, max_passes: int, run: Run, allowed: float
) -> tuple[NDArray[Any], Array, Array]:
    """Newton iterations on the stored kernel, made afresh when the scalings have grown.

    Returns the kernel and the scalings of its rows and columns that make it the plan.
    """
    used, plain = 0, 2
    segment = max(6, _VISITS_DENSE // max(problem.geometry.n_pairs, 1))
    while True:
        matrix = full_pass.dense_kernel(problem, state.f, state.g, state.epsilon, run, allowed)
        v = np.ones(problem.b.size)
        while True:
            v, u, error, passes, _ = iteration.newton(
                (matrix,), problem.a, problem.b, v, tolerance, min(segment, max_passes - used), plain, 0
            )
            plain = 0
            used += passes
            run.tally.iterations += passes
            state.error = float(error)
            run.watch.look(state.error)
            grown = max(_largest_log(u), _largest_log(v))
            if error <= tolerance or used >= max_passes or grown > _ABSORB:
                break
        state.f = state.f + state.epsilon * np.log(np.maximum(u, 1e-280))
        state.g = state.g + state.epsilon * np.log(np.maximum(v, 1e-280))
        if (error <= tolerance and grown <= _ABSORB) or used >= max_passes:
            return matrix, u, v


def _largest_log(scaling: Array) -> float:
    return float(np.abs(np.log(np.maximum(scaling, 1e-280))).max())


def settle_unstored(
    problem: Problem, state: State, tolerance: float, max_passes: int, run: Run, allowed: float
) -> None:
    """Sinkhorn iterations with nothing stored, accelerated after Anderson with five differences.

    Source: Anderson mixing for fixed points: Walker & Ni, SIAM J. Numer. Anal. 49 (2011), algorithm AA.
    """
    epsilon = state.epsilon
    images: list[Array] = []
    residuals: list[Array] = []
    best = np.inf
    for _ in range(max_passes):
        sums, columns = full_pass.half_and_half(problem, state.f, state.g, epsilon, run, allowed)
        run.tally.iterations += 1
        if not (np.isfinite(sums).all() and sums.min() > 0 and columns.min() > 0):
            # too far off for sums without a maximum taken out: one iteration in logarithms
            state.f = full_pass.soft_transform(problem, state.g, epsilon, run)
            state.g = full_pass.soft_transform(problem.transposed, state.f, epsilon, run)
            images.clear()
            residuals.clear()
            continue
        state.f = state.f + epsilon * np.log(problem.a / sums)
        state.error = float(np.abs(columns - problem.b).sum())
        run.watch.look(state.error)
        if state.error <= tolerance:
            return
        residual = epsilon * np.log(problem.b / columns)
        if state.error > 3 * best:
            images.clear()
            residuals.clear()
        best = min(best, state.error)
        images.append(state.g + residual)
        residuals.append(residual)
        del images[:-6], residuals[:-6]
        state.g = mixed(images, residuals, problem.b)


def mixed(images: list[Array], residuals: list[Array], weights: Array) -> Array:
    """The combination of the last images whose combined residual is smallest, in the norm of the marginal."""
    if len(images) == 1:
        return images[-1]
    last = residuals[-1]
    differences = np.array([residual - last for residual in residuals[:-1]])  # (h, m)
    gram = (differences * weights) @ differences.T
    gram[np.diag_indices_from(gram)] += 1e-10 * np.trace(gram) + 1e-300
    shares = np.linalg.lstsq(gram, -(differences * weights) @ last, rcond=None)[0]
    mixed = images[-1] + sum(share * (image - images[-1]) for share, image in zip(shares, images[:-1], strict=True))
    return np.asarray(mixed)


def settle_on_the_way(
    problem: Problem, state: State, tolerance: float, run: Run, schedule: Schedule, further: float = 0.0
) -> float:
    """Iterate at the state's epsilon to a rough tolerance; returns the entries a row that matter.

    The support reaches ``further`` than theta where smaller epsilons are to be settled on parts of it.
    """
    n, m = problem.shape
    theta = schedule.theta + further
    share = full_pass.density(problem, state.f, state.g, state.epsilon, theta)
    limit = run.memory_budget // ENTRY_BYTES
    if further and (share >= schedule.sparse_under or share * n * m > 0.7 * limit):
        theta = schedule.theta
        share = full_pass.density(problem, state.f, state.g, state.epsilon, theta)
    state.support = None
    level = float(np.exp(-7.0))
    for _ in range(4 if share < schedule.sparse_under else 0):
        support = full_pass.find_support(
            problem, state.f, state.g, state.epsilon, theta, run, exact=False, limit=limit, bounded=False
        )
        if support is None:
            break
        support = repair.complete(problem, state, support, state.epsilon, theta, run)
        _, support = settle_sparse(problem, state, support, tolerance, 100, run)
        state.support = support
        if state.error <= tolerance:
            values = support.values(problem, state.f, state.g, state.epsilon)
            return in_memory.n_above(values, level / n) / n
    if n * m * 4 <= run.memory_budget:
        matrix, u, v = settle_dense(problem, state, tolerance, 100, run, 0.01)
        return in_memory.n_scaled_above(matrix, u, v, level / n) / n
    settle_unstored(problem, state, tolerance, 30, run, 0.01)
    return share * m


def certify(problem: Problem, support: Support, f: Array, g: Array, epsilon: float) -> tuple[float, float, float]:
    """(row error, column error, dropped mass) of the full plan, as upper bounds, from a support found at f, g.

    The plan is the support plus what was dropped, so its row sums are off by at most |support − a| + dropped, and its
    column sums likewise.
    """
    values = support.values(problem, f, g, epsilon)
    rows, columns = np.empty(problem.a.size), np.empty(problem.b.size)
    in_memory.sparse_marginals(support.indptr, support.unsigned, values, rows, columns)
    dropped = float(support.dropped.sum())
    rounding = _VALUE_ROUNDING * float(np.finfo(values.dtype).eps) * float(rows.sum())
    return (
        float(np.abs(rows - problem.a).sum()) + dropped + rounding,
        float(np.abs(columns - problem.b).sum()) + dropped + rounding,
        dropped,
    )
