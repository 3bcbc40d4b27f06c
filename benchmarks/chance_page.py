"""The documentation's page on labels dealt at random, from the figures of :mod:`benchmarks.chance`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

AS_IS, PARTNERS = "as they are", "partners dealt"
ONE_LENGTH, LENGTHS, DIRECTIONS = "one length", "lengths dealt", "directions dealt"
FREQUENCIES_OUT = "one length, without label frequencies"
DEPTH_OUT = "length without depth"
PART_ORDER = (AS_IS, PARTNERS, DIRECTIONS, LENGTHS, ONE_LENGTH, FREQUENCIES_OUT, DEPTH_OUT)
ERRORS = 2.0  # standard errors within which a mean is called chance
LABEL_ONLY = "matched by label only"
HOW = (
    "Made by `python -m benchmarks.chance ../shared/data`. A draw deals the labels anew to the physical cells of a "
    "real paired set and splits them anew: A (35 %) trains modality 1, B (35 %) modality 2, and E (30 %), new to both, "
    "is matched and judged (protocol *separate* of [quality](quality.md)). No cell is in two parts and no label means "
    "anything, so nothing can leak. Rank is that of the true partner among the candidates of its label by weight, 0.5 "
    "by chance. All standard errors are over draws: the cells of one draw share their classifiers and are not "
    "independent. The draws share their physical cells, so the errors hold for this set of cells."
)
PARTS = (
    "Then the scores are taken apart. Those of a cell, less the mean of its label, have a *length* and a *direction*. "
    "*Partners dealt*: the same plan, judged with true partners dealt within the label; this tests the judging. "
    "*Directions dealt*: each cell keeps its length and gets the direction of another cell of its label, so that only "
    "lengths can match. *Lengths dealt*: the other way round. *One length*: directions alone, all of the label's "
    "median length. *Without label frequencies*: the direction of the log frequencies taken out too, along which the "
    "networks of the paper's recipe put unusual cells ([defaults](defaults.md)). *Length without depth*: the length "
    "divided by what the depth of the cell lets expect (counts, or features above 0 where values are no counts)."
)


def chance_page(rows: list[dict[str, Any]], verdicts: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """The whole page."""
    found = pd.DataFrame(rows)
    table = summary(found)
    parts = ["# Labels that mean nothing", "", HOW, "", *_deviations(table), "", PARTS, ""]
    parts += [_table(table), "", *_spread(found, table), ""]
    parts += ["## Lengths of partners", "", _sizes(found), "", _judged(verdicts), ""]
    parts += ["## What to conclude", "", *_conclusions(found, table), ""]
    parts += [f"Commit {machine['commit']}, {machine['date']}, {machine['machine']}, beside other work.", ""]
    return "\n".join(parts)


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Of each set, way and part: draws, and mean, spread and standard error over them of rank and FOSCTTM."""
    out = []
    for (data, way, part), mine in rows.groupby(["data", "way", "part"], sort=False):
        row: dict[str, Any] = {"data": data, "way": way, "part": part, "draws": len(mine)}
        for name in ("rank", "foscttm"):
            spread = float(mine[name].std(ddof=1)) if len(mine) > 1 else float("nan")
            error = spread / np.sqrt(len(mine))
            mean = float(mine[name].mean())
            away = (mean - 0.5) / error if error else float("nan")
            row |= {name: mean, f"{name}_sd": spread, f"{name}_error": error, f"{name}_away": away}
        out.append(row)
    return pd.DataFrame(out)


def _table(table: pd.DataFrame) -> str:
    lines = [
        "| data | way | scores | draws | rank ± standard error | standard errors from 0.5 | FOSCTTM ± standard error |",
        "|---|---|---|---|---|---|---|",
    ]
    order = {part: at for at, part in enumerate(PART_ORDER)}
    for (_, _), mine in table.groupby(["data", "way"], sort=False):
        for row in sorted(mine.to_dict("records"), key=lambda each: order[each["part"]]):
            lines.append(
                f"| {row['data']} | {row['way']} | {row['part']} | {row['draws']} "
                f"| {row['rank']:.3f} ± {row['rank_error']:.3f} | {row['rank_away']:+.1f} "
                f"| {row['foscttm']:.3f} ± {row['foscttm_error']:.3f} |"
            )
    return "\n".join(lines)


def _named(table: pd.DataFrame) -> str:
    """Such as ``recommended on papalexi_split (0.489, −3.3)``."""
    return ", ".join(
        f"{row['way']} on {row['data']} ({row['rank']:.3f}, {row['rank_away']:+.1f})"
        for row in table.to_dict("records")
    )


def _deviations(table: pd.DataFrame) -> list[str]:
    """Which ways are away from chance as they are."""
    whole = table[table["part"] == AS_IS]
    away, near = whole[whole["rank_away"].abs() > ERRORS], whole[whole["rank_away"].abs() <= ERRORS]
    lines = []
    if len(away):
        lines.append(
            f"**Ranks are not 0.5 though labels mean nothing** (mean, standard errors from 0.5): {_named(away)}."
        )
    if len(near):
        lines.append(f"Within {ERRORS:.0f} standard errors: {_named(near)}.")
    return lines


def _spread(rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    """How far single draws lie apart, and what the standard error over cells would be."""
    lines = []
    whole = table[table["part"] == AS_IS]
    for data, mine in whole.groupby("data", sort=False):
        n_pairs = rows[rows["data"] == data]["n_pairs"].median()
        spreads = ", ".join(f"{row['way']} {row['rank_sd']:.3f}" for row in mine.to_dict("records"))
        over_cells = np.sqrt(1 / 12 / n_pairs)
        lines.append(
            f"Standard deviation of the rank between draws of {data} ({n_pairs:.0f} judged pairs): {spreads}; "
            f"independent cells would give {over_cells:.3f}. A control with one draw cannot be judged by its cells."
        )
    linked = rows[rows["way"].eq("recommended-2") & rows["linked"].eq(True)]
    for row in linked.to_dict("records"):
        before = rows[(rows["data"] == row["data"]) & (rows["draw"] == row["draw"]) & (rows["part"] == AS_IS)]
        unlinked = float(before[before["way"] == "feature bagging"]["rank"].iloc[0])
        lines.append(
            f"The gate of the link opened on draw {row['draw']} of {row['data']}, where labels mean nothing: rank "
            f"{unlinked:.3f} without the link, {row['rank']:.3f} with it. What its regressions of features find is "
            "true or false of the cells; the labels do not say it."
        )
    n_gates = int((rows["way"].eq("recommended-2") & rows["part"].eq(AS_IS)).sum())
    lines.append(f"The gate opened on {len(linked)} of {n_gates} draws.")
    return [line for each in lines for line in (each, "")][:-1]


def _sizes(rows: pd.DataFrame) -> str:
    names = {
        "lengths_of_partners": "lengths of true partners",
        "depths_of_partners": "depths of true partners",
        "length_and_depth_1": "length and depth, modality 1",
        "length_and_depth_2": "length and depth, modality 2",
    }
    lines = [
        "Rank correlations within labels, means over draws ± standard error. A cell that is unusual in one modality is "
        "unusual in the other.\n",
        f"| data | way | {' | '.join(names.values())} |",
        "|---|---|---|---|---|---|",
    ]
    for (data, way), mine in rows[rows["part"] == AS_IS].groupby(["data", "way"], sort=False):
        if way == "recommended-2":
            continue
        cells = [f"{mine[name].mean():+.2f} ± {mine[name].std() / np.sqrt(len(mine)):.2f}" for name in names]
        lines.append(f"| {data} | {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _judged(verdicts: list[dict[str, Any]]) -> str:
    """What the monitor says of such data."""
    n = len(verdicts)
    right = sum(each["verdict"] == LABEL_ONLY for each in verdicts)
    labels = sum(each["LABEL_ONLY"] for each in verdicts)
    better = sum(each["USE"] + each["CAUTION"] for each in verdicts)
    return (
        f"**The monitor** of runs of A and B, as a user would start them: *{LABEL_ONLY}* in {right} of {n} runs; of "
        f"their labels, {labels:,} *{LABEL_ONLY}* and {better:,} better."
    )


def _conclusions(rows: pd.DataFrame, table: pd.DataFrame) -> list[str]:
    whole = table[table["part"] == AS_IS]
    away = whole[whole["rank_away"].abs() > ERRORS]
    keys = set(zip(away["data"], away["way"], strict=True))
    without_sizes = (ONE_LENGTH, FREQUENCIES_OUT)

    def of(*parts: str) -> pd.DataFrame:
        found = table[table["part"].isin(parts)]
        return found[[key in keys for key in zip(found["data"], found["way"], strict=True)]]

    if not keys:
        return ["No way is further from 0.5 than chance allows on these draws."]
    rest = of(*without_sizes)
    near, left = (rest[rest["rank_away"].abs() <= ERRORS], rest[rest["rank_away"].abs() > ERRORS])
    taken = [
        f"{way} on {data} {paired(rows, data, way, part)}"
        for data, way, part in zip(rest["data"], rest["way"], rest["part"], strict=True)
    ]
    lines = [f"- The judging is right: with dealt partners the same plans give {_named(of(PARTNERS))}."]
    lines.append(
        f"- Lengths alone, with dealt directions, give {_named(of(DIRECTIONS))}. With one length for all cells of a "
        f"label the rank rises by (same draws, ± standard error): {'; '.join(taken)}. Classifiers of labels that mean "
        "nothing still give some cells larger scores, and the same cells in both modalities. That is true of them, "
        "it is no leak, and the labels do not say it."
    )
    if len(near):
        lines.append(f"- Directions alone are then within {ERRORS:.0f} standard errors of 0.5: {_named(near)}.")
    if len(left):
        lines.append(f"- Not wholly explained by lengths and label frequencies: {_named(left)}.")
    deep = of(DEPTH_OUT)
    lines += [
        f"- With the length that the depth of a cell lets expect divided out, ranks are {_named(deep)}: "
        + (
            "depth alone is not the reason."
            if (deep["rank_away"].abs() > ERRORS).any()
            else "depth can be the whole reason."
        ),
        "- So a rank below 0.5 is not yet evidence that labels carry something. Compare with the same data and labels "
        "dealt at random, over several draws, and not with 0.5.",
    ]
    return lines


def paired(rows: pd.DataFrame, data: str, way: str, part: str) -> str:
    """How much higher the rank is with changed scores than as they are, over the same draws, ± standard error."""
    mine = rows[(rows["data"] == data) & (rows["way"] == way)]
    ranks = mine.pivot(index="draw", columns="part", values="rank")
    change = (ranks[part] - ranks[AS_IS]).dropna()
    return f"{change.mean():+.3f} ± {change.std(ddof=1) / np.sqrt(len(change)):.3f}"
