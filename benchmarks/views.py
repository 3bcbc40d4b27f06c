"""Do three views match better than two? Direct plans, those through a third view, and barycentres, beside uniform ones.

    python -m benchmarks.views ../shared/data               # five seeds, all sets
    python -m benchmarks.views ../shared/data --sets papalexi_split --seeds 2
    python -m benchmarks.views ../shared/data --quartiles   # a row for each method, with quartiles and differences
    python -m benchmarks.views ../shared/data --noise       # the third view of each pair replaced by noise

No judged cell trains anything: the cells of a set are dealt into four groups, of which three train one view each and
the fourth, new to all, is scored, matched and evaluated, within labels, ties one half. The views are RNA and two panels
of proteins (every other one in the order of their names) in CITE-seq; three panels of genes (every third in the order
of the files) in the perturbation screen; RNA, proteins and image features in the synthetic screen, whose cells of one
view train it. All methods of a seed see the same scores. A plan through a third view is wider than a direct one, so
the direct plan at twice its epsilon stands beside it. R² within labels is that of a ridge regression trained on the
plan, on held-out cells of the judged group, beside the same trained on the uniform plan and on the true pairs.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.quality import machine
from psmatch_core.base.arrays import to_dense
from psmatch_core.base.randomness import stream
from psmatch_core.classification.propensity import PropensityModel, fit_propensity
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.evaluation.within_labels import MATCHED, TRUE_PAIRS
from psmatch_core.matching.barycenter import couple_to_barycenters
from psmatch_core.matching.blocks import DenseBlock
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher, UniformMatcher
from psmatch_core.matching.several import match_several
from psmatch_core.monitor.cycle_consistency import cycle_consistency
from psmatch_core.pipeline.demo_views import demo_views
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.translation_accuracy import probe_accuracy
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET

SYNTHETIC = "synthetic screen"
# Each set with its folder and label column.
SETS = {
    SYNTHETIC: ("", "label"),
    "bmmc_cite": ("bmmc_cite", "label"),
    "bmmc_cite, coarse types": ("bmmc_cite", "label_coarse"),
    "papalexi_split": ("papalexi_split", "label"),
}
LARGEST = 3000
DIRECT = "two views: direct"
MATCHER = SinkhornMatcher()
METRICS = ("trace_fold", "foscttm", "rank")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--noise", action="store_true", help="replace the third view of each pair by noise")
    parser.add_argument("--quartiles", action="store_true", help="a row for each method, with quartiles")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("# " + ", ".join(f"{name} {value}" for name, value in machine().items() if name != "versions"))
    for name in options.sets:
        plans, cycles = [], []
        for seed in range(options.seeds):
            found = measured(name, options.data, seed, is_noise=options.noise)
            plans += found[0]
            cycles += found[1]
        table = pd.DataFrame(plans)
        (show_quartiles if options.quartiles else show_medians)(name, table[table["method"] != TRUE_PAIRS])
        show_translations(table)
        show_cycles(pd.DataFrame(cycles))


def measured(name: str, data: Path, seed: int, *, is_noise: bool) -> tuple[list[dict], list[dict]]:
    """The figures of each pair and method of one seed, and of each pair's way through the third view."""
    folder, label_key = SETS[name]
    views, trains, judged = synthetic(seed) if name == SYNTHETIC else real(data / folder, label_key, seed)
    models = {each: scored(trains[each], judged[each], seed) for each in views}
    plans, cycles = [], []
    for source, target in itertools.combinations(views, 2):
        (third,) = set(views) - {source, target}
        used = dict(models)
        if is_noise:
            used[third] = scored(*(with_noise(each[third], seed) for each in (trains, judged)), seed)
        used = {each: used[each] for each in (source, target, third)}
        of_pair = couplings_of(used, source, target, third)
        r2 = translated(of_pair, seed)
        plans.append({"pair": f"{source} → {target}", "seed": seed, "method": TRUE_PAIRS, "r2": r2[TRUE_PAIRS]})
        for method, coupling in of_pair.items():
            found = evaluate(coupling)
            plans.append(
                {"pair": f"{source} → {target}", "seed": seed, "method": method, **found.micro}
                | {"n_effective": float(np.nanmedian(coupling.n_effective)), "n_pairs": len(found.per_cell)}
                | {"labels": len(found.per_label), "r2": r2[method]}
            )
        cycles.append({"pair": f"{source} → {target}", **way_of(used, source, target, third)})
    return plans, cycles


def synthetic(seed: int) -> tuple[list[str], dict[str, Modality], dict[str, Modality]]:
    """Cells that one view alone has train it; those that all have are judged."""
    trains, judged = {}, {}
    views = demo_views(n_shared=600, n_own=600, seed=seed)
    shared = set.intersection(*(set(cells.obs["cell"]) for cells in views.values()))
    for name, cells in views.items():
        is_shared = cells.obs["cell"].isin(shared).to_numpy()
        trains[name], judged[name] = modality(cells[~is_shared], name), modality(cells[is_shared], name)
    return list(views), trains, judged


def real(folder: Path, label_key: str, seed: int) -> tuple[list[str], dict[str, Modality], dict[str, Modality]]:
    """Four groups of the physical cells: one trains each view, the last is judged; labels that all four have."""
    views = views_of(folder)
    first = next(iter(views.values()))
    labels = first.obs[label_key].astype(str).to_numpy()
    rng = stream(seed, "benchmark of views", folder.name)
    cells = rng.permutation(first.n_obs)[:LARGEST]
    parts = np.array_split(cells, 4)
    known = set.intersection(*(set(labels[part]) for part in parts))
    trains, judged = {}, {}
    for at, (name, view) in enumerate(views.items()):
        for found, part in ((trains, parts[at]), (judged, parts[3])):
            chosen = rng.permutation(part[np.isin(labels[part], list(known))])
            obs = pd.DataFrame(
                {"label": labels[chosen], "cell": [f"cell{i}" for i in chosen]},
                index=[f"{name}_{i}" for i in chosen],
            )
            held = anndata.AnnData(to_dense(view.X[chosen], np.float32), obs=obs, var=view.var[[]])
            found[name] = modality(held, name)
    return list(views), trains, judged


def views_of(folder: Path) -> dict[str, anndata.AnnData]:
    first, second = (anndata.read_h5ad(folder / f"mod{side}.h5ad") for side in (1, 2))
    if folder.name == "bmmc_cite":
        order = np.argsort(second.var_names.to_numpy().astype(str))
        return {"RNA": first, "panel A": second[:, np.sort(order[::2])], "panel B": second[:, np.sort(order[1::2])]}
    X = np.hstack([to_dense(each.X, np.float32) for each in (first, second)])
    var = pd.DataFrame(index=[f"{side}_{name}" for side, each in enumerate((first, second)) for name in each.var_names])
    whole = anndata.AnnData(X, obs=first.obs, var=var)
    return {f"genes {at + 1}": whole[:, at::3] for at in range(3)}


def modality(cells: anndata.AnnData, name: str) -> Modality:
    return Modality.from_anndata(cells.copy(), label_key="label", name=name, pair_key="cell")


def with_noise(cells: Modality, seed: int) -> Modality:
    """The same cells with features that mean nothing."""
    draw = stream(seed, "noise instead of a view", cells.name, cells.fingerprint)
    return cells.with_features(draw.normal(size=cells.X.shape).astype(np.float32), cells.var_names)


def scored(trains: Modality, judged: Modality, seed: int) -> PropensityModel:
    """A classifier of the default recipe, trained on some cells, and others scored by it."""
    fitted = Recipe().source_preprocessing.fit(trains, seed=seed)
    features, new = fitted.transform(trains), fitted.transform(judged)
    model = fit_propensity(features, Recipe().classifier, label_names=trains.label_names, seed=seed)
    logits = model.score(new.X)
    return replace(model, modality=new, logits=logits, held_out_logits=logits)


def couplings_of(models: Mapping[str, PropensityModel], source: str, target: str, third: str) -> dict[str, Coupling]:
    """The same pair of views by each method, with the third and without."""
    two = models[source], models[target]
    found = match_several(models, MATCHER)
    direct, through = found.between(source, target), found.through(source, third, target)
    both = {label: (block.to_array() + through[label].to_array()) / 2 for label, block in direct.blocks.items()}
    of_two = {name: models[name] for name in (source, target)}
    return {
        UNIFORM: match(*two, UniformMatcher()),
        DIRECT: direct,
        "two views: direct, epsilon × 2": match(*two, SinkhornMatcher(epsilon=2 * MATCHER.epsilon)),
        "two views: barycentre, 3 rounds": couple_to_barycenters(of_two, MATCHER, n_rounds=3).coupling(source, target),
        "three views: through the third": through,
        "three views: mean of direct and through": direct.with_blocks(
            {label: DenseBlock(plan) for label, plan in both.items()}
        ),
        "three views: barycentre, 1 round": couple_to_barycenters(models, MATCHER, n_rounds=1).coupling(source, target),
        "three views: barycentre, 3 rounds": couple_to_barycenters(models, MATCHER, n_rounds=3).coupling(
            source, target
        ),
        "three views: barycentre, 10 rounds": couple_to_barycenters(models, MATCHER, n_rounds=10).coupling(
            source, target
        ),
    }


def translated(plans: Mapping[str, Coupling], seed: int) -> dict[str, float]:
    """R² within labels of ridge regressions trained on each plan and on the true pairs, mean of both directions."""
    recipe = replace(Recipe(), seed=seed)
    given = {MATCHED: plans[DIRECT], UNIFORM: plans[UNIFORM], **plans}
    sides = plans[DIRECT].source.modality, plans[DIRECT].target.modality
    found = [
        probe_accuracy(given, at, of, recipe, direction=direction)
        for direction, (at, of) in ((TO_SOURCE, sides), (TO_TARGET, sides[::-1]))
    ]
    names = [*plans, TRUE_PAIRS]
    return {name: float(np.mean([each.r2[name] if each else np.nan for each in found])) for name in names}


def way_of(models: Mapping[str, PropensityModel], source: str, target: str, third: str) -> dict[str, float]:
    """How consistent the way through the third view is, and whether that says which labels and cells are right."""
    couplings = match_several(models, MATCHER)
    found = cycle_consistency(couplings, MATCHER)
    assert found is not None
    rows = found.table.query("source == @source and target == @target").set_index("label")
    judged = evaluate(couplings.between(source, target))
    names = couplings.models[source].modality.obs_names
    cells = judged.per_cell.assign(
        consistency=pd.Series(found.of_cells(source, target), index=names)[judged.per_cell["cell"]].to_numpy()
    ).dropna()
    within = cells.groupby("label")
    cells = cells.assign(
        is_sure=cells["consistency"] >= within["consistency"].transform("median"),
        is_good=cells["rank"] < within["rank"].transform("median"),
        place=within["consistency"].rank(pct=True),
    )
    labels = pd.Series({row.label: row.rank for row in judged.per_label})
    weights = rows["n_cells"]
    return {
        **{
            name: float(np.average(rows[name].dropna(), weights=weights[rows[name].notna()]))
            for name in ("agreement", "agreement_turned", "shared_mass", "shared_mass_turned", "shared_mass_uniform")
        },
        "sure_foscttm": float(cells[cells["is_sure"]]["foscttm"].mean() - cells["foscttm"].mean()),
        "sure_rank": float(cells[cells["is_sure"]]["rank"].mean() - cells["rank"].mean()),
        "auroc": auroc(cells["place"].to_numpy(), cells["is_good"].to_numpy()),
        "spearman_labels": float(spearmanr(rows["agreement"].reindex(labels.index), labels, nan_policy="omit")[0]),
        "spearman_excess": float(
            spearmanr((rows["agreement"] - rows["agreement_turned"]).reindex(labels.index), labels, nan_policy="omit")[
                0
            ]
        ),
    }


def auroc(values: np.ndarray, is_good: np.ndarray) -> float:
    """Chance that a good cell has the larger value than one that is not, ties one half."""
    ranks = pd.Series(values).rank().to_numpy()
    n_good, n_other = int(is_good.sum()), int((~is_good).sum())
    return float((ranks[is_good].sum() - n_good * (n_good + 1) / 2) / (n_good * n_other)) if n_good * n_other else 0.5


def heading(name: str, table: pd.DataFrame) -> str:
    seeds = table["seed"].nunique()
    return f"\n## {name}: {table['n_pairs'].median():.0f} pairs, {table['labels'].median():.0f} labels, {seeds} seeds\n"


def show_medians(name: str, table: pd.DataFrame) -> None:
    """FOSCTTM / rank (effective matches) of each method, medians over seeds; a row for each method."""
    medians = table.groupby(["method", "pair"], sort=False)[["foscttm", "rank", "n_effective"]].median()
    pairs = list(dict.fromkeys(table["pair"]))
    print(heading(name, table))
    print(f"| FOSCTTM / rank (effective matches) | {' | '.join(pairs)} |\n|---|{'---|' * len(pairs)}", flush=True)
    for method in dict.fromkeys(table["method"]):
        rows = [medians.loc[method, pair] for pair in pairs]
        cells = [f"{row['foscttm']:.3f} / {row['rank']:.3f} ({row['n_effective']:.1f})" for row in rows]
        print(f"| {method} | {' | '.join(cells)} |")


def show_quartiles(name: str, table: pd.DataFrame) -> None:
    """Medians over seeds with quartiles, and of the paired differences from the direct plan."""
    print(heading(name, table))
    print("| pair | method | effective matches | trace_fold | FOSCTTM | rank | Δ FOSCTTM | Δ rank |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for pair, of_pair in table.groupby("pair", sort=False):
        direct = of_pair[of_pair["method"] == DIRECT].set_index("seed")
        for method, rows in of_pair.groupby("method", sort=False):
            rows = rows.set_index("seed")
            cells = [middle(rows[metric]) for metric in METRICS]
            changes = [f"{(rows[metric] - direct[metric]).median():+.3f}" for metric in METRICS[1:]]
            print(f"| {pair} | {method} | {rows['n_effective'].median():.1f} | {' | '.join([*cells, *changes])} |")


def show_translations(table: pd.DataFrame) -> None:
    """R² within labels of each method, medians over seeds; that of true pairs is what could be had."""
    medians = table.groupby(["method", "pair"], sort=False)["r2"].median()
    pairs = list(dict.fromkeys(table["pair"]))
    print(f"\n| R² within labels | {' | '.join(pairs)} |\n|---|{'---|' * len(pairs)}", flush=True)
    for method in [*dict.fromkeys(table["method"][table["method"] != TRUE_PAIRS]), TRUE_PAIRS]:
        print(f"| {method.replace('_', ' ')} | {' | '.join(f'{medians[method, pair]:.3f}' for pair in pairs)} |")


def show_cycles(table: pd.DataFrame) -> None:
    """Consistency beside what turned cells and a uniform plan give, and what it knows of the truth."""
    print(
        "\n| pair | agreement (turned) | shared mass (turned, uniform) | surer half of labels: Δ FOSCTTM / Δ rank | "
        "AUROC within labels | Spearman of labels with rank: agreement / above turned |"
    )
    print("|---|---|---|---|---|---|", flush=True)
    for pair, rows in table.groupby("pair", sort=False):
        m = rows.drop(columns="pair").median()
        print(
            f"| {pair} | {m['agreement']:.2f} ({m['agreement_turned']:.2f}) | {m['shared_mass']:.2f} "
            f"({m['shared_mass_turned']:.2f}, {m['shared_mass_uniform']:.2f}) | {m['sure_foscttm']:+.3f} / "
            f"{m['sure_rank']:+.3f} | {m['auroc']:.2f} | {m['spearman_labels']:+.2f} / {m['spearman_excess']:+.2f} |"
        )


def middle(values: pd.Series) -> str:
    low, half, high = values.quantile([0.25, 0.5, 0.75])
    return f"{half:.3f} ({low:.3f}–{high:.3f})"


if __name__ == "__main__":
    main()
