"""docs/results.md from the figures that the commands have kept: ``python -m benchmarks.paper.page``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.paper import experiment2, experiment3, figures as shared, perturb_ot
from psmatch_core.base import disk

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
HEAD = """# The papers' experiments, repeated

Each table is made by one command. Its figures are kept in `benchmarks/results/` with machine, commit and seeds, and
`python -m benchmarks.paper.page` makes this page from them. Figures are medians over seeds (smallest to largest). The
text above each table says what differs from the paper. Compare the rows with each other, not with the papers'
figures, which come from other cells, sizes and (for FOSCTTM, random rows and mean trace: see [method.md](method.md))
other definitions.
"""


@dataclass(frozen=True)
class Table:
    """One table of a paper."""

    title: str
    name: str
    module: str
    metrics: Sequence[str]
    theirs: str


IMAGES_THEIRS = """Xi et al., table 1, images (median, quartiles; about 1,700 cells per label):

| | latent MSE | trace × 10⁻³ |
|---|---|---|
| PS + OT | 0.0316 (0.0300–0.0330) | 18.329 (17.068–18.987) |
| VAE + OT | 0.0324 (0.0316–0.0350) | 7.733 (7.473–7.794) |
| PS + SNN | 0.0552 (0.0530–0.0558) | 7.924 (7.569–9.504) |
| VAE + SNN | 0.0622 (0.0571–0.0676) | 3.116 (2.818–3.213) |
| SCOT | 0.0354 | 0.5964 |
| random (a permutation) | 0.0709 (0.0707–0.0714) | – |

A uniform coupling would have 0.588 × 10⁻³ and half of their random error. Compare `trace_fold` with their trace ×
1,700, which is 31 for PS + OT."""
CITE_THEIRS = """Xi et al., tables 1 and 2, CITE-seq (median, quartiles; 45 cell types, 5 × 1,024 units, 200 components
of RNA):

| | FOSCTTM | trace | R² (MSE) | R² (unbiased) |
|---|---|---|---|---|
| PS + OT | 0.3049 (0.3008–0.3078) | 0.1163 (0.1093–0.1250) | 0.217 (0.206–0.223) | 0.233 (0.207–0.250) |
| VAE + OT | 0.3953 (0.3912–0.4045) | 0.0814 (0.0777–0.8895, as printed) | 0.149 (0.118–0.172) | 0.114 (0.079–0.159) |
| PS + SNN | 0.3126 (0.3121–0.3160) | 0.0941 (0.0880–0.0989) | – | – |
| VAE + SNN | 0.3816 (0.3760–0.3822) | 0.0612 (0.0588–0.0634) | – | – |
| SCOT | 0.4596 | 0.0200 | – | – |
| GLUE + SNN | 0.4412 | 0.0362 | – | – |
| GLUE + OT | 0.5309 | 0.0323 | – | – |
| random | – | – | 0.138 (0.137–0.140) | 0.173 (0.170–0.173) |
| true pairs | – | – | 0.224 (0.223–0.226) | – |

Their FOSCTTM does not count ties and is measured in the features of modality 1; their trace averages labels without
weights."""
PERTURB_THEIRS = """Xi et al., tables 2 and 3, Perturb-seq and single-cell images (median; labels weighted by their
cells; out of distribution one unseen perturbation):

| | in: KL | in: W1 | in: L2 | out: KL | out: W1 | out: L2 |
|---|---|---|---|---|---|---|
| PS + OT | 50.967 | 4.199 | 3.280 | 43.554 | 5.394 | 7.219 |
| VAE + OT | 55.483 | 4.339 | 3.490 | 47.910 | 5.629 | 7.444 |
| random | 58.806 | 4.499 | 3.826 | 51.310 | 6.239 | 7.793 |

Cells, genes and dimensions differ, so only the order of the rows can be compared."""
TABLES = (
    Table(
        "P, table 1: images (Experiment 1)",
        "experiment1",
        "experiment1",
        ("trace", "trace_fold", "latent_mse", "latent_r2"),
        IMAGES_THEIRS,
    ),
    Table(
        "P, tables 1 and 2: CITE-seq (Experiment 2)",
        "experiment2",
        "experiment2",
        experiment2.METRICS,
        CITE_THEIRS,
    ),
    Table(
        "P, tables 2 and 3: unpaired perturbation data (Experiment 3)",
        "experiment3",
        "experiment3",
        (*experiment3.METRICS, "shift_explained", "own cells"),
        PERTURB_THEIRS,
    ),
    Table("L: Perturb-OT's comparison", "perturb_ot", "perturb_ot", perturb_ot.METRICS, ""),
)
NOT_REPRODUCED = """## What was not reproduced

- P's figures at full size (90,000 CITE-seq cells, images from its renderer, its unpublished screen of Experiment 3).
  The first needs a download (`python -m benchmarks.paper.download`) and a larger machine; the others are not
  published.
- L's screens and figures. Labeled EGW itself gives the plans of the published implementation on generated cases (a
  test).
- P's wide network (5 × 1,024) on these small sets: it takes one or two steps per epoch and stays undertrained. The
  preset `paper` offers it.
"""


def main() -> None:
    disk.write_text(PAGE, "\n".join([HEAD, *(section(each) for each in TABLES), NOT_REPRODUCED]))
    print(f"{PAGE.name} written")


def section(what: Table) -> str:
    """One table with its protocol, machine and commit."""
    module = __import__(f"benchmarks.paper.{what.module}", fromlist=["__doc__"])
    protocol = "\n".join((module.__doc__ or "").strip().splitlines()[1:]).strip()
    found = shared.read(what.name)
    if found is None:
        return f"## {what.title}\n\nNot measured yet: `python -m benchmarks.paper.{what.module}`.\n"
    parts = [f"## {what.title}\n"]
    parts += [_as_text(protocol)]
    for title, kept in _runs(found).items():
        facts = f"{kept['seeds']} seeds, commit {kept['commit']}, {kept['date']}, {kept['machine']}"
        parts += [f"{title}{facts}.\n", shared.table(pd.DataFrame(kept["rows"]), what.metrics), ""]
    return "\n".join([*parts, what.theirs, ""])


def _runs(found: dict[str, Any]) -> dict[str, Any]:
    """The figures of one size, or of several by name."""
    return {"": found} if "rows" in found else {f"{name}: ": kept for name, kept in found.items()}


def _as_text(protocol: str) -> str:
    """A module's docstring as paragraphs; its commands as code."""
    lines = [f"    {line.strip()}" if line.strip().startswith("python -m") else line for line in protocol.splitlines()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
