"""How good are the matchings? The default, the paper's recipe, exact, neighbours and uniform, on real cells.

    python -m benchmarks.quality ../shared/data            # all paired sets, five seeds
    python -m benchmarks.quality ../shared/data --sets bmmc_cite --seeds 3
    python -m benchmarks.quality ../shared/data --control labels     # must give chance where no cell is shared
    python -m benchmarks.quality ../shared/data --missing            # what was stopped goes on; kept rows stay
    python -m benchmarks.quality ../shared/data --sets               # only the page anew, from what was measured

What is done is kept after each split, so that nothing is lost if it is stopped. Rows of a set may then be of several
commits: the page names that of the last.

Two protocols, each with cells A, B and E of a paired set. *Shared*: E is in both modalities, A in modality 1 only, B in
modality 2 only; classifiers and matchers see A∪E and B∪E. Chance associations of E's labels and states are then learned
by both classifiers, which inflates every figure. *Separate*: A trains modality 1, B modality 2, and E, new to both, is
scored, matched and evaluated. The evaluation is on E, within labels, ties one half, in a fixed feature space. Every
method of a seed uses the same split, and differences are paired. Labels with fewer than five true pairs are counted as
skipped. The paper's recipe is trained five times on each split, since one network differs from the next by about 0.01,
and its figures are means. R² within labels is that of a ridge regression trained on the matches of E, on held-out
cells of E, beside the same regression trained on the uniform plan and on the true pairs.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.group_clip import group_clip
from benchmarks.quality_page import CEILING, METRICS, chance, page, run_name, table
from benchmarks.quality_splits import CONTROLS, PAIRED, SHARES, Split, of_new_cells
from benchmarks.result_rows import write_rows
from psmatch_core.base import disk
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers import FeatureBaggingClassifier, MLPClassifier
from psmatch_core.classification.classifiers.network_classifier import AT_RANDOM
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.evaluation.within_labels import MATCHED, TRUE_PAIRS
from psmatch_core.exports.provenance import versions
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import IF_FOUND, Linking, link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import (
    ExactMatcher,
    KnownPairsMatcher,
    Matcher,
    NeighborMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.matching.matchers.problem import aligned
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.translation_accuracy import probe_accuracy
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET

SLOW_LIMIT = 1000  # wide networks and repeated folds run on sets up to so many cells unless --slow asks for all
RESULTS = Path(__file__).parent / "results" / "quality.json"
PAGE = Path(__file__).parents[1] / "docs" / "quality.md"
ROW_NAME = ("data", "protocol", "control", "seed", "method")  # what a row is known by
RAW = SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False, max_iterations=1000)


@dataclass(frozen=True)
class Method:
    """A row of the table: whose scores, and which matcher."""

    name: str
    scores: str
    matcher: Matcher
    slow: bool = False
    linking: Linking = Linking()
    n_draws: int = 1  # trainings of which the means are shown
    by_true_pairs: bool = False  # the translators of the link are trained on the true pairs


LINKED = Linking(use=IF_FOUND)
OUT_OF_FOLD, GROUP_CLIP = "out of fold", "group clip"
METHODS = (
    Method("uniform", "default", UniformMatcher()),
    Method("paper preset (5 × 1024, batch norm)", "paper", RAW, slow=True),
    Method("paper recipe (one MLP, raw logits, 0.05)", "one MLP", RAW, n_draws=5),
    Method("default", "default", Recipe().matcher),
    Method("default, sharp (0.02 × mean)", "default", Recipe.preset("sharp").matcher),
    Method("default, out-of-fold scores", OUT_OF_FOLD, Recipe().matcher, slow=True),
    Method("feature bagging, 0.1 × mean", "bagged", SinkhornMatcher.smooth()),
    Method("default, linked", "default", Recipe().matcher, linking=LINKED),
    Method("recommended-2", "bagged", SinkhornMatcher.smooth(), linking=LINKED),
    Method("contrast between groups (GROOVE's, own reading)", GROUP_CLIP, Recipe().matcher),
    Method(CEILING, "default", Recipe().matcher, by_true_pairs=True),
    Method("exact", "default", ExactMatcher()),
    Method("SNN, k = 1", "default", NeighborMatcher(n_neighbors=1)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=list(PAIRED))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="*", default=[], help="only methods called so, or with this in the name")
    parser.add_argument("--protocols", nargs="*", default=list(SHARES), choices=list(SHARES))
    parser.add_argument("--control", default="", choices=CONTROLS, help="sets without signal")
    parser.add_argument("--missing", action="store_true", help="only what the file of rows does not have yet")
    parser.add_argument("--slow", action="store_true", help="wide networks and repeated folds on large sets too")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file of all rows; sets not run now stay in it")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page of the documentation made from that file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    methods = [each for each in METHODS if is_asked(each.name, options.methods)]
    rows: list[dict[str, object]] = []
    for seed in range(options.seeds):  # all sets have the same seeds if it is stopped
        for name in options.sets:
            for protocol in options.protocols:
                started = time.perf_counter()
                where = Split(options.data / name, seed, protocol, options.control)
                asked = missing(methods, where, options.out) if options.missing else methods
                new = one_split(where, asked, slow=options.slow) if asked else []
                if not new:
                    continue
                keep(new, options.out, options.page)
                rows += new
                print(f"# {name}, {protocol}, seed {seed}: {time.perf_counter() - started:.0f} s", flush=True)
    if not rows:
        keep([], options.out, options.page)
        return
    for _, mine in pd.DataFrame(rows).groupby(["data", "protocol"], sort=False):
        print(table(mine), flush=True)
    if options.control:
        print(chance(pd.DataFrame(rows)))


def is_asked(name: str, parts: list[str]) -> bool:
    """Whether a method is meant: a part that is a whole name means that method alone."""
    names = {each.name for each in METHODS}
    return not parts or any(name == part if part in names else part in name for part in parts)


def missing(methods: list[Method], split: Split, out: Path) -> list[Method]:
    """The methods that have no row of a split yet."""
    if not out.exists():
        return methods
    rows = [{"protocol": "shared", "control": "", **row} for row in json.loads(out.read_text(encoding="utf-8"))["rows"]]
    wanted = split.folder.name, split.protocol, split.control, split.seed
    done = {row["method"] for row in rows if tuple(row[name] for name in ROW_NAME[:-1]) == wanted}
    return [each for each in methods if each.name not in done]


def keep(new: list[dict[str, object]], out: Path, page_file: Path) -> None:
    """Put the rows in the place of earlier ones of the same split and method, and write the page."""
    earlier: dict[str, Any] = {"rows": [], "runs": {}}
    if out.exists():
        earlier = json.loads(out.read_text(encoding="utf-8"))
    replaced = {tuple(row[name] for name in ROW_NAME) for row in new}
    kept = [{"protocol": "shared", "control": "", **row} for row in earlier["rows"]]
    rows = [row for row in kept if tuple(row[name] for name in ROW_NAME) not in replaced] + new
    done = {(str(row["data"]), str(row["protocol"]), str(row["control"])) for row in new}
    runs = earlier["runs"] | {run_name(*each): machine() for each in done}
    seeds: dict[str, set[object]] = {}
    for row in rows:
        seeds.setdefault(run_name(*(str(row[name]) for name in ROW_NAME[:3])), set()).add(row["seed"])
    runs = {name: {**facts, "seeds": len(seeds[name])} for name, facts in runs.items()}
    write_rows(out, {"runs": runs, "rows": rows})
    disk.write_text(page_file, page(pd.DataFrame(rows), runs))


def one_split(split: Split, methods: list[Method], *, slow: bool = False) -> list[dict[str, object]]:
    """All methods on one split of one set."""
    seed = split.seed
    recipe = Recipe(seed=seed)
    trained, judged = split.modalities()
    fitted = [
        config.fit(side, seed=seed)
        for side, config in zip(trained, (recipe.source_preprocessing, recipe.target_preprocessing), strict=True)
    ]
    features = [each.transform(side) for each, side in zip(fitted, trained, strict=True)]
    seen = features if judged is trained else [each.transform(side) for each, side in zip(fitted, judged, strict=True)]
    scored: dict[tuple[str, int], tuple[PropensityModel, PropensityModel]] = {}
    rows, plans = [], {}
    for method in methods:
        if method.slow and features[0].n_cells > SLOW_LIMIT and not slow:
            continue
        if method.scores == OUT_OF_FOLD and judged is not trained:
            continue  # all scores of new cells are held out
        draws = []
        for draw in range(method.n_draws):
            if (method.scores, draw) not in scored:
                own_seed = seed if draw == 0 else derived_seed(seed, "draw", draw)
                scored[method.scores, draw] = scores_of(method, features, seen, own_seed)
            asked = replace(recipe, matcher=method.matcher, linking=method.linking)
            if method.by_true_pairs:
                models, notes = linked_by_true_pairs(scored[method.scores, draw], seed=seed), ()
            else:
                models, notes = link_modalities(asked, scored[method.scores, draw])
            coupling = match(*models, method.matcher, seed=seed)
            plans[method.name, draw] = coupling
            draws.append(figures(coupling) | {"linked": bool(notes and notes[0].startswith("Linked"))})
        means = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
        rows.append(
            {
                "data": split.folder.name,
                "protocol": split.protocol,
                "control": split.control,
                "seed": seed,
                "method": method.name,
                **means,
                "linked": bool(means["linked"]),
            }
        )
    explained = within_labels(plans, recipe) if plans else {}
    for row, method in zip(rows, (each for each in methods if (each.name, 0) in plans), strict=True):
        row |= {
            name: float(np.mean([explained[name][method.name, draw] for draw in range(method.n_draws)]))
            for name in explained
        }
    return rows


def scores_of(
    method: Method, features: list[Modality], seen: list[Modality], seed: int
) -> tuple[PropensityModel, PropensityModel]:
    """The judged cells, scored or placed by what was trained on ``features``."""
    models = fit(features, "one MLP" if method.scores == GROUP_CLIP else method.scores, seed)
    models = models if seen is features else of_new_cells(models, seen)
    if method.scores != GROUP_CLIP:
        return models
    source, target = (
        replace(model, linked=places)  # the matching goes by these places; of the models, their cells are used
        for model, places in zip(models, group_clip(features, seen, seed=seed), strict=True)
    )
    return source, target


def linked_by_true_pairs(
    models: tuple[PropensityModel, PropensityModel], *, seed: int
) -> tuple[PropensityModel, PropensityModel]:
    """What the features can add at most: both cross-fitted translators of the link trained on true pairs, one round."""
    scores = [np.array(model.logits, dtype=np.float64) for model in models]
    for name in models[0].label_names:
        cells = [model.modality.labels == name for model in models]
        if all(each.any() for each in cells):
            placed = aligned(*(values[mine] for values, mine in zip(scores, cells, strict=True)))
            for values, mine, each in zip(scores, cells, placed, strict=True):
                values[mine] = each
    source, target = (replace(model, logits=values) for model, values in zip(models, scores, strict=True))
    return link_scores(source, target, KnownPairsMatcher(), Linking(n_rounds=1), seed=seed)


def figures(coupling: Coupling) -> dict[str, float]:
    """The measures of one matching, and how many pairs and labels they are of."""
    result = evaluate(coupling)
    source, target = coupling.source, coupling.target
    return {
        **{metric: result.micro[metric] for metric in METRICS},
        **{f"{metric}_macro": result.macro[metric] for metric in METRICS},
        "n_pairs": len(result.per_cell),
        "labels_judged": len(result.per_label),
        "labels_skipped": len(result.skipped),
        "not_converged": sum(status.outcome.name == "NOT_CONVERGED" for status in coupling.statuses),
        "validation_loss_source": source.validation_loss,
        "validation_loss_target": target.validation_loss,
    }


def within_labels(plans: dict[tuple[str, int], Coupling], recipe: Recipe) -> dict[str, dict[tuple[str, int], float]]:
    """R² within labels of a ridge regression trained on each plan, of both modalities' features, with its two bounds.

    Returns
    -------
    By column: ``r2_target``, ``r2_source`` of the plan, ``…_uniform`` of the uniform plan, ``…_true`` of true pairs.
    """
    first = next(iter(plans.values()))
    uniform = match(first.source, first.target, UniformMatcher(), seed=recipe.seed)
    sides = {TO_SOURCE: ("target", first.source, first.target), TO_TARGET: ("source", first.target, first.source)}
    found: dict[str, dict[tuple[str, int], float]] = {}
    for direction, (of, inputs, outputs) in sides.items():
        given = {MATCHED: first, UNIFORM: uniform} | {f"{name}#{draw}": plan for (name, draw), plan in plans.items()}
        probe = probe_accuracy(given, inputs.modality, outputs.modality, recipe, direction=direction)
        r2 = probe.r2 if probe is not None else {}
        found[f"r2_{of}"] = {(name, draw): r2.get(f"{name}#{draw}", float("nan")) for name, draw in plans}
        found[f"r2_{of}_uniform"] = dict.fromkeys(plans, r2.get(UNIFORM, float("nan")))
        found[f"r2_{of}_true"] = dict.fromkeys(plans, r2.get(TRUE_PAIRS, float("nan")))
    return found


def fit(features: list[Modality], scores: str, seed: int) -> tuple[PropensityModel, PropensityModel]:
    recipe = Recipe.preset("paper") if scores == "paper" else Recipe()
    classifiers = {"one MLP": MLPClassifier(start=AT_RANDOM), "bagged": FeatureBaggingClassifier()}
    classifier = classifiers.get(scores, recipe.classifier)
    scoring = replace(recipe.scoring, scores="out_of_fold") if scores == OUT_OF_FOLD else recipe.scoring
    names = sorted(set(features[0].label_names))
    models = [fit_propensity(side, classifier, label_names=names, scoring=scoring, seed=seed) for side in features]
    return models[0], models[1]


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "machine": f"{platform.processor() or platform.machine()}, {platform.system()}",
        "versions": versions(),
    }


if __name__ == "__main__":
    print(json.dumps(machine(), indent=1))
    main()
