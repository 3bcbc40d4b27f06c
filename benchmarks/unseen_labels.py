"""What classifiers that have never seen a label say of real sets and demos, and of labels that are dealt at random.

    python -m benchmarks.unseen_labels ../shared/data

The training cells of the protocol *separate* of benchmarks.quality: no cell is in both modalities. Beside it the
geometry of the effects, which needs no classifier.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

from benchmarks.monitor import PRIVATE, simulate
from benchmarks.quality import machine
from benchmarks.quality_splits import CONTROLS, PAIRED, PANELS, Split
from psmatch_core.data.modality import Modality
from psmatch_core.monitor import effect_agreement, unseen_labels
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.inputs import read_inputs
from psmatch_core.pipeline.recipe import Recipe

DEMOS = ("screen", "images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=[*PAIRED, *PANELS])
    parser.add_argument("--demos", nargs="*", default=list(DEMOS))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--simulated", type=int, default=4, help="simulations of benchmarks.monitor per private effect")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("# " + ", ".join(f"{name} {value}" for name, value in machine().items() if name != "versions"))
    print("| data | labels | unseen labels: correlation | p | geometry: correlation | p | seconds |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for private in PRIVATE if options.simulated else ():
        for seed in range(options.simulated):
            show(f"simulated, private effect {private:g}", *simulate(private, seed)[:2], seed)
    for name in options.demos:
        recipe = demo_recipe(Recipe(), name)
        show(f"demo, {name}", *transformed(recipe, *read_inputs(recipe)), 0)
    for name in options.sets:
        for control in ("", CONTROLS[0]):
            for seed in range(options.seeds):
                source, target = Split(options.data / name, seed, "separate", control).modalities()[0]
                words = f"{name}, labels dealt" if control else name
                show(words, *transformed(Recipe(seed=seed), source, target), seed)


def transformed(recipe: Recipe, source: Modality, target: Modality) -> tuple[Modality, Modality]:
    """Features as classifiers see them."""
    first = recipe.source_preprocessing.fit(source, seed=recipe.seed).transform(source)
    return first, recipe.target_preprocessing.fit(target, seed=recipe.seed).transform(target)


def show(name: str, source: Modality, target: Modality, seed: int) -> None:
    """Print one row."""
    started = time.process_time()
    unseen = unseen_labels(source, target, seed=seed)
    seconds = time.process_time() - started
    geometry = effect_agreement(source, target, seed=seed).geometry
    print(
        f"| {name} | {unseen.n_labels} | {unseen.agreement.value:.2f} | {unseen.agreement.p_value:.2g} "
        f"| {geometry.value:.2f} | {geometry.p_value:.2g} | {seconds:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
