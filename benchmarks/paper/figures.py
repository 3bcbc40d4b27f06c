"""What the remade tables share: recipes as rows, stages made once a seed, figures kept with what made them."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from benchmarks.quality import machine
from psmatch_core.base import disk
from psmatch_core.classification.baselines import JointVAE
from psmatch_core.classification.classifiers import MLPClassifier
from psmatch_core.data.labels.label_rules import LabelRules
from psmatch_core.matching.matchers import (
    GromovMatcher,
    KnownPairsMatcher,
    NeighborMatcher,
    RandomMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.pipeline.recipe import Recipe

Result = TypeVar("Result")
RESULTS = Path(__file__).parents[1] / "results"
DATA = Path(__file__).parents[3] / "shared" / "data"
RAW = SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False, max_iterations=1000)  # P's settings
RAW_NEIGHBOURS = NeighborMatcher(n_neighbors=1, normalize=True, align=False)  # the released code's
NETWORK = MLPClassifier()  # one small network: P's 5 × 1,024 units see one or two steps an epoch on sets this small


@dataclass(frozen=True)
class Row:
    """A row of a table: a name and the recipe that makes it."""

    name: str
    recipe: Recipe


PAPER_ROWS = (
    Row("PS + OT", Recipe(classifier=NETWORK, matcher=RAW)),
    Row("VAE + OT", Recipe(space=JointVAE(network=NETWORK), classifier=NETWORK, matcher=RAW)),
    Row("PS + SNN", Recipe(classifier=NETWORK, matcher=RAW_NEIGHBOURS)),
    Row("VAE + SNN", Recipe(space=JointVAE(network=NETWORK), classifier=NETWORK, matcher=RAW_NEIGHBOURS)),
    Row("SCOT (GW per label)", Recipe(classifier=NETWORK, matcher=GromovMatcher())),
    Row("random", Recipe(classifier=NETWORK, matcher=RandomMatcher())),
    Row("uniform", Recipe(classifier=NETWORK, matcher=UniformMatcher())),
    Row("our default", Recipe()),
    Row("true pairs", Recipe(classifier=NETWORK, matcher=KnownPairsMatcher())),
)


@dataclass
class Memory:
    """The stages of one seed, in memory: a stage that two rows share is computed once."""

    stages: dict[tuple[str, str], Any] = field(default_factory=dict)

    def load_or_make(self, name: str, key: str, load: Callable[[Path], Result], make: Callable[[], Result]) -> Result:
        if (name, key) not in self.stages:
            self.stages[name, key] = make()
        return self.stages[name, key]

    def finished(self, stage: str, result: object) -> None:
        """Nothing is written."""


def parser(doc: str, *, seeds: int = 5) -> argparse.ArgumentParser:
    """The options that every table has."""
    made = argparse.ArgumentParser(description=doc.splitlines()[0])
    made.add_argument("--data", type=Path, default=DATA, help="the folder of real data sets")
    made.add_argument("--seeds", type=int, default=seeds)
    made.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains one of these")
    return made


def wanted(rows: Sequence[Row], parts: Sequence[str]) -> list[Row]:
    return [row for row in rows if not parts or any(part in row.name for part in parts)]


def seeded(recipe: Recipe, seed: int) -> Recipe:
    """A row's recipe for one seed; labels with two cells in a modality are left out, since SCOT needs three."""
    return replace(recipe, seed=seed, labels=LabelRules(minimum_cells=3))


def kept(name: str, figures: list[dict[str, object]], **facts: object) -> None:
    """Write the figures of a table, with machine, commit and date."""
    disk.write_json(RESULTS / f"{name}.json", {**machine(), **facts, "rows": figures})


def read(name: str) -> dict[str, Any] | None:
    """The figures of a table; None if it was not made."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def table(figures: pd.DataFrame, metrics: Sequence[str], *, by: str = "row") -> str:
    """Medians over seeds with their range, rows in their order."""
    lines = [f"| {by} | {' | '.join(metrics)} |", "|---|" + "---|" * len(metrics)]
    for name in figures[by].unique():
        mine = figures[figures[by] == name]
        lines.append(f"| {name} | " + " | ".join(spread(mine[metric]) for metric in metrics) + " |")
    return "\n".join(lines)


def spread(values: pd.Series) -> str:
    """Median (smallest to largest); a dash if nothing was measured."""
    there = np.asarray(values, dtype=float)
    there = there[~np.isnan(there)]
    if not there.size:
        return "–"
    return f"{np.median(there):.3f} ({there.min():.3f}–{there.max():.3f})"


@dataclass
class Clock:
    """Prints how long each row took, so that the screen is never silent."""

    started: float = field(default_factory=time.perf_counter)

    def say(self, *what: object) -> None:
        print(f"# {time.perf_counter() - self.started:6.0f} s", *what, flush=True)
