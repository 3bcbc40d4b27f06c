"""The whole command, from two h5ad files to pairs: ``python -m benchmarks.end_to_end [--cells 10000] [--labels 100]``.

Draws a screen with signal (sparse counts of 2,000 genes against 100 proteins, both from the same hidden state of a
cell), runs ``psmatch match`` with the recommended recipe, monitor included, and prints wall time, processor time and
peak memory of its processes (proportional set size, Linux), for the whole and by step. Processor time and memory do not
depend on what else the machine does; wall time does. ``--tiny`` measures 60 + 60 cells and 20 features instead.
``--keep`` writes the figures to ``benchmarks/results/end_to_end.json``; ``--plot`` measures nothing, draws all that are
kept there (``docs/images/growth.svg``) and prints their table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.needs import memory_of
from psmatch_core.base import disk

GENES, PROTEINS, HIDDEN = 2000, 100, 12
ROWS_AT_ONCE = 5000
ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "end_to_end.json"
PICTURE = ROOT / "docs" / "images" / "growth.svg"
WHOLE = "whole"
LOOK_SECONDS = 0.25
Figures = dict[str, dict[str, dict[str, float]]]  # by the number of cells and the step
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Step:
    """What one step used: seconds, processor seconds, and the largest memory seen in it [bytes]."""

    seconds: float = 0.0
    processor: float = 0.0
    peak: float = 0.0


@dataclass
class Usage:
    """The steps of a run in the order in which they were seen."""

    steps: dict[str, Step] = field(default_factory=dict)

    def add(self, step: str, seconds: float, processor: float, memory: float) -> None:
        each = self.steps.setdefault(step, Step())
        each.seconds += seconds
        each.processor += processor
        each.peak = max(each.peak, memory)

    @property
    def with_whole(self) -> dict[str, Step]:
        """The steps, and the whole run as the last of them."""
        whole = Step(
            sum(each.seconds for each in self.steps.values()),
            sum(each.processor for each in self.steps.values()),
            max((each.peak for each in self.steps.values()), default=0.0),
        )
        return {**self.steps, WHOLE: whole}

    def table(self) -> Iterator[str]:
        """One line for each step, and one for the whole."""
        yield f"{'step':<16}{'wall s':>9}{'CPU s':>9}{'peak GB':>9}"
        for name, each in self.with_whole.items():
            yield f"{name:<16}{each.seconds:>9.1f}{each.processor:>9.1f}{each.peak / 1e9:>9.2f}"


def main() -> None:
    """Draw the screen, run the command on it, and print what it used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000, help="cells a side")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--tiny", action="store_true", help="60 + 60 cells, 20 features a side, three labels")
    parser.add_argument("--folder", type=Path, help="keep the files and the run here")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of a table")
    parser.add_argument("rest", nargs="*", help="more words for `psmatch match`, after --")
    parser.add_argument("--keep", action="store_true", help="keep the figures for the plot")
    parser.add_argument("--plot", action="store_true", help="draw and print the figures that were kept")
    options = parser.parse_args()
    if options.plot:
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
        draw(kept)
        print(growth_table(kept))
        return
    shape = (60, 3, 20, 20) if options.tiny else (options.cells, options.labels, GENES, PROTEINS)
    with tempfile.TemporaryDirectory(prefix="psmatch-end-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "target.h5ad").exists():
            write_screen(folder, *shape)
        usage = measured(folder, options.rest)
        if options.keep:
            keep(usage, shape[0])
        if options.json:
            print(json.dumps({name: vars(each) for name, each in usage.steps.items()}))
        else:
            print(f"{shape[0]:,} + {shape[0]:,} cells, {shape[1]} labels", *usage.table(), sep="\n")


def measured(folder: Path, rest: list[str]) -> Usage:
    """What ``psmatch match`` on the two files uses, by step."""
    out = folder / "run"
    command = [sys.executable, "-m", "psmatch_core", "match", str(folder / "source.h5ad"), str(folder / "target.h5ad")]
    command += ["--label", "label", "--out", str(out), "--force", "--quiet", *rest]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # an installed package has its bytecode beside it
    usage, processor, at = Usage(), 0.0, time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    while process.poll() is None:
        time.sleep(LOOK_SECONDS)
        spent, now = max(processor, processor_of(process.pid)), time.perf_counter()
        usage.add(latest_step(out), now - at, spent - processor, memory_of(process.pid))
        processor, at = spent, now
    if process.returncode or not (out / "exports" / "pairs.parquet").exists():
        raise SystemExit(f"psmatch match ended with {process.returncode} and without pairs")
    return usage


def keep(usage: Usage, n_cells: int) -> None:
    """Write the figures of a run beside those of other sizes."""
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept[str(n_cells)] = {name: vars(each) for name, each in usage.with_whole.items()}
    disk.write_json(RESULTS, dict(sorted(kept.items(), key=lambda each: int(each[0]))))


def growth_table(kept: Figures) -> str:
    """Processor seconds and peak memory of each step by the number of cells, as Markdown."""
    lines = ["| step | " + " | ".join(f"{int(n):,} + {int(n):,}" for n in kept) + " |", "|---|" + "---|" * len(kept)]
    for step in _steps(kept):
        found = [each.get(step) for each in kept.values()]
        cells = [f"{each['processor']:,.0f} s, {each['peak'] / 1e9:.1f} GB" if each else "–" for each in found]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(kept: Figures) -> None:
    """Processor seconds and peak memory by the number of cells, log-log, with a line of proportional growth."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    sizes = np.array([int(n) for n in kept])
    for axis, value, title, unit in (
        (axes[0], "processor", "processor time [s]", 1.0),
        (axes[1], "peak", "peak memory [GB]", 1e9),
    ):
        for number, step in enumerate(_steps(kept)):
            points = [(int(n), each[step][value] / unit) for n, each in kept.items() if each.get(step, {}).get(value)]
            is_whole = step == WHOLE
            axis.plot(
                *zip(*points, strict=True),
                marker="o",
                markersize=4,
                linewidth=3 if is_whole else 1.2,
                color="black" if is_whole else f"C{number % 10}",
                label=step,
            )
        first = next(iter(kept.values()))[WHOLE][value] / unit
        axis.plot(sizes, first * sizes / sizes[0], "--", color="grey", linewidth=1, label="proportional to cells")
        axis.set(xscale="log", yscale="log", xlabel="cells a side", title=title)
        axis.set_xticks(sizes, [f"{n:,}" for n in sizes])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.savefig(PICTURE)


def _steps(kept: Figures) -> list[str]:
    """All steps that any size took, in the order of the size with most steps; the whole is the last."""
    found = dict.fromkeys(
        step for each in sorted(kept.values(), key=len, reverse=True) for step in each if step != WHOLE
    )
    return [*found, WHOLE]


def latest_step(run: Path) -> str:
    """The kind of the stage that reported last, such as ``propensity``."""
    try:
        with open(run / "events.jsonl", "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 4096))
            line = stream.read().splitlines()[-1]
        return str(json.loads(line)["stage"]).partition(":")[0]
    except (OSError, IndexError, ValueError):
        return "start"


def processor_of(pid: int) -> float:
    """Processor time of a process, of those that it started and of those that ended [s] (Linux)."""
    total, waiting = 0.0, [pid]
    while waiting:
        at = waiting.pop()
        try:
            for thread in os.listdir(f"/proc/{at}/task"):
                waiting += map(int, Path(f"/proc/{at}/task/{thread}/children").read_text().split())
            words = Path(f"/proc/{at}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, words[11:15])) / TICKS
        except OSError:  # ended in the meantime
            continue
    return total


def write_screen(folder: Path, n_cells: int, n_labels: int, n_genes: int, n_proteins: int) -> None:
    """Two files of one screen: a label moves the hidden state, from which both modalities are drawn."""
    import pandas as pd
    from anndata import AnnData
    from scipy import sparse

    draw = np.random.default_rng(0)
    means = draw.normal(scale=0.9, size=(n_labels, HIDDEN))
    shares = draw.dirichlet(np.full(n_labels, 8.0))
    for side, width in (("source", n_genes), ("target", n_proteins)):
        labels = np.concatenate([np.arange(n_labels), draw.choice(n_labels, n_cells - n_labels, p=shares)])
        effect = draw.normal(scale=0.45, size=(HIDDEN, width)) * (draw.random((HIDDEN, width)) < 0.3)
        depth = draw.normal(-2.4 if width > 1000 else 1.0, 1.0, size=width)
        parts = []
        for start in range(0, n_cells, ROWS_AT_ONCE):
            mine = labels[start : start + ROWS_AT_ONCE]
            hidden = means[mine] + draw.normal(scale=0.7, size=(mine.size, HIDDEN))
            rates = np.exp(hidden @ effect + depth)
            counts = draw.poisson(np.minimum(rates, 1e4)).astype(np.float32)
            parts.append(sparse.csr_matrix(counts) if side == "source" else np.log1p(counts))
        X = sparse.vstack(parts, format="csr") if side == "source" else np.concatenate(parts)
        obs = pd.DataFrame({"label": [f"KO{each}" for each in labels]}, index=[f"{side}_{i:x}" for i in range(n_cells)])
        var = pd.DataFrame(index=[f"{side}_feature_{i}" for i in range(width)])
        AnnData(X, obs=obs, var=var).write_h5ad(folder / f"{side}.h5ad")


if __name__ == "__main__":
    main()
