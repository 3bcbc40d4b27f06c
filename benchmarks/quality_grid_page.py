"""The grid of representations and aligners as tables for the page of quality."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

GRID_RESULTS = Path(__file__).parent / "results" / "quality_grid.json"
GEOMETRY = "PCA, each modality alone"
LINK = "transport 0.1, linked"
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
    parts += [matrix(rows[rows["aligner"].isin(whole)]), ""]
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


def matrix(rows: pd.DataFrame) -> str:
    """FOSCTTM / rank of each representation (rows) with each aligner (columns)."""
    values = rows.groupby(["representation", "aligner", "data"])[["foscttm", "rank"]].mean()
    values = values.groupby(["representation", "aligner"]).mean()
    columns = list(dict.fromkeys(rows["aligner"]))
    lines = [f"| representation | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    for name in dict.fromkeys(rows["representation"]):
        cells = [
            f"{values.loc[name, each]['foscttm']:.3f} / {values.loc[name, each]['rank']:.3f}"
            if (name, each) in values.index
            else ""
            for each in columns
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
