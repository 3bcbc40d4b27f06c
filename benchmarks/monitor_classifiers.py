"""Do the monitor's figures, which need no known pairs, follow the quality of a matching? Measured on real cells.

    python -m benchmarks.monitor_classifiers ../shared/data --sets bmmc_cite pbmc10k_cite_mini --seeds 2

Protocol of benchmarks.quality: partly unpaired cells, evaluated on the shared ones. Each of twelve classifiers, from
weak to strong, is matched at three epsilons; rank correlations (Spearman) are over these 36 runs of a split, averaged
over splits. *Agreement* is the mean of those of halves of the cells and of the features; *both* is the mean of the two
ranks of a run among the others by agreement and by hidden labels found again. Figures by label are those at epsilon
0.05, for labels with at least eight true pairs.
"""

from __future__ import annotations

import argparse
import json
import warnings
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.quality import machine
from benchmarks.quality_splits import split
from psmatch_core.base import disk
from psmatch_core.classification.classifiers import (
    Classifier,
    EnsembleClassifier,
    LinearClassifier,
    MLPClassifier,
    RecommendedClassifier,
)
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.monitor import HalvesOf, find_hidden_labels, half_scores, match_figures, match_stability
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.sweeps.table import rank_correlation

RESULTS = Path(__file__).parent / "results" / "monitor_classifiers.json"
EPSILONS = (0.02, 0.05, 0.2)
SEEN = ("loss", "raw_loss", "stability", "features", "agreement", "hidden", "both", "n_effective", "cost")
GOOD_IF_LARGE = ("stability", "features", "agreement", "hidden", "both")
SMALLEST_LABEL = 8  # true pairs; a FOSCTTM of fewer is mostly noise
BINS = (-1.0, 0.2, 0.5, 1.0)
CLASSIFIERS: dict[str, Classifier] = {
    **{f"ridge, C = {c:g}": LinearClassifier(strength=c) for c in (1e-5, 1e-4, 1e-3, 1e-2, 1.0)},
    **{f"network, {n} epochs": MLPClassifier(n_epochs=n) for n in (1, 5, 20, 60)},
    "wide network, no regularisation": MLPClassifier(hidden=(256,), dropout=0.0, weight_decay=0.0, patience=60),
    "4 networks averaged": EnsembleClassifier((MLPClassifier(n_epochs=20),) * 4),
    "recommended": RecommendedClassifier(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=["bmmc_cite", "pbmc10k_cite_mini", "cellpainting_a549"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--missing", action="store_true", help="keep the splits that are there, measured by this code")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if options.missing else {"rows": [], "labels": []}
    rows, labels = kept["rows"], kept["labels"]
    there = {(row["data"], row["seed"]) for row in rows}
    for seed, name in product(range(options.seeds), options.sets):
        if (name, seed) in there:
            continue
        one_split(options.data / name, name, seed, rows, labels)
        disk.write_json(RESULTS, {"run": {**machine(), "seeds": options.seeds}, "rows": rows, "labels": labels})
        print(f"# {name} seed {seed} done", flush=True)
    print(tables(pd.DataFrame(rows), pd.DataFrame(labels)))


def one_split(
    folder: Path, name: str, seed: int, rows: list[dict[str, object]], labels: list[dict[str, object]]
) -> None:
    recipe = Recipe(seed=seed)
    features = [
        config.fit(side, seed=seed).transform(side)
        for side, config in zip(
            split(folder, seed), (recipe.source_preprocessing, recipe.target_preprocessing), strict=True
        )
    ]
    names = tuple(sorted(set(features[0].label_names)))
    for words, classifier in CLASSIFIERS.items():
        models = [fit_propensity(side, classifier, label_names=names, seed=seed) for side in features]
        halves = {of: [half_scores(side, names, classifier, of, seed=seed) for side in features] for of in HalvesOf}
        for epsilon in EPSILONS:
            matcher = SinkhornMatcher(epsilon=epsilon)
            coupling = match(models[0], models[1], matcher, seed=seed)
            judged = evaluate(coupling)
            steady, of_features = (
                match_stability(models[0], models[1], (halves[of][0], halves[of][1]), matcher, seed=seed)
                for of in (HalvesOf.CELLS, HalvesOf.FEATURES)
            )
            figures = match_figures(coupling, judged).to_dict() | {
                "stability": steady.agreement,
                "features": of_features.agreement,
                "agreement": (steady.agreement + of_features.agreement) / 2,
                "hidden": find_hidden_labels(models[0], models[1], matcher, seed=seed).score,
                "shared_mass": steady.shared_mass,
            }
            rows.append({"data": name, "seed": seed, "classifier": words, "epsilon": epsilon, **figures})
            if epsilon == recipe.to_dict()["matcher"]["epsilon"]:
                labels += [
                    {"data": name, "label": row.label, "stability": steady.by_label[row.label].agreement}
                    | {"foscttm": row.foscttm, "rank": row.rank}
                    for row in judged.per_label
                    if row.n_pairs >= SMALLEST_LABEL
                ]


def correlations(runs: pd.DataFrame) -> list[float]:
    """Spearman's correlation of each figure with FOSCTTM over the runs of one split."""
    both = (runs["agreement"].rank() + runs["hidden"].rank()) / 2
    return [rank_correlation(both if seen == "both" else runs[seen], runs["foscttm"]).rho for seen in SEEN]


def tables(rows: pd.DataFrame, labels: pd.DataFrame) -> str:
    """The tables of docs/monitor.md."""
    kinds = {"all 12 classifiers": "", "networks": "network|recommended", "ridge, weak to strong": "ridge"}
    lines = ["| data | runs | " + " | ".join(SEEN) + " |", "|---|---|" + "---|" * len(SEEN)]
    of_sets = []
    for name in rows["data"].unique():
        for words, pattern in kinds.items():
            mine = rows[(rows["data"] == name) & rows["classifier"].str.contains(pattern)]
            found = [correlations(part) for _, part in mine.groupby("seed")]
            lines.append(
                f"| {name} | {words} | " + " | ".join(f"{each:+.2f}" for each in np.mean(found, axis=0)) + " |"
            )
            of_sets += [np.mean(found, axis=0)] if not pattern else []
    good = np.where(np.isin(SEEN, GOOD_IF_LARGE), -1, 1) * np.array(of_sets)
    for words, figures in (("mean", good.mean(axis=0)), ("worst set", good.min(axis=0))):
        lines.append(f"| {words} | all, + is right | " + " | ".join(f"{each:+.2f}" for each in figures) + " |")
    lines += [
        "",
        "| data | stability of the label | labels | FOSCTTM (median) | rank (median) |",
        "|---|---|---|---|---|",
    ]
    for name, mine in labels.groupby("data", sort=False):
        for low, high in pairwise(BINS):
            part = mine[(mine["stability"] > low) & (mine["stability"] <= high)]
            if len(part):
                span = f"{low:g} to {high:g}" if low > BINS[0] else f"below {high:g}"
                figures = f"{part['foscttm'].median():.3f} | {part['rank'].median():.3f}"
                lines.append(f"| {name} | {span} | {len(part)} | {figures} |")
    middle = rows[rows["epsilon"] == EPSILONS[1]]
    lines += ["", "| data | classifier | loss | stability | FOSCTTM | rank |", "|---|---|---|---|---|---|"]
    for (name, words), part in middle.groupby(["data", "classifier"], sort=False):
        mean = part[["loss", "stability", "foscttm", "rank"]].mean()
        lines.append(f"| {name} | {words} | " + " | ".join(f"{value:.3f}" for value in mean) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
