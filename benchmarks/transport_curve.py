"""Time and memory of the engine and its peers against the number of cells: the README's section on performance.

    OMP_NUM_THREADS=1 python -m benchmarks.transport_curve --ott /path/to/python/with/ott-jax

Writes docs/images/transport.png, benchmarks/results/transport_curve.json and the table between the marks in README.md.
Reports CPU seconds to an L1 error of both marginals of 1e-3, without compilation, and the rise of the peak memory of
the process, which is a fresh one for the engine. The time of a slow peer is projected from its seconds per iteration
and marked.
"""

from __future__ import annotations

import argparse
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import transport_peers as peers
from benchmarks.transport import OPTIONS, TOLERANCE, peak_megabytes, timed
from benchmarks.transport_data import simulated
from psmatch_core.base import disk
from psmatch_core.exports.provenance import versions
from psmatch_core.transport import mean_cost, solve

ROOT = Path(__file__).parents[1]
SIZES = (500, 1000, 2000, 5000, 10_000)
SMALLEST_MB = 1.0  # a smaller rise came from memory that the process already had, and means nothing
LARGEST_POT = 2000  # larger runs take gigabytes, and their time would be projected
ALLOWED = 20.0
BEGIN, END = "<!-- transport: begin -->", "<!-- transport: end -->"
OURS = "psmatch"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ott", default=None, help="Python executable of an environment with ott-jax")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for n in SIZES:
        x, y = simulated(n)
        for unit, epsilon in (("absolute", 0.05), ("× mean cost", 0.05 * mean_cost(x, y))):
            for name, seconds, megabytes, projected in measured(x, y, epsilon, n, options.ott):
                rows.append(
                    {
                        "n": n,
                        "epsilon": unit,
                        "solver": name,
                        "seconds": seconds,
                        "mb": megabytes,
                        "projected": projected,
                    }
                )
                print(rows[-1], flush=True)
    facts = {"machine": f"{cpu()}, one thread", "tolerance": TOLERANCE, "versions": versions()}
    disk.write_json(ROOT / "benchmarks" / "results" / "transport_curve.json", {**facts, "rows": rows})
    draw(rows)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = f"{BEGIN}\n{table(rows)}\n\nMeasured on {facts['machine']}, Python {platform.python_version()}.\n{END}"
    disk.write_text(ROOT / "README.md", re.sub(f"{BEGIN}.*{END}", lambda _: section, readme, flags=re.S))


def measured(x: Any, y: Any, epsilon: float, n: int, ott: str | None) -> list[tuple[str, float, float, bool]]:
    """(solver, CPU seconds, peak megabytes, projected) of the engine, and of each peer up to its largest size."""
    found: list[tuple[str, float, float, bool]] = []

    def ours() -> Any:
        return solve(x, y, epsilon, options=OPTIONS)

    ours()
    _, seconds, _ = timed(ours, 5 if n < 5000 else 2)
    found.append((OURS, seconds, fresh_peak(n, epsilon), False))
    if n <= LARGEST_POT:
        for backend in ("numpy", "torch"):
            run: Callable[[], peers.Measured] = lambda backend=backend: peers.pot_sinkhorn(  # noqa: E731
                x, y, epsilon, TOLERANCE, ALLOWED, backend
            )
            peer, peak = peak_megabytes(run)
            found.append((peer.name, peer.seconds, peak, peer.projected))
    if ott:
        found += [
            (peer.name, peer.seconds, peer.megabytes, peer.projected)
            for peer in peers.ott(ott, x, y, epsilon, TOLERANCE)
        ]
    return [entry for entry in found if entry[1] == entry[1]]


def fresh_peak(n: int, epsilon: float) -> float:
    """Rise of peak memory [MB] of one solve in a fresh process; a used one would reuse memory that it freed before."""
    code = (
        "from benchmarks.transport import peak_megabytes; from benchmarks.transport_data import simulated;"
        "from psmatch_core.transport import solve;"
        f"x, y = simulated({n}); solve(x[:200], y[:200], {epsilon}); solve(x[:1500], y[:1500], {epsilon});"
        f"print(peak_megabytes(lambda: solve(x, y, {epsilon}))[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def table(rows: list[dict[str, Any]]) -> str:
    """Seconds by solver and n, for both epsilons."""
    lines = [f"| ε 0.05 | solver | {' | '.join(f'n = {n:,}' for n in SIZES)} |", "|---|---|" + "---|" * len(SIZES)]
    for unit in ("absolute", "× mean cost"):
        mine = [row for row in rows if row["epsilon"] == unit]
        for solver in dict.fromkeys(row["solver"] for row in mine):
            by_n = {row["n"]: row for row in mine if row["solver"] == solver}
            cells = [
                f"{by_n[n]['seconds']:.3g} s{'*' if by_n[n]['projected'] else ''}" if n in by_n else "" for n in SIZES
            ]
            lines.append(f"| {unit} | {solver} | {' | '.join(cells)} |")
            if any(row["mb"] >= SMALLEST_MB for row in by_n.values()):
                figures = [
                    f"{by_n[n]['mb']:,.0f} MB" if n in by_n and by_n[n]["mb"] >= SMALLEST_MB else "–" for n in SIZES
                ]
                lines.append(f"| {unit} | {solver}, memory | {' | '.join(figures)} |")
    return "\n".join(
        [
            *lines,
            "",
            "(* extrapolated. Memory is the rise of the process's peak, so a lower bound; – means that no new memory "
            "was needed.)",
        ]
    )


def draw(rows: list[dict[str, Any]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    solvers = list(dict.fromkeys(row["solver"] for row in rows))
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.8), constrained_layout=True)
    panels = (
        ("absolute", "seconds", "CPU seconds, ε = 0.05"),
        ("× mean cost", "seconds", "CPU seconds, ε = 0.05 × mean cost"),
    )
    for axis, (unit, value, title) in zip(
        axes, (*panels, ("absolute", "mb", "peak memory [MB], ε = 0.05")), strict=True
    ):
        least = SMALLEST_MB if value == "mb" else 0.0
        mine = [row for row in rows if row["epsilon"] == unit and row[value] == row[value] and row[value] > least]
        for solver in [each for each in solvers if any(row["solver"] == each for row in mine)]:
            points = [(row["n"], row[value]) for row in mine if row["solver"] == solver]
            axis.plot(
                *zip(*points, strict=True),
                marker="o",
                linewidth=3 if solver == OURS else 1.2,
                label=solver,
                color=f"C{solvers.index(solver)}",
            )
        axis.set(xscale="log", yscale="log", xlabel="cells a side", title=title)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7)
    figure.savefig(ROOT / "docs" / "images" / "transport.png", dpi=110)


def cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
