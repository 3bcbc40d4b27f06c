"""Other libraries on the same problem with the same stopping rule: an L1 error of both marginals within the tolerance.

POT runs in warm-started slices of iterations; after each slice the error is computed with the clock stopped. If a run
would take longer than allowed, its time is projected from the seconds per iteration and marked. OTT-JAX needs an
environment of its own; pass its Python executable with ``--ott``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SLICE = 50


@dataclass(frozen=True)
class Measured:
    """CPU seconds to the tolerance (``projected`` if the run was stopped early) and the rise of peak memory."""

    name: str
    seconds: float
    iterations: int
    error: float
    projected: bool = False
    megabytes: float = float("nan")


def l1_error(x: Any, y: Any, f: Any, g: Any, epsilon: float) -> float:
    """L1 error of the plan ``exp((f + g − C) / epsilon) / nm``, in chunks, float64."""
    from scipy.spatial.distance import cdist

    n, m = len(x), len(y)
    columns, rows = np.zeros(m), 0.0
    for start in range(0, n, 500):
        plan = np.exp((f[start : start + 500, None] + g - cdist(x[start : start + 500], y)) / epsilon) / n / m
        rows += np.abs(plan.sum(1) - 1 / n).sum()
        columns += plan.sum(0)
    return float(rows + np.abs(columns - 1 / m).sum())


def pot_sinkhorn(
    x: Any, y: Any, epsilon: float, tolerance: float, allowed: float, backend: str, needed: int | None = None
) -> Measured:
    """``ot.sinkhorn(method="sinkhorn_log")`` on numpy (float64) or torch (float32), cost matrix included."""
    import ot
    import torch

    kind = np.float64 if backend == "numpy" else np.float32
    began = time.process_time()
    cost = ot.dist(x.astype(kind), y.astype(kind), metric="euclidean")
    n, m = cost.shape
    a, b = np.full(n, 1 / n, kind), np.full(m, 1 / m, kind)
    if backend == "torch":
        cost, a, b = (torch.from_numpy(array) for array in (cost, a, b))
    spent = time.process_time() - began
    warm: Any = None
    iterations, error = 0, np.inf
    while error > tolerance:
        size = SLICE if spent / max(iterations, 1) * SLICE < allowed / 4 else 2
        began = time.process_time()
        _, log = ot.sinkhorn(
            a, b, cost, epsilon, method="sinkhorn_log", numItermax=size, stopThr=0, log=True, warn=False,
            warmstart=warm,
        )  # fmt: skip
        spent += time.process_time() - began
        iterations += size
        warm = log["log_u"], log["log_v"]
        if spent > allowed:
            total = needed or 500
            return Measured(f"POT sinkhorn_log {backend}", spent / iterations * total, total, np.nan, projected=True)
        f, g = (epsilon * np.asarray(value, dtype=np.float64) for value in warm)
        error = l1_error(x, y, f + epsilon * np.log(n), g + epsilon * np.log(m), epsilon)
    return Measured(f"POT sinkhorn_log {backend}", spent, iterations, error)


def pot_lazy(x: Any, y: Any, epsilon: float, needed: int) -> Measured:
    """``ot.solve_sample(lazy=True)``: a few iterations, projected to the number that ``sinkhorn_log`` needs."""
    import ot

    began = time.process_time()
    ot.solve_sample(x, y, metric="euclidean", reg=epsilon, lazy=True, max_iter=3, tol=0, batch_size=1000)
    return Measured("POT solve_sample lazy", (time.process_time() - began) / 3 * needed, needed, np.nan, projected=True)


def pot_batch(groups: list[tuple[Any, Any]], epsilon: float, iterations: int) -> Measured:
    """``ot.batch.solve_sample_batch`` on 40 of the groups, projected to all of them."""
    import torch
    from ot.batch import solve_sample_batch

    some = groups[:40]
    xs, ys = (torch.from_numpy(np.stack([group[side] for group in some])) for side in (0, 1))
    began = time.process_time()
    solve_sample_batch(xs, ys, reg=epsilon, metric="euclidean", max_iter=iterations, tol=1e-5)
    spent = (time.process_time() - began) / len(some) * len(groups)
    return Measured("POT ot.batch", spent, iterations, np.nan, projected=True)


def pot_emd(x: Any, y: Any) -> tuple[Measured, float]:
    """``ot.emd`` on a stored cost matrix, and the cost it finds."""
    import ot

    began = time.process_time()
    cost = ot.dist(x.astype(np.float64), y.astype(np.float64), metric="euclidean")
    value = float(ot.emd2([], [], cost, numItermax=10**8))
    return Measured("POT emd", time.process_time() - began, 0, 0.0), value


def ott(python: str, x: Any, y: Any, epsilon: float, tolerance: float) -> list[Measured]:
    """OTT-JAX, stored, online and with Anderson acceleration, in its own environment, without compilation."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "points.npz")
        np.savez(path, x=x, y=y)
        for kind in ("stored", "anderson", *(("online",) if len(x) <= 2000 else ())):
            command = [python, __file__, "--worker", path, str(epsilon), str(tolerance), kind]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"  OTT {kind} failed: {done.stderr.strip().splitlines()[-1:]}")
                continue
            answer = json.loads(done.stdout.splitlines()[-1])
            error = l1_error(x, y, np.array(answer["f"]), np.array(answer["g"]), epsilon)
            name, megabytes = f"OTT-JAX {kind}", answer["megabytes"]
            found.append(Measured(name, answer["seconds"], answer["iterations"], error, megabytes=megabytes))
    return found


def _ott_worker(path: str, epsilon: float, tolerance: float, kind: str) -> None:
    import jax

    jax.config.update("jax_platforms", "cpu")
    import jax.numpy as jnp
    from ott.geometry import costs, pointcloud
    from ott.problems.linear import linear_problem
    from ott.solvers.linear import acceleration, sinkhorn

    points = np.load(path)
    options: dict[str, Any] = {"threshold": tolerance, "max_iterations": 5000, "lse_mode": True}
    if kind == "anderson":
        options["anderson"] = acceleration.AndersonAcceleration(memory=5, refresh_every=1)

    def solve(x: Any, y: Any) -> Any:
        batch = 1000 if kind == "online" else None
        geometry = pointcloud.PointCloud(x, y, cost_fn=costs.Euclidean(), epsilon=epsilon, batch_size=batch)
        out = sinkhorn.Sinkhorn(**options)(linear_problem.LinearProblem(geometry))
        return out.f, out.g, out.n_iters

    x, y = jnp.asarray(points["x"]), jnp.asarray(points["y"])
    ready = jax.jit(solve).lower(x, y).compile()
    before = _status("VmRSS")
    began = time.process_time()
    f, g, iterations = jax.block_until_ready(ready(x, y))
    seconds = time.process_time() - began
    rise = _status("VmHWM") - before
    # OTT's plan is exp((f + g − C) / epsilon) without the weights
    n, m = len(x), len(y)
    shift = epsilon * np.log(n), epsilon * np.log(m)
    f, g = np.asarray(f, np.float64) + shift[0], np.asarray(g, np.float64) + shift[1]
    answer = {"seconds": seconds, "megabytes": rise, "iterations": int(iterations), "f": f.tolist(), "g": g.tolist()}
    print(json.dumps(answer))


def _status(key: str) -> float:
    """A line of /proc/self/status, megabytes; NaN if the kernel does not have it."""
    file = Path("/proc/self/status")
    lines = file.read_text().splitlines() if file.exists() else [f"{key} nan"]
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(key))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", nargs=4, required=True)
    given = parser.parse_args().worker
    _ott_worker(given[0], float(given[1]), float(given[2]), given[3])
