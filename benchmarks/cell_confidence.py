"""Does anything know the better cells within a label, and how wide is a calibrated P? Without a pair, judged by pairs.

    python -m benchmarks.cell_confidence ../shared/data          # writes docs/confidence.md

Protocol *separate* of benchmarks.quality: no judged cell has trained a classifier. The matching is ``recommended-2``.
What can be seen of a source cell without its partner (:mod:`benchmarks.cell_observables`) is asked which cells of a
label are matched better: those whose FOSCTTM, or the rank of whose partner, is below the median of their label. The
figure is the AUROC within labels, over all pairs of a better and a worse cell of a label.

A cell near the centre of its label has a small FOSCTTM whatever it is matched with. So the same AUROC is measured with
the true partners dealt at random within the label: what remains above it is knowledge of the matching.

The rule, written before the judged sets were looked at: on the sets of ``CHOSEN_ON``, take the observable whose
AUROC less that of dealt partners, the smaller one of FOSCTTM and rank, is largest in the mean. It is offered as a
filter if on the sets of ``JUDGED_ON`` both AUROCs are above 0.55 in the mean after the AUROC of dealt partners less
0.5 is taken off, and no set is below 0.5 so.

A third figure, which the rule does not use, needs no such correction in the mean: the probability that a match drawn
by weight, the true partner left out, is nearer to the partner than another cell of the label. Whatever the partner, it
is one half for a row of the plan drawn at random, since all target cells have the same weight in a plan.

The calibrated P is by label, the mean of this probability. It is promised by the agreement of the matches between
halves of the features, through a line fitted on the sets of one half, and found on those of the other half.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from benchmarks.cell_confidence_page import CONFIDENCE_PAGE, COVERAGE, RISKS, confidence_page
from benchmarks.cell_observables import half_matchings, observables
from benchmarks.kept_scores import add_splits, asked_splits, split_scores
from benchmarks.quality import LINKED, machine
from benchmarks.quality_page import run_name
from benchmarks.quality_splits import CONTROLS, Split
from benchmarks.result_rows import write_rows
from psmatch_core.base import disk
from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.randomness import stream
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.monitor.stability import compare
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.recipe import Recipe

CONFIDENCE_RESULTS = Path(__file__).parent / "results" / "cell_confidence.json"
MONITORED = CONFIDENCE_RESULTS.with_name("monitor.json")  # of benchmarks.monitor
FEWEST = 10  # pairs of a label from which its cells are compared
DEALS = 20  # of the true partners within a label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_splits(parser, CONFIDENCE_RESULTS)
    parser.add_argument("--control", default="", choices=CONTROLS, help="sets without signal")
    parser.add_argument("--page", type=Path, default=CONFIDENCE_PAGE)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for split in asked_splits(options, options.control):
        cells, labels = one_split(split, options.scores)
        keep(cells, labels, (run_name(split.folder.name, "shared", split.control), split.seed), options.out)
    monitored = json.loads(MONITORED.read_text(encoding="utf-8"))["labels"] if MONITORED.exists() else []
    text = confidence_page(json.loads(options.out.read_text(encoding="utf-8")), monitored)
    disk.write_text(options.page, text)
    print(text)


def keep(cells: list[dict[str, object]], labels: list[dict[str, object]], split: tuple[str, int], out: Path) -> None:
    """Put the rows of a split in the place of earlier ones."""
    earlier = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {"cells": [], "labels": []}
    others = {
        what: [row for row in earlier[what] if (row["data"], row["seed"]) != split] for what in ("cells", "labels")
    }
    write_rows(out, {"run": machine(), "cells": others["cells"] + cells, "labels": others["labels"] + labels})


def one_split(split: Split, folder: Path | None) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """AUROCs and risks of every observable of one split, and what each of its labels promises and holds."""
    scores = split_scores(split, folder)
    matcher = SinkhornMatcher.smooth()
    models, notes = link_modalities(Recipe(seed=split.seed, matcher=matcher, linking=LINKED), scores.bagged)
    coupling = match(*models, matcher, seed=split.seed)
    spaces = tuple(fixed_space(each.modality, Judging()) for each in scores.bagged)
    halves = half_matchings(scores, matcher, seed=split.seed)
    seen = observables(scores, coupling, halves, spaces, matcher, seed=split.seed)
    found = list(judged_labels(coupling, (spaces[0], spaces[1]), split.seed))
    where = {"data": run_name(split.folder.name, "shared", split.control), "seed": split.seed}
    linked = bool(notes and notes[0].startswith("Linked"))
    cells = [
        where | {"observable": name, "linked": linked} | figures_of(values, found) for name, values in seen.items()
    ]
    stable = [compare(first, second, (spaces[0], spaces[1])).by_label for first, second in halves]
    labels = [
        where
        | {
            "label": each.label,
            "n_pairs": each.rows.size,
            "found": 1 - nan_mean(each.farther[0]),
            "foscttm": nan_mean(each.foscttm[0]),
        }
        | {"agreement": nan_mean([one[each.label].agreement for one in stable])}
        for each in found
    ]
    return cells, labels


@dataclass(frozen=True, eq=False)
class JudgedLabel:
    """The true pairs of one label.

    Parameters
    ----------
    rows
        Source cells, ``(n_pairs,)``, as rows of the source modality.
    foscttm, rank, farther
        Of each pair, ``(1 + deals, n_pairs)``: first with its true partner, then with dealt ones. The last is the
        probability that a match drawn by weight, the true partner left out, is farther from it than another cell is.
    """

    label: str
    rows: np.ndarray
    foscttm: np.ndarray
    rank: np.ndarray
    farther: np.ndarray


def judged_labels(coupling: Coupling, spaces: tuple[np.ndarray, np.ndarray], seed: int) -> Iterator[JudgedLabel]:
    """Every label with enough pairs."""
    ids = known_ids(coupling.source.modality, coupling.target.modality)
    assert ids is not None, "a benchmark set has pairs"
    for label, block in coupling.blocks.items():
        at, of = coupling.source_cells[label], coupling.target_cells[label]
        rows, columns = true_pairs(ids[0][at], ids[1][of])
        if rows.size < FEWEST:
            continue
        rng = stream(seed, "dealt partners", label)
        dealt = np.stack([np.arange(rows.size), *(rng.permutation(rows.size) for _ in range(DEALS))])
        shares = block.to_array()
        shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        foscttm = foscttm_of_all(block, rows, columns, (spaces[0][at], spaces[1][of]))
        before = before_own(-shares[rows])[:, columns]
        mine = np.arange(rows.size)
        farther = 1 - nearer_than_others(shares[rows], columns, spaces[1][of])
        yield JudgedLabel(label, at[rows], foscttm[mine, dealt], before[mine, dealt], farther[mine, dealt])


def foscttm_of_all(
    block: Block, rows: np.ndarray, columns: np.ndarray, spaces: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """FOSCTTM of every source cell of a pair (rows) if each of the target cells were its partner, ``(n, n)``."""
    masses = [np.maximum(each, np.finfo(float).tiny)[:, None] for each in block.marginals]
    forward = cdist((block.pull(spaces[1]) / masses[0])[rows], spaces[1][columns])
    backward = cdist((block.push(spaces[0]) / masses[1])[columns], spaces[0][rows]).T
    sides = [(before_own(each) + before_own(each.T).T) / 2 for each in (forward, backward)]
    return np.asarray((sides[0] + sides[1]) / 2)


def before_own(values: np.ndarray) -> np.ndarray:
    """For each entry of ``(n, m)``: the fraction of the others in its row that are smaller, ties one half."""
    scale = max(float(np.abs(values).max()), np.finfo(float).tiny)
    return np.asarray((rankdata(np.round(values / scale, 9), axis=1) - 1) / max(values.shape[1] - 1, 1))


def nearer_than_others(shares: np.ndarray, columns: np.ndarray, space: np.ndarray) -> np.ndarray:
    """P of every source cell of a pair (rows) if each of the target cells of a pair were its partner, ``(n, n)``.

    Parameters
    ----------
    shares
        Weights of the target cells for each source cell of a pair, ``(n_pairs, m)``.
    columns
        The true partner of each among the target cells, whose places are ``space (m, d)``.

    Returns
    -------
    The probability that a match drawn by weight, the partner left out, is nearer to it than another cell is.
    """
    mine = np.arange(columns.size)
    distances = cdist(space[columns], space)
    distances[mine, columns] = -1.0  # the partner comes first, and the others are ranked behind it
    nearer = 1 - (rankdata(distances, axis=1) - 2) / max(space.shape[0] - 2, 1)
    nearer[mine, columns] = 0.0
    return np.asarray(shares @ nearer.T / np.maximum(1 - shares[:, columns], np.finfo(float).eps))


def figures_of(values: np.ndarray, labels: list[JudgedLabel]) -> dict[str, object]:
    """AUROCs within labels of one observable ``(n_source_cells,)``, and the risk at each coverage."""
    out: dict[str, object] = {"n_cells": int(sum(np.isfinite(values[each.rows]).sum() for each in labels))}
    kept = [[surest(values[each.rows], share) for each in labels] for share in COVERAGE]
    for metric in RISKS:
        risks = [getattr(each, metric) for each in labels]
        by_deal = [
            auroc([(values[each.rows], risk[deal]) for each, risk in zip(labels, risks, strict=True)])
            for deal in range(DEALS + 1)
        ]
        out |= {metric: by_deal[0], f"{metric}_dealt": nan_mean(by_deal[1:])}
        for name, deals in (("risk", slice(0, 1)), ("risk_dealt", slice(1, None))):
            curve = []
            for chosen in kept:
                cells = [risk[deals][:, mine].mean(axis=0) for risk, mine in zip(risks, chosen, strict=True)]
                curve.append(round(nan_mean(np.concatenate(cells)), 4) if cells else float("nan"))
            out[f"{metric}_{name}"] = curve  # one for each coverage
    return out


def auroc(labels: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Share of the pairs of a better and a worse cell of one label in which the better one looks surer; ties one half.

    Parameters
    ----------
    labels
        Of each label, how sure its cells look, and how well they are matched (smaller is better), ``(n_cells,)`` each.
    """
    won, asked = 0.0, 0
    for sure, risk in labels:
        known = np.isfinite(sure)
        middle = np.median(risk[known]) if known.any() else np.nan
        better, worse = known & (risk < middle), known & (risk > middle)
        n, m = int(better.sum()), int(worse.sum())
        if n and m:
            places = rankdata(np.r_[sure[better], sure[worse]])
            won += places[:n].sum() - n * (n + 1) / 2
            asked += n * m
    return won / asked if asked else float("nan")


def surest(values: np.ndarray, share: float) -> np.ndarray:
    """The rows of the surest cells of a label; unknown ones come last."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    return order[: max(1, int(np.ceil(share * values.size)))]


if __name__ == "__main__":
    main()
