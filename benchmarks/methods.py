"""Every method at its defaults, on the first demo and on one real set: does it match, and better than a uniform plan?

    python -m benchmarks.methods ../shared/data

Both classifiers are those of the default recipe and have seen the judged cells, so that FOSCTTM is smaller than for
populations that share no cell: compare methods with each other, and all of them with the uniform plan.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

from benchmarks.quality import machine
from benchmarks.quality_splits import split
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.inputs import prepare_inputs, read_inputs
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.score_modalities import score_modalities

REAL = "bmmc_cite"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("# " + ", ".join(f"{name} {value}" for name, value in machine().items()))
    demo = demo_recipe(Recipe(), "screen")
    show("screen demo", scored(demo, *read_inputs(demo)))
    show(REAL, scored(Recipe(), *split(options.data / REAL, 0)))


def scored(recipe: Recipe, source: Modality, target: Modality) -> tuple[ScoredModality, ScoredModality]:
    prepared = prepare_inputs(recipe.labels, source, target, pairs=recipe.judging.pairs)
    return score_modalities(recipe, prepared.source, prepared.target).models


def show(name: str, models: tuple[ScoredModality, ScoredModality]) -> None:
    """Print one row for each method."""
    print(f"\n| {name} | effective matches of candidates | FOSCTTM | rank | labels that need attention | seconds |")
    print("|---|---|---|---|---|---|")
    for kind, title in Matcher.menu().items():
        started = time.perf_counter()
        try:
            coupling = match(*models, kind(), seed=0)
        except PsmatchError as error:
            print(f"| {title} | {error.problem} | | | | |", flush=True)
            continue
        seconds = time.perf_counter() - started
        spread, found = effective_in_run(coupling), evaluate(coupling).micro
        attention = sum(each.outcome.needs_attention for each in coupling.statuses)
        print(
            f"| {title} | {spread.matches:.1f} of {spread.candidates:.0f} | {found['foscttm']:.3f} | "
            f"{found['rank']:.3f} | {attention} | {seconds:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
