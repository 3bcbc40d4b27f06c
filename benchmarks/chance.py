"""Labels dealt at random: how far from chance are matchings of cells that no classifier has seen, and what is it?

    python -m benchmarks.chance ../shared/data             # draws that are not there yet, then docs/chance.md
    python -m benchmarks.chance ../shared/data --draws 0   # only the page anew, from what was measured

A draw deals the labels to the physical cells and splits them anew, in the protocol *separate* of benchmarks.quality:
A trains modality 1, B modality 2, and E, new to both, is matched and judged. No cell is in two parts, so nothing can
leak. The standard errors are over draws: the cells of a draw have one pair of classifiers and are not independent.

Each plan is also made from scores that were taken apart. The scores of a cell, less the mean of its label, have a
length and a direction. *One length* keeps the directions only. *Lengths dealt* and *directions dealt* deal one of both
to the other cells of the label, so that what the other says remains. *Partners dealt* keeps the plan and deals the true
partners within the label: this must give chance, or the judging itself is wrong.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

from benchmarks.chance_page import (
    AS_IS,
    DEPTH_OUT,
    DIRECTIONS,
    FREQUENCIES_OUT,
    LENGTHS,
    ONE_LENGTH,
    PARTNERS,
    chance_page,
)
from benchmarks.quality import RAW, fit, machine
from benchmarks.quality_splits import CONTROLS, Split, of_new_cells
from benchmarks.result_rows import write_rows
from psmatch_core.base import disk
from psmatch_core.base.randomness import stream
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import evaluate
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import IF_FOUND, Linking
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher, SinkhornMatcher
from psmatch_core.monitor import Verdict
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.monitor_matching import monitor_matching
from psmatch_core.pipeline.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "chance.json"
PAGE = Path(__file__).parents[1] / "docs" / "chance.md"
SETS = ("papalexi_split", "bmmc_cite")
FEWEST = 5  # pairs of a label, below which no correlation within it is taken
SHORTEST = 1e-12  # of a cell at the mean of its label, which has no direction
Models = tuple[PropensityModel, PropensityModel]


@dataclass(frozen=True)
class Way:
    """How cells are scored and matched, and which parts of the scores are looked at."""

    name: str
    scores: str
    matcher: Matcher
    linking: Linking = Linking()
    parts: tuple[str, ...] = (PARTNERS, ONE_LENGTH, LENGTHS, DIRECTIONS, DEPTH_OUT)


WAYS = (
    Way("paper recipe", "one MLP", RAW, parts=(PARTNERS, FREQUENCIES_OUT)),
    Way("recommended", "default", Recipe().matcher),
    Way("feature bagging", "bagged", SinkhornMatcher.smooth()),
    Way("recommended-2", "bagged", SinkhornMatcher.smooth(), linking=Linking(use=IF_FOUND), parts=()),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="*", default=list(SETS))
    parser.add_argument("--draws", type=int, default=20, help="of each set; those that are kept are not made again")
    parser.add_argument("--judged", type=int, default=6, help="draws of which the monitor judges a run of A and B")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file of all rows")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page of the documentation made from that file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", FutureWarning)
    for draw in range(options.draws):  # all sets have the same draws if it is stopped
        for name in options.sets:
            kept = read(options.out)
            if any(row["data"] == name and row["draw"] == draw for row in kept["rows"]):
                continue
            started = time.perf_counter()
            split = Split(options.data / name, draw, "separate", CONTROLS[0])
            kept["rows"] += one_draw(split)
            kept["verdicts"] += verdicts(split) if draw < options.judged else []
            write_rows(options.out, {"machine": machine(), "rows": kept["rows"], "verdicts": kept["verdicts"]})
            print(f"# {name}, draw {draw}: {time.perf_counter() - started:.0f} s", flush=True)
    kept = read(options.out)
    disk.write_text(options.page, chance_page(kept["rows"], kept["verdicts"], kept["machine"]))


def read(path: Path) -> dict[str, list[dict[str, object]]]:
    """What was measured so far."""
    if path.exists():
        found: dict[str, list[dict[str, object]]] = json.loads(path.read_text(encoding="utf-8"))
        return found
    return {"rows": [], "verdicts": []}


def one_draw(split: Split) -> list[dict[str, object]]:
    """The figures of all ways and parts on one draw."""
    trained, judged = split.modalities()
    depths = [depth(each) for each in judged]
    features, seen = as_features(trained, trained), as_features(trained, judged)
    scored: dict[str, Models] = {}
    rows = []
    for way in WAYS:
        if way.scores not in scored:
            scored[way.scores] = of_new_cells(fit(features, way.scores, split.seed), seen)
        models = scored[way.scores]
        recipe = Recipe(seed=split.seed, matcher=way.matcher, linking=way.linking)
        models, notes = link_modalities(recipe, models)
        plan = match(*models, way.matcher, seed=split.seed)
        about = {"data": split.folder.name, "draw": split.seed, "way": way.name}
        is_linked = bool(notes and notes[0].startswith("Linked"))
        rows.append({**about, "part": AS_IS, **figures(plan), **sizes(models, depths), "linked": is_linked})
        for part in way.parts:
            changed = partners_dealt(plan, split.seed) if part == PARTNERS else None
            changed = changed or match(*taken_apart(models, part, depths, split.seed), way.matcher, seed=split.seed)
            rows.append({**about, "part": part, **figures(changed)})
    return rows


def as_features(trained: list[Modality], cells: list[Modality]) -> list[Modality]:
    """Cells preprocessed as the ones that train."""
    recipe = Recipe()
    settings = (recipe.source_preprocessing, recipe.target_preprocessing)
    return [
        config.fit(side, seed=recipe.seed).transform(each)
        for config, side, each in zip(settings, trained, cells, strict=True)
    ]


def figures(plan: Coupling) -> dict[str, float]:
    """Rank and FOSCTTM, means over cells."""
    found = evaluate(plan)
    return {"rank": found.micro["rank"], "foscttm": found.micro["foscttm"], "n_pairs": len(found.per_cell)}


def depth(cells: Modality) -> np.ndarray:
    """Counts of each cell where the values are counts, else features above 0, ``(n_cells,)``."""
    values = np.asarray(cells.X.sum(axis=1), dtype=np.float64).ravel()
    if np.array_equal(values, np.round(values)):
        return values
    return np.asarray((cells.X > 0).sum(axis=1), dtype=np.float64).ravel()


def taken_apart(models: Models, part: str, depths: list[np.ndarray], seed: int) -> Models:
    """The models with scores of which one part is left, or one is dealt, within every label."""
    out = []
    for at, model in enumerate(models):
        rng = stream(seed, "scores taken apart", part, at)
        scores = np.array(model.logits, dtype=np.float64)
        if part == FREQUENCIES_OUT:
            scores = without_frequencies(scores, model)
        expected = lengths_by_depth(model, depths[at])
        for label in model.label_names:
            mine = model.modality.labels == label
            if mine.any():
                scores[mine] = _changed(scores[mine], part, expected[mine], rng)
        out.append(replace(model, logits=scores))
    return out[0], out[1]


def _changed(scores: np.ndarray, part: str, expected: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The scores of one label's cells ``(n, d)``, with one part changed."""
    centre, lengths, directions = polar(scores)
    change: dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]] = {
        ONE_LENGTH: lambda: (np.full_like(lengths, np.median(lengths)), directions),
        FREQUENCIES_OUT: lambda: (np.full_like(lengths, np.median(lengths)), directions),
        LENGTHS: lambda: (rng.permutation(lengths), directions),
        DIRECTIONS: lambda: (lengths, rng.permutation(directions)),
        DEPTH_OUT: lambda: (lengths / expected * np.median(expected), directions),
    }
    lengths, directions = change[part]()
    return centre + lengths[:, None] * directions


def without_frequencies(scores: np.ndarray, model: PropensityModel) -> np.ndarray:
    """Scores ``(n, d)`` without the direction of the log frequencies of the labels."""
    shares = np.array([(model.modality.labels == label).sum() for label in model.label_names], dtype=np.float64)
    towards = np.log(np.maximum(shares, 1))
    towards -= towards.mean()
    norm = float(np.linalg.norm(towards))
    return scores if norm < SHORTEST else scores - np.outer(scores @ towards, towards) / norm**2


def polar(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean ``(d,)``, and of each row its distance from it ``(n,)`` and its direction ``(n, d)``."""
    centre = scores.mean(axis=0)
    lengths = np.linalg.norm(scores - centre, axis=1)
    return centre, lengths, (scores - centre) / np.maximum(lengths, SHORTEST)[:, None]


def lengths_of(model: PropensityModel) -> np.ndarray:
    """How far the scores of each cell are from the mean of its label, ``(n_cells,)``."""
    lengths = np.zeros(model.modality.n_cells)
    for label in model.label_names:
        mine = model.modality.labels == label
        if mine.any():
            lengths[mine] = polar(np.asarray(model.logits, dtype=np.float64)[mine])[1]
    return lengths


def lengths_by_depth(model: PropensityModel, depths: np.ndarray) -> np.ndarray:
    """The length that the depth of a cell lets expect, by a parabola of the ranks, ``(n_cells,)``."""
    place = rankdata(depths) / depths.size
    terms = np.stack([np.ones_like(place), place, place**2], axis=1)
    logs = np.log(np.maximum(lengths_of(model), SHORTEST))
    return np.asarray(np.exp(terms @ np.linalg.lstsq(terms, logs, rcond=None)[0]))


def partners_dealt(plan: Coupling, seed: int) -> Coupling:
    """The same plan, and each cell has another one of its label as its true partner."""
    cells = plan.target.modality
    ids = np.array(cells.pair_ids)
    rng = stream(seed, "partners dealt")
    for label in plan.target.label_names:
        mine = np.flatnonzero(cells.labels == label)
        ids[mine] = ids[rng.permutation(mine)]
    return replace(plan, target=replace(plan.target, modality=replace(cells, pair_ids=ids)))


def sizes(models: Models, depths: list[np.ndarray]) -> dict[str, float]:
    """Rank correlations within labels: of true partners' lengths and depths, and of length and depth of a cell."""
    lengths = [lengths_of(model) for model in models]
    cells = [model.modality for model in models]
    at = {name: place for place, name in enumerate(cells[1].pair_ids)}
    pairs = np.array([(row, at[name]) for row, name in enumerate(cells[0].pair_ids) if name in at])
    labels = cells[0].labels[pairs[:, 0]]
    first, second = pairs.T
    return {
        "lengths_of_partners": within(lengths[0][first], lengths[1][second], labels),
        "depths_of_partners": within(depths[0][first], depths[1][second], labels),
        "length_and_depth_1": within(lengths[0][first], depths[0][first], labels),
        "length_and_depth_2": within(lengths[1][second], depths[1][second], labels),
    }


def within(one: np.ndarray, other: np.ndarray, labels: np.ndarray) -> float:
    """Mean over labels of the rank correlation within each, weighted by its pairs."""
    found, weights = [], []
    for label in np.unique(labels):
        mine = labels == label
        if mine.sum() >= FEWEST and np.ptp(one[mine]) > 0 and np.ptp(other[mine]) > 0:
            found.append(float(spearmanr(one[mine], other[mine]).statistic))
            weights.append(int(mine.sum()))
    return float(np.average(found, weights=weights)) if found else float("nan")


def verdicts(split: Split) -> list[dict[str, object]]:
    """What the monitor says of a run of A and B, which share no cell, as a user would start it."""
    trained = split.modalities()[0]
    features = as_features(trained, trained)
    rows: list[dict[str, object]] = []
    for way in WAYS[1:3]:
        recipe = Recipe(seed=split.seed, matcher=way.matcher)
        plan = match(*fit(features, way.scores, split.seed), way.matcher, seed=split.seed)
        report = monitor_matching(plan, (trained[0], trained[1]), recipe)
        of_labels = [row.verdict for row in report.labels]
        rows.append(
            {
                "data": split.folder.name, "draw": split.seed, "way": way.name, "verdict": report.verdict.value,
                **{each.name: sum(one is each for one in of_labels) for each in Verdict},
            }
        )  # fmt: skip
    return rows


if __name__ == "__main__":
    main()
