"""The page of the benchmark of confidence: AUROCs within labels, the decision by its rule, and the calibrated P."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from psmatch_core.base.errors import plural

CONFIDENCE_PAGE = Path(__file__).parents[1] / "docs" / "confidence.md"
CHOSEN_ON = ("bmmc_cite", "snare_cortex", "pbmc10k_cite_mini", "cite_panels")
JUDGED_ON = ("papalexi_split", "snare_celllines", "asap_panels")
RISKS = {"foscttm": "FOSCTTM", "rank": "rank", "farther": "1 − P"}  # of a cell: small is good
COVERAGE = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)  # share of the cells of each label that is kept
HALF = COVERAGE.index(0.5)
NOISE = 0.01  # of an AUROC
ENOUGH = 0.55  # AUROC within labels, over what dealt partners give
FEWEST_CELLS = 30  # judged cells of a set, below which it is left out
BINS = 5  # of labels, by the P that is promised
RESAMPLES = 2000  # of the labels of a bin


PURPOSE = (
    "Made by `python -m benchmarks.cell_confidence ../shared/data`: the matching of `recommended-2` on cells that no "
    "classifier has seen (protocol *separate* of [quality](quality.md)). Can anything that is known without pairs say "
    "which cells of a label are matched better: those with a FOSCTTM (or a rank of the true partner) below the median "
    "of their label? The figure is the AUROC within labels: 0.5 is chance. A cell near the centre of its label has a "
    "small FOSCTTM whatever it is matched with, so *dealt* shows the same with the true partners dealt at random "
    "within the label; only what exceeds it is knowledge of the matching (*over dealt*: 0.5 + the difference; mean, "
    "worst set). P, the probability that a match drawn by weight is nearer to the true partner than another cell of "
    "the label, the partner itself left out, is one half for matches drawn at random, however typical the cell. Sets "
    "(judged cells in labels of ten pairs or more, seeds): "
)
ABOUT_P = (
    "The mean of P over the cells of a label: at 0.5 the matching knows nothing but the label. A line through the "
    "agreement of the matches between halves of the features, fitted on one half of the sets, promises it for the "
    "labels of the other."
)
ABOUT_MONITOR = (
    "The monitor's own figure, the mean of the agreement between halves of the cells and of the features, which "
    "`psmatch_confidence` holds, judged in the same way on the labels of [the monitor's measurement](monitor.md). P is "
    "there 1 − FOSCTTM of held-out pairs: the probability that the true partner is nearer than another cell to where "
    "the matches place a cell. The classifiers of these pairs saw a third of the cells, those of the agreement all."
)


def confidence_page(measured: dict[str, Any], monitored: list[dict[str, Any]]) -> str:
    """The whole page.

    Parameters
    ----------
    monitored
        The labels that ``benchmarks.monitor`` has measured; none leaves their table out.
    """
    every, labels, run = pd.DataFrame(measured["cells"]), pd.DataFrame(measured["labels"]), measured["run"]
    is_control = every["data"].str.contains(", ")
    cells, controls = every[~is_control], every[is_control]
    sizes = cells.groupby("data")["n_cells"].median()
    cells = cells[cells["data"].map(sizes) >= FEWEST_CELLS]
    left_out = sorted(sizes.index[sizes < FEWEST_CELLS])
    chosen = best(cells)
    seeds = cells.groupby("data", sort=False)["seed"].nunique()
    measured_on = ", ".join(f"{name} ({sizes[name]:.0f}, {seeds[name]})" for name in seeds.index)
    coverage = (
        f"Means over the cells that remain if only the surest of each label are kept, by *{chosen}*; in brackets with "
        "dealt partners."
    )
    parts = [
        "# Confidence: what is known of a label, and of a cell",
        f"{PURPOSE}{measured_on}. Commit {run['commit']}, {run['date']}.",
        *([f"Left out for fewer than {FEWEST_CELLS} such cells: {', '.join(left_out)}."] if left_out else []),
        "## Which cells of a label?",
        auroc_table(cells),
        decision(cells, chosen),
        *([control_words(controls, chosen)] if len(controls) else []),
        "## Risk and coverage",
        coverage,
        risk_table(cells, chosen),
        bought(cells, chosen),
        "## A calibrated P, by label",
        ABOUT_P,
        calibration(labels[labels["data"].isin(seeds.index)]),
    ]
    if monitored:
        held_out = pd.DataFrame(monitored).assign(
            found=lambda rows: 1 - rows["held_out_foscttm"], foscttm=lambda rows: rows["held_out_foscttm"]
        )
        parts += [ABOUT_MONITOR, calibration(held_out)]
    return "\n\n".join(parts) + "\n"


def by_set(cells: pd.DataFrame, which: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Means over seeds: one row for each observable and set, with the AUROCs over dealt partners as ``…_over``."""
    mine = cells if which is None else cells[cells["data"].isin(which)]
    names = [f"{metric}{which}" for metric in RISKS for which in ("", "_dealt")]
    found = mine.groupby(["observable", "data"], sort=False)[names].mean()
    for metric in RISKS:
        found[f"{metric}_over"] = found[metric] - found[f"{metric}_dealt"] + 0.5
    return found


def best(cells: pd.DataFrame) -> str:
    """The observable that the rule chooses on the sets for choosing."""
    means = by_set(cells, CHOSEN_ON).groupby("observable", sort=False)[["foscttm_over", "rank_over"]].mean()
    return str(means.min(axis=1).idxmax())


def auroc_table(cells: pd.DataFrame) -> str:
    """AUROC of every observable: mean over sets, with dealt partners, and the worst set over dealt partners."""
    head = "".join(f"| {words}: mean, dealt | over dealt: chosen on | judged on " for words in RISKS.values())
    lines = [f"| observable {head}|", "|---|" + "---|" * (3 * len(RISKS))]
    every = by_set(cells)
    for name in dict.fromkeys(cells["observable"]):
        own = every.loc[name]
        row = [name]
        for metric in RISKS:
            row.append(f"{own[metric].mean():.3f}, {own[f'{metric}_dealt'].mean():.3f}")
            for which in (CHOSEN_ON, JUDGED_ON):
                over = own[own.index.isin(which)][f"{metric}_over"]
                row.append(f"{over.mean():.3f}, {over.min():.3f}" if len(over) else "")
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines)


def decision(cells: pd.DataFrame, chosen: str) -> str:
    """What the rule says, in a sentence with its figures."""
    judged = by_set(cells, JUDGED_ON)
    if chosen not in judged.index.get_level_values(0):
        return f"Chosen: *{chosen}*. The sets for judging are not measured."
    over = judged.loc[chosen][["foscttm_over", "rank_over"]]
    passed = bool((over.mean() > ENOUGH).all() and (over >= 0.5).all(axis=None))
    figures = (
        f"FOSCTTM {over['foscttm_over'].mean():.3f} in the mean and {over['foscttm_over'].min():.3f} at worst, "
        f"rank {over['rank_over'].mean():.3f} and {over['rank_over'].min():.3f}"
    )
    verdict = (
        "By this rule it may be offered as a filter; what it would buy is said below."
        if passed
        else "By this rule nothing is offered as a filter of cells."
    )
    means = by_set(cells).groupby("observable", sort=False)[["foscttm", "foscttm_dealt"]].mean()
    largest = str(means["foscttm"].idxmax())
    is_typical = means["foscttm"].max() <= means.loc[largest, "foscttm_dealt"] + NOISE
    raw = (
        f"As it is, the largest AUROC for FOSCTTM is {means['foscttm'].max():.3f}, by *{largest}*; dealt partners give "
        f"{means.loc[largest, 'foscttm_dealt']:.3f} there"
        + (": it knows typical cells, and nothing of the matching." if is_typical else ".")
    )
    return (
        f"{raw}\n\nThe rule was written before the judged sets were looked at: take what is best on "
        f"{', '.join(CHOSEN_ON)} over dealt partners, by the smaller of both figures, and offer it if on "
        f"{', '.join(JUDGED_ON)} both exceed {ENOUGH} in the mean and 0.5 on each set. Chosen: *{chosen}*. On the "
        f"judged sets: {figures}. {verdict}"
    )


def control_words(controls: pd.DataFrame, chosen: str) -> str:
    """What the chosen observable knows where labels mean nothing: that much is not of the labels."""
    own = by_set(controls).loc[chosen]
    splits = controls.groupby("data")["seed"].nunique()
    found = "; ".join(
        f"{name} ({plural(int(splits[name]), 'split')}): FOSCTTM {row['foscttm_over']:.3f}, "
        f"rank {row['rank_over']:.3f}, 1 − P {row['farther_over']:.3f}"
        for name, row in own.iterrows()
    )
    is_of_labels = float(own[["foscttm_over", "rank_over"]].max(axis=None)) <= 0.5 + 2 * NOISE
    meaning = (
        "So what it knows elsewhere comes from the labels."
        if is_of_labels
        else "What is above 0.5 there is not of the labels: unusual cells find each other ([defaults](defaults.md))."
    )
    return f"The same over dealt partners where labels mean nothing, *{chosen}*: {found}. {meaning}"


def curves(rows: pd.DataFrame, column: str) -> np.ndarray:
    """Mean over splits of the risk at each coverage."""
    return np.asarray(np.nanmean(np.array(rows[column].tolist(), dtype=float), axis=0))


def bought(cells: pd.DataFrame, chosen: str) -> str:
    """On how many sets the surest half is better than all cells, by each figure."""
    means = [own for _, own in cells[cells["observable"] == chosen].groupby("data", sort=False)]
    better = {}
    for metric, words in RISKS.items():
        by_set = [curves(own, f"{metric}_risk") for own in means]
        better[words] = sum(each[HALF] < each[0] for each in by_set)
    counted = ", ".join(f"{words} on {n} of {len(means)} sets" for words, n in better.items())
    if min(better.values()) == len(means):
        return f"The surest half is better than all cells by every figure ({counted}): it is offered as a filter."
    return (
        f"The surest half is better than all cells by {counted}. On the other sets the cells that are kept lie farther "
        "from their partners than all cells do, which is not what a user would read into a filter. None is offered: "
        "confidence stays with labels, and the number of effective matches is written beside each cell as what it is."
    )


def risk_table(cells: pd.DataFrame, chosen: str) -> str:
    """FOSCTTM, rank and P of the surest cells, by set and coverage."""
    mine = cells[cells["observable"] == chosen]
    lines = [
        f"| set | figure | {' | '.join(f'{share:.0%}' for share in COVERAGE)} |",
        "|---|---|" + "---|" * len(COVERAGE),
    ]
    for name, own in mine.groupby("data", sort=False):
        for metric, words in RISKS.items():
            risks = zip(curves(own, f"{metric}_risk"), curves(own, f"{metric}_risk_dealt"), strict=True)
            entries = [f"{risk:.3f} ({dealt:.3f})" for risk, dealt in risks]
            lines.append(f"| {name} | {words} | {' | '.join(entries)} |")
    return "\n".join(lines)


def calibration(labels: pd.DataFrame) -> str:
    """Promised and found P in bins of labels, each half of the sets judged by the line of the other half."""
    labels = labels.dropna(subset=["agreement", "found"]).copy()
    labels["promised"] = np.nan
    lines = []
    for fitted, judged in ((CHOSEN_ON, JUDGED_ON), (JUDGED_ON, CHOSEN_ON)):
        known, new = labels[labels["data"].isin(fitted)], labels["data"].isin(judged)
        if len(known) < 3 or not new.any():
            continue
        slope, start = np.polyfit(known["agreement"], known["found"], 1, w=np.sqrt(known["n_pairs"]))
        labels.loc[new, "promised"] = start + slope * labels.loc[new, "agreement"]
        lines.append(f"P = {start:.3f} + {slope:.3f} × agreement (fitted on {', '.join(sorted(set(known['data'])))})")
    labels = labels.dropna(subset=["promised"])
    if len(labels) < BINS:
        return "Not measured: too few labels."
    order = labels["promised"].rank(method="first")
    labels["bin"] = np.minimum((order - 1) * BINS // len(labels), BINS - 1).astype(int)
    table = ["| labels | agreement | promised | found (95 %) | FOSCTTM |", "|---|---|---|---|---|"]
    errors = []
    for _, mine in labels.groupby("bin"):
        weight = mine["n_pairs"].to_numpy(dtype=float)
        promised, found, risk = (
            float(np.average(mine[each], weights=weight)) for each in ("promised", "found", "foscttm")
        )
        low, high = interval(mine)
        errors.append(abs(promised - found))
        table.append(
            f"| {len(mine)} | {mine['agreement'].min():.2f} to {mine['agreement'].max():.2f} | {promised:.3f} "
            f"| {found:.3f} ({low:.3f}–{high:.3f}) | {risk:.3f} |"
        )
    order_kept = spearmanr(labels["agreement"], labels["found"]).statistic
    width = labels["promised"].quantile([0.05, 0.95]).tolist()
    end = (
        f"{'; '.join(lines)}. Mean difference of promised and found over the bins: {np.mean(errors):.3f}. Nine of ten "
        f"labels are promised {width[0]:.2f} to {width[1]:.2f}: that is the honest width. Over {len(labels)} labels "
        f"(each split counts) the Spearman correlation of agreement and found P is {order_kept:.2f}. Intervals are by "
        "resampling labels, all splits of a label together."
    )
    return "\n".join([*table, "", end])


def interval(labels: pd.DataFrame) -> tuple[float, float]:
    """95% of the weighted means of found P if labels are resampled, each with all its splits."""
    sums = (
        labels.assign(total=labels["found"] * labels["n_pairs"]).groupby(["data", "label"])[["total", "n_pairs"]].sum()
    )
    total, weight = sums["total"].to_numpy(dtype=float), sums["n_pairs"].to_numpy(dtype=float)
    drawn = np.random.default_rng(0).integers(0, total.size, (RESAMPLES, total.size))
    low, high = np.quantile(total[drawn].sum(axis=1) / weight[drawn].sum(axis=1), [0.025, 0.975])
    return float(low), float(high)
