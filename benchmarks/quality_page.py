"""The page of the quality benchmark: tables of each set, of all sets together, and of sets without signal."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from benchmarks.quality_grid_page import grid_page
from benchmarks.quality_ideas_page import IDEAS_RESULTS, ideas_page
from benchmarks.quality_splits import PAIRED, PANELS, SHARES

FEW_DRAWS = (
    "A draw deals and splits the cells anew. The standard error is over draws, and of so few of them it is uncertain "
    "itself; a row of the paper's recipe is a mean of five trainings each. More draws, and why ranks of labels that "
    "mean nothing are not 0.5: [labels that mean nothing](chance.md)."
)
CONTROL_WORDS = {"labels": "labels dealt at random", "noise": "modality 2 replaced by noise"}
METRICS = ("trace_fold", "foscttm", "rank")
PROTOCOL = (
    "Real paired cells, in two protocols. *Shared*: 60 % are in both modalities, 20 % in modality 1 only and 20 % in "
    "modality 2 only; both classifiers are trained on the same physical cells, which inflates all figures. *Separate*: "
    "35 % train modality 1, 35 % train modality 2, and the other 30 %, new to both, are matched and judged. The "
    "evaluation uses the cells that are in both, within labels, ties one half. Medians over seeds (quartiles in "
    "brackets); a seed is another split. The paper's recipe is trained five times on each split and its figures are "
    "means; ratio and differences are medians over seeds of differences from these means on the same split. R² within "
    "labels: a ridge regression is trained on the matches, to predict differences from the mean of the label in "
    "modality 2 / in modality 1, and judged by the true partners of cells that it was not trained on. The uniform plan "
    "gives it nothing to learn; the row of true pairs is the most that it can reach."
)
CEILING = "ceiling: default, linked by translators of true pairs"
FEWEST_PAIRS = 30  # judged pairs of a set below which it is left out of the summary
FEWEST_EXPLAINED = 0.05  # R² within labels of true pairs from which a share of it is a figure
READING = (
    "How to read the tables: here the paper's recipe is one small network, raw logits and entropic transport at 0.05 "
    "absolute. On sets this small the wide network of the preset takes only one or two steps per epoch and stays "
    "undertrained. Exact transport and shared neighbours put more weight on the true partner (trace) and rank the "
    "other cells worse. Sets with little signal within labels change little. These sets are small: seeds differ by "
    "about 0.015 in FOSCTTM, and training again with other folds on the same splits changes the median ratio of "
    "trace_fold by a tenth. Look for agreement across sets, not at single cells of a table."
)


def table(rows: pd.DataFrame) -> str:
    """Medians and quartiles over seeds, and paired differences against the paper's recipe."""
    baseline = rows[rows["method"].str.startswith("paper recipe")].set_index("seed")
    name = ", ".join(str(rows[each].iloc[0]) for each in ("data", "protocol"))
    lines = [
        f"\n## {name}: {rows['n_pairs'].median():.0f} pairs, "
        f"{rows['labels_judged'].median():.0f} labels judged, {rows['labels_skipped'].median():.0f} skipped\n",
        "| method | trace_fold | foscttm | rank | trace_fold ratio to paper recipe | Δ foscttm | Δ rank "
        "| R² within labels |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method in rows["method"].unique():
        mine = rows[rows["method"] == method].set_index("seed")
        cells = [quartiles(mine[metric]) for metric in METRICS]
        cells += ["", "", ""]
        if len(baseline):
            ratio = mine["trace_fold"] / baseline["trace_fold"]
            changes = [(mine[metric] - baseline[metric]).median() for metric in ("foscttm", "rank")]
            cells[-3:] = [f"{ratio.median():.2f}", *(f"{change:+.3f}" for change in changes)]
        lines.append(f"| {method} | " + " | ".join([*cells, explained(mine)]) + " |")
    if any(explained(rows, "_true")):
        lines.append(f"| true pairs | {' | '.join([''] * 6)} | {explained(rows, '_true')} |")
    return "\n".join(lines)


def explained(rows: pd.DataFrame, which: str = "") -> str:
    """Medians over seeds of R² within labels, of modality 2 / modality 1; empty where it was not measured."""
    columns = [f"r2_{side}{which}" for side in ("target", "source")]
    if not set(columns) <= set(rows.columns) or rows[columns].isna().all(axis=None):
        return ""
    return " / ".join(f"{rows[column].median():+.3f}" for column in columns)


def run_name(data: str, protocol: str, control: str = "") -> str:
    """The name of a measurement in the file of results; those before the second protocol are named by the set alone."""
    return ", ".join(
        [data, *([protocol] if protocol != "shared" else []), *([CONTROL_WORDS[control]] if control else [])]
    )


def summary(rows: pd.DataFrame) -> str:
    """Means over sets of the differences from the paper's recipe, and the worst set, for each protocol and method."""
    too_few = rows.groupby(["protocol", "data"])["n_pairs"].median()
    left_out = [f"{data} ({protocol}, {n:.0f})" for (protocol, data), n in too_few.items() if n < FEWEST_PAIRS]
    lines = [
        "## All sets: differences from the paper's recipe (one small network), FOSCTTM / rank\n",
        "| protocol | method | sets | mean | median | worst set | sets worse by more than 0.005 "
        "| smallest trace of a set, of uniform | linked | way to the ceiling, median "
        "| share of the gap in R² within labels |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for protocol, mine in rows.groupby("protocol", sort=False):
        mine = mine[[too_few[protocol, data] >= FEWEST_PAIRS for data in mine["data"]]]
        if mine.empty:
            continue
        base = mine[mine["method"].str.startswith("paper recipe")].set_index(["data", "seed"])[list(METRICS)]
        ceiling = mine[mine["method"] == CEILING].set_index(["data", "seed"])[list(METRICS)]
        most = (ceiling - base).dropna().groupby("data")[["foscttm", "rank"]].mean()
        for method, own in mine.groupby("method", sort=False):
            values = own.set_index(["data", "seed"])[list(METRICS)]
            change = (values - base).dropna().groupby("data")[["foscttm", "rank"]].mean()
            traces = values.loc[change.index]["trace_fold"].groupby("data").median()
            linked = own.get("linked", pd.Series(dtype=float)).dropna()
            cells = [
                f"{found['foscttm']:+.3f} / {found['rank']:+.3f}"
                for found in (change.mean(), change.median(), change.max())
            ]
            cells.append(f"{int((change > 0.005).any(axis=1).sum())}")
            share = f"{linked.astype(float).mean():.0%}" if len(linked) else ""
            lines.append(
                f"| {protocol} | {method} | {len(change)} | {' | '.join(cells)} | {traces.min():.2f} | {share} "
                f"| {way_words(change, most)} | {gap_words(own)} |"
            )
    if left_out:
        lines += ["", f"Left out for fewer than {FEWEST_PAIRS} judged pairs: {', '.join(left_out)}."]
    return "\n".join(lines)


def way_words(change: pd.DataFrame, most: pd.DataFrame) -> str:
    """Share of the way from the paper's recipe to the ceiling, FOSCTTM / rank, median of the sets that have one."""
    shares = (change / most.where(most < 0)).dropna()
    return f"{shares['foscttm'].median():.2f} / {shares['rank'].median():.2f}" if len(shares) else ""


def gap_words(rows: pd.DataFrame) -> str:
    """How much of the way from uniform plan to true pairs the matches explain: median, smallest, of how many."""
    if "r2_target" not in rows:
        return ""
    shares = []
    for side in ("target", "source"):
        mine = rows.groupby("data")[[f"r2_{side}{each}" for each in ("", "_uniform", "_true")]].median()
        own, uniform, true = (mine[column] for column in mine)
        shares += ((own - uniform) / (true - uniform))[true >= FEWEST_EXPLAINED].tolist()
    return f"{np.median(shares):.2f}, smallest {min(shares):.2f} of {len(shares)}" if shares else ""


def chance(rows: pd.DataFrame) -> str:
    """Whether sets without signal look so: rank against one half, with the standard error over draws."""
    lines = [
        "| data | protocol | method | draws | rank ± standard error | standard errors from 0.5 | foscttm |",
        "|---|---|---|---|---|---|---|",
    ]
    for (data, protocol, method), mine in rows.groupby(["data", "protocol", "method"], sort=False):
        error = max(mine["rank"].std(ddof=1) / np.sqrt(len(mine)), 1e-12) if len(mine) > 1 else np.nan
        away = (mine["rank"].mean() - 0.5) / error
        lines.append(
            f"| {data} | {protocol} | {method} | {len(mine)} | {mine['rank'].mean():.3f} ± {error:.3f} | {away:+.1f} "
            f"| {mine['foscttm'].mean():.3f} |"
        )
    return "\n".join(lines)


def page(rows: pd.DataFrame, runs: dict[str, dict[str, object]]) -> str:
    """The documentation's page of figures."""
    parts = [
        "# How good the matchings are",
        "",
        "Made by `python -m benchmarks.quality ../shared/data`. " + PROTOCOL,
        "",
    ]
    signal = rows[rows["control"] == ""]
    parts += [summary(signal), ""]
    missing = [f"{name} ({which})" for which in SHARES for name in PAIRED if run_name(name, which) not in runs]
    parts += [f"Not measured: {', '.join(missing)}.", ""] if missing else []
    for control, words in CONTROL_WORDS.items():
        mine = rows[rows["control"] == control]
        if not mine.empty:
            parts += [f"## Without signal: {words}", "", FEW_DRAWS, "", chance(mine), ""]
    every = [(each, which) for which in SHARES for each in (*PAIRED, *PANELS) if run_name(each, which) in runs]
    for name, protocol in every:
        facts = runs[run_name(name, protocol)]
        mine = signal[(signal["data"] == name) & (signal["protocol"] == protocol)]
        parts += [table(mine).lstrip("\n"), ""]
        parts += [f"{facts['seeds']} seeds, commit {facts['commit']}, {facts['date']}, {facts['machine']}.", ""]
    more = [grid_page()]
    if IDEAS_RESULTS.exists():
        more.append(ideas_page(json.loads(IDEAS_RESULTS.read_text(encoding="utf-8"))))
    parts += [line for each in more if each for line in (each, "")]
    return "\n".join([*parts, READING, ""])


def quartiles(values: pd.Series) -> str:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.3f} ({low:.3f}–{high:.3f})"
