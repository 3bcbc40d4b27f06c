"""Random small transport problems, each compared with its own plan: ``python -m benchmarks.random_solves [count]``.

A solve promises four things, whatever is asked of it: a certificate that is never below the error of the plan, mass 1
to 10⁻⁶ or the difference in the certificate, no more iterations than allowed, and an end. The plan is computed from the
returned potentials in extended precision. Prints which promises were broken, and how often, and exits with 1 if one
was.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from psmatch_core.transport import SolveOptions, TransportResult, from_potentials, resolve, solve, solve_many
from psmatch_core.transport.options import AnnealingSchedule

Array = Any
KINDS = ("plain", "duplicates", "identical", "apart", "one point", "integers", "grid", "islands")
SCHEDULES = {
    "default": AnnealingSchedule(),
    "levels": AnnealingSchedule(coarsest_cells=12, level_ratio=2.0),
    "dense": AnnealingSchedule(sparse_below=-1.0),
    "sparse": AnnealingSchedule(coarsest_cells=12, level_ratio=2.0, sparse_below=2.0),
}
DOORS = ("solve", "solve", "many", "resolve", "potentials")
LEAF_SIZES = (1, 2, 3, 64, 65)  # at the ends of the engine's leaves
MASS = 1e-6


@dataclass(frozen=True, eq=False)
class Case:
    """One problem, how it is to be solved, and through which function of the engine."""

    x: Array
    y: Array
    a: Array | None
    b: Array | None
    epsilon: float
    cost: str
    options: SolveOptions
    door: str
    words: str


def draw(seed: int, largest: int = 40) -> Case:
    """The random problem of a seed."""
    rng = np.random.default_rng(seed)
    n, m = (int(rng.integers(1, largest + 1)) if rng.random() < 0.85 else int(rng.choice(LEAF_SIZES)) for _ in "xy")
    kind, dimensions = str(rng.choice(KINDS)), int(rng.choice([1, 2, 3, 5, 12, 26]))
    x, y = _clouds(rng, n, m, dimensions, kind)
    scale = 10.0 ** (rng.uniform(-6, 6) if rng.random() < 0.3 else 0.0)
    if rng.random() < 0.02:
        scale = 10.0 ** rng.uniform(-60, 60)
    weights = str(rng.choice(["uniform", "uniform", "uneven", "zeros", "extreme"]))
    a, b = (None if weights == "uniform" else _weights(rng, size, weights) for size in (n, m))
    epsilon = 10.0 ** rng.uniform(-9, 1) * (scale if rng.random() < 0.5 else 1.0)
    schedule = str(rng.choice(sorted(SCHEDULES)))
    options = SolveOptions(
        tolerance=float(rng.choice([1e-2, 1e-3, 1e-3, 1e-4, 1e-6, 1e-8])),
        max_iterations=int(rng.choice([1, 2, 3, 5, 10, 20, 50, 100, 1000, 5000])),
        memory_budget_mb=0.001 if rng.random() < 0.1 else 100.0,
        schedule=SCHEDULES[schedule],
    )
    cost, door = str(rng.choice(["euclidean", "sqeuclidean"])), str(rng.choice(DOORS))
    words = (
        f"seed {seed}: {door}, {n} × {m}, {dimensions} dimensions, {kind}, {weights} weights, {cost}, "
        f"scale {scale:.2g}, epsilon {epsilon:.2g}, tolerance {options.tolerance:g}, "
        f"{options.max_iterations} iterations, {schedule}"
    )
    return Case(scale * x, scale * y, a, b, epsilon, cost, options, door, words)


def _clouds(rng: np.random.Generator, n: int, m: int, dimensions: int, kind: str) -> tuple[Array, Array]:
    x, y = rng.normal(size=(n, dimensions)), rng.normal(size=(m, dimensions)) + 0.3
    if kind == "duplicates":
        return x[rng.integers(0, max(1, n // 3), n)], y[rng.integers(0, max(1, m // 3), m)]
    if kind == "identical":
        return x, x[rng.integers(0, n, m)]
    if kind == "apart":
        return x, y + 1000 / np.sqrt(dimensions)
    if kind == "one point":
        return np.zeros_like(x), np.zeros_like(y)
    if kind == "integers":
        return np.round(2 * x), np.round(2 * y)
    if kind == "grid":
        return np.tile(np.arange(n)[:, None] % 7.0, dimensions), np.tile(np.arange(m)[:, None] % 5.0, dimensions)
    if kind == "islands":
        centres = 30 * rng.normal(size=(4, dimensions))
        return x + centres[rng.integers(0, 4, n)], y + centres[rng.integers(0, 4, m)]
    return x, y


def _weights(rng: np.random.Generator, size: int, kind: str) -> Array:
    values = rng.gamma(0.5, size=size) + 1e-3
    if kind == "zeros" and size > 1:
        values[rng.integers(0, size, size // 3)] = 0.0
        values[0] = 1.0
    if kind == "extreme":
        values *= 10.0 ** rng.uniform(-12, 0, size)
    return values


def run(case: Case) -> TransportResult:
    """The case solved through its function of the engine."""
    weighted = {"a": case.a, "b": case.b, "cost": case.cost, "options": case.options}
    if case.door == "many":
        groups = [(case.x, case.y, case.a, case.b)]
        return solve_many(groups, case.epsilon, cost=case.cost, options=case.options)[0]
    if case.door == "resolve":
        return resolve(solve(case.x, case.y, 1.7 * case.epsilon, **weighted), case.epsilon, options=case.options)
    result = solve(case.x, case.y, case.epsilon, **weighted)
    if case.door == "potentials":
        return from_potentials(case.x, case.y, case.epsilon, f=result.f, g=result.g, **weighted)
    return result


def true_plan(case: Case, result: TransportResult) -> Array:
    """The plan of the returned potentials in extended precision, ``(n, m)``."""
    x, y, f, g = (np.asarray(values, dtype=np.longdouble) for values in (case.x, case.y, result.f, result.g))
    squares = ((x[:, None] - y[None]) ** 2).sum(-1)
    cost = squares if case.cost == "sqeuclidean" else np.sqrt(squares)
    mass = np.asarray(result.a, dtype=np.longdouble)[:, None] * result.b[None]
    exponents = np.where(mass > 0, (f[:, None] + g - cost) / case.epsilon, 0)
    return np.where(mass > 0, mass * np.exp(exponents), 0)


def broken(case: Case, result: TransportResult) -> dict[str, float]:
    """The promises that the result of a case does not keep, and by how much; empty if all is well."""
    found: dict[str, float] = {}
    plan = true_plan(case, result)
    error = float(np.abs(plan.sum(1) - result.a).sum() + np.abs(plan.sum(0) - result.b).sum())
    if not error <= result.marginal_error:
        found["certificate below the error"] = error - result.marginal_error
    off = abs(float(plan.sum()) - 1)
    if not (off <= MASS or off <= result.row_error):
        found["mass"] = off
    if result.iterations > case.options.max_iterations:
        found["iterations"] = result.iterations
    if result.converged and result.marginal_error > case.options.tolerance:
        found["converged above the tolerance"] = result.marginal_error
    if not (np.isfinite(result.f).all() and np.isfinite(result.g).all()):
        found["potentials not finite"] = np.nan
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    asked = parser.parse_args()
    started, ends, faults, off = time.perf_counter(), collections.Counter(), collections.Counter(), 0
    with np.errstate(all="ignore"):
        for seed in range(asked.first, asked.first + asked.count):
            case = draw(seed)
            try:
                result = run(case)
            except Exception as error:
                faults["error"] += 1
                print(f"{type(error).__name__}: {error}: {case.words}", flush=True)
                continue
            ends[f"{result.status}, {result.path}"] += 1
            off += result.row_error > MASS
            for promise, value in broken(case, result).items():
                faults[promise] += 1
                if faults[promise] <= 20:
                    print(f"{promise} ({value:.3g}, certificate {result.marginal_error:.3g}): {case.words}", flush=True)
    print(f"{asked.count:,} solves in {time.perf_counter() - started:,.0f} s")
    print("\n".join(f"  {count:7,} {end}" for end, count in ends.most_common()))
    print(f"  {off:7,} with mass known to less than {MASS:g}, as their certificate says")
    print("\n".join(f"  {count:7,} BROKEN: {promise}" for promise, count in faults.items()) or "  no promise broken")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
