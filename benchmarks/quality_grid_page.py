"""The grid of representations and aligners as tables for the page of quality."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

GRID_RESULTS = Path(__file__).parent / "results" / "quality_grid.json"
GEOMETRY = "PCA, each modality alone"
LINK = "transport 0.1, linked"
DEFAULT = ("networks and ridge (default)", "transport 0.05")
WORSE = 0.005
FEWEST_PAIRS = 30  # judged pairs of a set below which it is left out


def grid_page(file: Path = GRID_RESULTS) -> str:
    """Means over sets, and one table a set; empty if not measured."""
    if not file.exists():
        return ""
    measured = json.loads(file.read_text(encoding="utf-8"))
    every = pd.DataFrame(measured["rows"])
    rows = every.dropna(subset=["foscttm"])
    pairs = rows.groupby("data")["n_pairs"].median()
    rows = rows[rows["data"].map(pairs) >= FEWEST_PAIRS]
    sets = list(dict.fromkeys(rows["data"]))
    seeds = rows.groupby("data")["seed"].nunique()
    run = measured["run"]
    gates = rows[rows["aligner"] == LINK].groupby("data", sort=False)["linked"].mean()
    parts = [
        "## Representations × aligners",
        "",
        "`python -m benchmarks.quality_grid ../shared/data`, protocol *separate*; mean FOSCTTM / rank, 0.500 is "
        "chance. Each set counts once: means over seeds, then over sets. "
        + ", ".join(f"{name} ({pairs[name]:.0f} pairs, {seeds[name]} seeds)" for name in sets)
        + ". `cite_panels` and `asap_panels` are two panels of proteins of the same cells (of `citeasap_unpaired`), on "
        "which nothing here was developed. The link is on where its gate is open by the bagged scores: "
        + ", ".join(f"{name} {share:.0%}" for name, share in gates.items())
        + f". Commit {run['commit']}, {run['date']}.",
        "",
    ]
    full = rows.groupby("aligner")["data"].nunique()
    whole = [name for name in dict.fromkeys(rows["aligner"]) if full[name] == len(sets)]
    parts += [matrix(rows[rows["aligner"].isin(whole)], default=DEFAULT), "", best_words(rows, whole), ""]
    geometry = [name for name in dict.fromkeys(rows["aligner"]) if name not in whole]
    if geometry:
        small = sorted(set(rows[rows["aligner"].isin(geometry)]["data"]))
        parts += [
            f"By geometry, on the sets that are small enough ({', '.join(small)}), beside transport on the same sets:",
            "",
        ]
        beside = [*geometry, "transport 0.1"]
        parts += [matrix(rows[rows["data"].isin(small) & rows["aligner"].isin(beside)]), ""]
    failed = every[every["foscttm"].isna()]
    for why, mine in failed.groupby("why_not") if "why_not" in every else ():
        parts += [f"Not possible in {len(mine)} cases ({', '.join(sorted(set(mine['aligner'])))}): {why}", ""]
    parts += ["By set: the same for the aligners that all sets have.", ""]
    for name in sets:
        parts += [f"### Grid: {name}", "", matrix(rows[(rows["data"] == name) & rows["aligner"].isin(whole)]), ""]
    return "\n".join(parts).rstrip("\n")


def means(rows: pd.DataFrame) -> pd.DataFrame:
    """FOSCTTM and rank of each representation, aligner and set: means over seeds."""
    return rows.groupby(["representation", "aligner", "data"])[["foscttm", "rank"]].mean()


def best_words(rows: pd.DataFrame, aligners: list[str]) -> str:
    """Which aligner is best for each representation, by the sum of both figures, and which cell of the grid."""
    values = means(rows[rows["aligner"].isin(aligners)]).groupby(["representation", "aligner"]).mean()
    order = values.sum(axis=1)
    best: dict[str, list[str]] = {}
    for name, own in order.groupby("representation", sort=False):
        best.setdefault(own.idxmin()[1], []).append(str(name))
    found = "; ".join(f"*{aligner}* for {', '.join(names)}" for aligner, names in best.items())
    name, aligner = order.idxmin()
    spread = values["foscttm"].groupby("aligner").agg(lambda own: own.max() - own.min())
    widths = ", ".join(f"{each} {spread[each]:.3f}" for each in aligners)
    return (
        f"Best by the sum of both figures: {found}. Best of all: {name} with *{aligner}*. Representations differ in "
        f"FOSCTTM by up to: {widths}."
    )


def matrix(rows: pd.DataFrame, default: tuple[str, str] | None = None) -> str:
    """FOSCTTM / rank of each representation (rows) with each aligner (columns).

    Parameters
    ----------
    default
        Representation and aligner with which each set is compared, in brackets; None leaves that out.
    """
    by_set = means(rows)
    values = by_set.groupby(["representation", "aligner"]).mean()
    columns = list(dict.fromkeys(rows["aligner"]))
    lines = [f"| representation | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for name in dict.fromkeys(rows["representation"]):
        cells = []
        for each in columns:
            if (name, each) not in values.index:
                cells.append("")
                continue
            text = f"{values.loc[name, each]['foscttm']:.3f} / {values.loc[name, each]['rank']:.3f}"
            if default is not None:
                text += f" [{int((by_set.loc[name, each] > by_set.loc[default] + WORSE).any(axis=1).sum())}]"
            cells.append(text)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
