"""Ideas beside feature bagging, as a table for the page of quality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from psmatch_core.base.errors import plural

IDEAS_RESULTS = Path(__file__).parent / "results" / "quality_ideas.json"
BASE = "feature bagging, 0.1 × mean"
LINKED_BASE, LINKED_IDEA = (
    "recommended-2",
    "scores averaged over neighbours where the gate is open, linked (second look)",
)
SECOND_LOOK = (
    "The second look was not: it is the idea that gained most, on the same sets, and is compared with `recommended-2`. "
)
FEWEST_PAIRS = 30  # judged pairs of a set below which it is left out
GAIN, LOSS, ON = 0.003, 0.005, 3  # the rule: better by so much on so many sets, worse by no more on any


def ideas_page(measured: dict[str, Any]) -> str:
    """Differences from feature bagging on the same split: medians and quartiles over seeds, and what the rule says."""
    rows, run = pd.DataFrame(measured["rows"]), measured["run"]
    rows = rows[rows["data"].map(rows.groupby("data")["n_pairs"].median()) >= FEWEST_PAIRS]
    seeds = rows.groupby("data", sort=False)["seed"].nunique()
    values = rows.set_index(["idea", "data", "seed"])[["foscttm", "rank"]]
    lines = [
        "## Ideas that were tried",
        "",
        "`python -m benchmarks.quality_ideas ../shared/data`, protocol *separate*: differences from feature bagging "
        "with the same scores and ε, FOSCTTM / rank, medians over seeds with quartiles. Written down before the first "
        f"run, like the rule: better by {GAIN} in both on {ON} sets, worse by more than {LOSS} on none. "
        + (SECOND_LOOK if (rows["idea"] == LINKED_IDEA).any() else "")
        + "Seeds: "
        + ", ".join(f"{name} {n}" for name, n in seeds.items())
        + f". Commit {run['commit']}, {run['date']}.",
        "",
        f"| idea | {' | '.join(seeds.index)} | sets better, worse | enters |",
        "|---|" + "---|" * (len(seeds) + 2),
    ]
    for name in [each for each in dict.fromkeys(rows["idea"]) if each not in (BASE, LINKED_BASE)]:
        beside = LINKED_BASE if name == LINKED_IDEA else BASE
        change = (values.loc[name] - values.loc[beside]).groupby("data", sort=False)
        middle, low, high = change.median(), change.quantile(0.25), change.quantile(0.75)
        cells = [
            " / ".join(
                f"{middle.loc[data, each]:+.3f} ({low.loc[data, each]:+.3f} to {high.loc[data, each]:+.3f})"
                for each in middle
            )
            if data in middle.index
            else ""
            for data in seeds.index
        ]
        measured_on = values.loc[name].groupby("data").size()
        if int(measured_on.min()) < int(seeds.min()):
            name = f"{name}, {plural(int(measured_on.min()), 'seed')}"
        better, worse = int((middle <= -GAIN).all(axis=1).sum()), int((middle > LOSS).any(axis=1).sum())
        enters = "yes" if better >= ON and not worse else "no"
        lines.append(f"| {name} | {' | '.join(cells)} | {better}, {worse} | {enters} |")
    return "\n".join(lines)
