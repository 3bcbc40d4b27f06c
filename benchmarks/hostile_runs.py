"""Small runs with hostile data and settings: does a wrong result ever come out without a word?

    python -m benchmarks.hostile_runs 10000
    python -m benchmarks.hostile_runs 300 --first 5000

Every setting is drawn from its declared range, its ends included, some of them together; the data have ties, constant
or huge features, few cells, skewed labels. A run may end in a refusal. A result is looked at here without the program's
own checks: plans are finite, not negative and within labels; a cell or label that is not flagged has a match and the
mass it should have; pairs are of one label, with weights from 0 to 1. Anything else that is raised is an escape too.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
from anndata import AnnData

from psmatch_core.base.config import Option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.settings import settings_table
from psmatch_core.data.modality import Modality
from psmatch_core.exports.pairs import choose_pairs
from psmatch_core.exports.post_conditions import check_exports
from psmatch_core.matching.matchers import Matcher
from psmatch_core.monitor import Monitoring
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import Run, run

MASS = 1e-6
COSTLY = ("n_shuffles", "null_cells", "n_bootstrap", "space", "translator", "matcher", "classifier", "source", "target")
LARGEST = 60  # of a whole number without a smaller maximum: a run must stay small
CHANGED = (0, 1, 2, 3, 8)  # settings that are drawn together


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    endings: collections.Counter[str] = collections.Counter()
    started = time.perf_counter()
    for seed in range(options.first, options.first + options.count):
        ending, problem = outcome(seed)
        endings[ending] += 1
        if ending == "escaped":
            print(f"seed {seed}: {problem}", flush=True)
    seconds = time.perf_counter() - started
    words = ", ".join(f"{n:,} {ending}" for ending, n in endings.most_common())
    print(f"{options.count:,} runs in {seconds:.0f} s: {words}.")
    sys.exit(endings["escaped"] > 0)


def outcome(seed: int) -> tuple[str, str]:
    """How the run of a seed ended, ``finished``, ``flagged``, ``refused`` or ``escaped``, and what was wrong."""
    rng = np.random.default_rng(seed)
    try:
        recipe = draw_recipe(rng)
        found = run(recipe, *(draw_modality(rng, name) for name in ("one", "two")))
        pairs = choose_pairs(found.coupling, recipe.exports, seed=recipe.seed)
        check_exports(found, pairs)
    except PsmatchError as error:
        return ("escaped", str(error)) if error.code == "PM-R01" else ("refused", str(error))
    except Exception as error:  # whatever it is, a user would see a failure without a reason
        return "escaped", f"{type(error).__name__}: {error}"
    wrong = wrong_in(found, pairs)
    if wrong:
        return "escaped", wrong
    return ("flagged" if any(each.outcome.needs_attention for each in found.coupling.statuses) else "finished"), ""


def draw_recipe(rng: np.random.Generator) -> Recipe:
    """A recipe with some settings at the ends of their ranges, and a quick classifier."""
    kinds = list(Matcher.menu())
    recipe = Recipe(
        classifier=LinearClassifier(),
        matcher=kinds[int(rng.integers(len(kinds)))](),
        monitoring=Monitoring(stability=bool(rng.random() < 0.05)),
        seed=int(rng.integers(100)),
    )
    rows = [row for row in settings_table(recipe) if row[0].split(".")[-1] not in COSTLY]
    near = [row for row in rows if row[0].startswith(("matcher.", "scoring.", "exports.", "classifier."))]
    for _ in range(int(rng.choice(CHANGED))):
        name, value, declared = near[int(rng.integers(len(near)))] if rng.random() < 0.8 else rows[
            int(rng.integers(len(rows)))
        ]  # fmt: skip
        drawn = hostile(value, declared, rng)
        if drawn is not None:
            recipe = recipe.with_setting(name, drawn)
    return recipe


def hostile(value: Any, declared: Option, rng: np.random.Generator) -> Any:
    """A value that the declaration allows, often at one of its ends; None if there is nothing to draw."""
    if declared.choices:
        return declared.choices[int(rng.integers(len(declared.choices)))]
    if isinstance(value, bool):
        return bool(rng.random() < 0.5)
    if not isinstance(value, int | float):
        return None
    low = declared.above if declared.above is not None else declared.minimum
    high = declared.maximum if declared.maximum is not None else 1e12
    if isinstance(value, int):
        ends = [int(low or 0), int(low or 0) + 1, value, min(int(high), LARGEST)]
        return int(rng.choice(ends))
    tiny = (low or 0.0) + 1e-12 if declared.above is not None else (low or 0.0)
    return float(
        rng.choice([tiny, value * 1e-6, value * 10.0 ** rng.uniform(-4, 4), min(value * 1e9, high)]).clip(tiny, high)
    )


def draw_modality(rng: np.random.Generator, name: str) -> Modality:
    """A small modality with one or more of the faults that real ones have."""
    n, d = int(rng.integers(4, 50)), int(rng.integers(2, 16))
    n_labels = int(rng.integers(2, 7))
    skew = rng.dirichlet(np.full(n_labels, 10.0 ** rng.uniform(-1, 1)))
    y = rng.choice(n_labels, size=n, p=skew)
    X = rng.normal(size=(n, d)) + rng.normal(size=(n_labels, d))[y] * rng.choice([0.0, 1.0, 5.0])
    fault = rng.choice(["none", "ties", "constant", "huge", "tiny", "counts", "one cell apart"])
    if fault == "ties":
        X = X[rng.integers(0, max(2, n // 4), size=n)]
    elif fault == "constant":
        X[:, 0] = 3.0
    elif fault in ("huge", "tiny"):
        X = X * 10.0 ** (12 if fault == "huge" else -12)
    elif fault == "counts":
        X = rng.poisson(np.exp(X / 2)).astype(float)
    elif fault == "one cell apart":
        X[0] = 1e6
    names = [f"{name}_{rng.integers(10**9)}_{cell}" for cell in range(n)]
    obs = pd.DataFrame({"label": [f"L{label}" for label in y]}, index=names)
    var = pd.DataFrame(index=[f"{name} f{feature}" for feature in range(d)])
    return Modality.from_anndata(AnnData(X.astype(np.float32), obs=obs, var=var), label_key="label", name=name)


def wrong_in(found: Run, pairs: pd.DataFrame) -> str:
    """What is wrong with a result that nobody was told; empty if nothing is."""
    coupling = found.coupling
    flagged = {each.label: each.outcome.needs_attention for each in coupling.statuses}
    for label, block in coupling.blocks.items():
        plan = block.rows(0, block.shape[0])
        if not np.isfinite(plan).all() or (plan < 0).any():
            return f"{label}: the plan is not finite or negative"
        if flagged[label]:
            continue
        if abs(plan.sum() - 1) > MASS:
            return f"{label}: a mass of {plan.sum():.8f} is not flagged"
        if (plan.sum(axis=1) <= 0).any():
            return f"{label}: a cell without a match is not flagged"
    labels = pd.Series(found.target.labels, index=found.target.obs_names)
    if len(pairs) and not (labels[pairs["target_cell"]].to_numpy() == pairs["label"].to_numpy()).all():
        return "a pair joins two labels"
    weights = pairs["weight"].to_numpy(dtype=float)
    if not (np.isfinite(weights) & (weights >= 0) & (weights <= 1 + MASS)).all():
        return "a weight is not between 0 and 1"
    kept = found.source.n_cells + sum(found.labels.source_counts.get(each, 0) for each in found.labels.only_source)
    if kept < sum(found.labels.source_counts.values()):
        return "cells are neither kept nor listed as left out"
    return ""


if __name__ == "__main__":
    main()
