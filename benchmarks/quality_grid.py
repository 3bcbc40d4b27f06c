"""Representations × aligners: which space, and which way to match in it, on cells that no classifier has seen.

    python -m benchmarks.quality_grid ../shared/data             # and then: python -m benchmarks.quality DATA --sets

Protocol *separate* of benchmarks.quality. Representations: one network, ridge regression, both as the default averages
them, feature bagging, contrast between groups (benchmarks.group_clip), and principal components with the directions
that the labels link (canonical correlation analysis on label means). Principal components of either modality alone are
matched by geometry only. Aligners: entropic transport within labels at three widths, exact transport, shared
neighbours, smooth transport with the link of ``recommended-2`` where its gate is open (by the bagged scores, once a
split), and labeled Gromov-Wasserstein and co-optimal transport.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.group_clip import group_clip
from benchmarks.kept_scores import Places, SplitScores, add_splits, asked_splits, placed, split_scores
from benchmarks.quality import LINKED, figures, machine
from benchmarks.quality_grid_page import GEOMETRY, GRID_RESULTS, LINK, grid_page
from benchmarks.quality_splits import Split
from benchmarks.result_rows import write_rows
from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.matching.link import link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import (
    ExactMatcher,
    LabeledCootMatcher,
    LabeledGromovMatcher,
    Matcher,
    NeighborMatcher,
    SinkhornMatcher,
)
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.recipe import Recipe

GW, COOT = "labeled GW", "labeled COOT"
ALIGNERS: dict[str, Matcher] = {
    "transport 0.02": SinkhornMatcher.sharp(),
    "transport 0.05": SinkhornMatcher(),
    "transport 0.1": SinkhornMatcher.smooth(),
    LINK: SinkhornMatcher.smooth(),
    "exact": ExactMatcher(),
    "SNN, k = 1": NeighborMatcher(n_neighbors=1),
    "SNN, k = 10": NeighborMatcher(n_neighbors=10),
    GW: LabeledGromovMatcher(space="scores"),
    COOT: LabeledCootMatcher(space="scores"),
}
SLOW = (GW, COOT)
SLOW_CELLS = 400  # judged cells up to which geometry is matched, seconds each
N_COMPONENTS, N_LINKED, SMALLEST = 50, 20, 1e-12
CUT = 10.0  # standard deviations beyond which a feature is cut


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_splits(parser, GRID_RESULTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for split in asked_splits(options):
        keep(list(split_rows(split, split_scores(split, options.scores))), options.out)
    print(grid_page(options.out))


def keep(new: list[dict[str, object]], out: Path) -> None:
    """Put the rows of a split in the place of earlier ones."""
    earlier = json.loads(out.read_text(encoding="utf-8"))["rows"] if out.exists() else []
    done = {(row["data"], row["seed"]) for row in new}
    rows = [row for row in earlier if (row["data"], row["seed"]) not in done] + new
    write_rows(out, {"run": machine(), "rows": rows})


def split_rows(split: Split, scores: SplitScores) -> Iterator[dict[str, object]]:
    """Every representation with every aligner that can take it."""
    recipe = Recipe(seed=split.seed, matcher=SinkhornMatcher.smooth(), linking=LINKED)
    _, notes = link_modalities(recipe, scores.bagged)
    is_open = bool(notes) and notes[0].startswith("Linked")
    for name, places in representations(scores, split.seed).items():
        models = placed(scores.default, places)
        for aligner, matcher in ALIGNERS.items():
            by_geometry = aligner in SLOW
            if (name == GEOMETRY and not by_geometry) or (by_geometry and len(places[0]) > SLOW_CELLS):
                continue
            asked = models
            if aligner == LINK and is_open:
                asked = link_scores(*models, matcher, LINKED, seed=split.seed)
            row = {"data": split.folder.name, "seed": split.seed, "representation": name, "aligner": aligner}
            try:
                found = figures(match(*asked, matcher, seed=split.seed))
            except PsmatchError as error:
                yield row | {"why_not": error.problem}
                continue
            kept = {each: found[each] for each in ("foscttm", "rank", "trace_fold", "n_pairs", "not_converged")}
            yield row | kept | {"linked": aligner == LINK and is_open}


def representations(scores: SplitScores, seed: int) -> dict[str, Places]:
    """Positions of the judged cells of both sides in each space."""
    default = scores.default
    first, second = principal_components(scores.trained, scores.judged)[1]
    shared = min(first.shape[1], second.shape[1])
    return {
        "one network": scores.by_members(default, 0, 0),
        "ridge": scores.by_members(default, 1),
        "networks and ridge (default)": (default[0].logits, default[1].logits),
        "feature bagging": (scores.bagged[0].logits, scores.bagged[1].logits),
        "contrast between groups": group_clip(list(scores.trained), list(scores.judged), seed=seed),
        "PCA + CCA on label means": linked_by_labels(scores.trained, scores.judged),
        GEOMETRY: (first[:, :shared], second[:, :shared]),
    }


def principal_components(trained: tuple[Modality, ...], judged: tuple[Modality, ...]) -> tuple[Places, Places]:
    """Whitened components of the trained cells of each side, and the judged cells placed among them."""
    first, second = [], []
    for own, new in zip(trained, judged, strict=True):
        X = to_dense(own.X)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        varies = spread > SMALLEST
        X, Y = (np.clip((each - mean)[:, varies] / spread[varies], -CUT, CUT) for each in (X, to_dense(new.X)))
        center = X.mean(axis=0)
        _, values, axes = np.linalg.svd(X - center, full_matrices=False)
        used = min(N_COMPONENTS, int((values > SMALLEST * values[0]).sum()))
        turn = axes[:used].T / values[:used] * np.sqrt(len(X))
        first.append((X - center) @ turn)
        second.append((Y - center) @ turn)
    return (first[0], first[1]), (second[0], second[1])


def linked_by_labels(trained: tuple[Modality, ...], judged: tuple[Modality, ...]) -> Places:
    """Canonical variates of the judged cells, if each trained cell is paired with the mean of its label opposite.

    Each variate is scaled by its canonical correlation, so that directions that no label moves count little.
    """
    known, new = principal_components(trained, judged)
    names = sorted(set(trained[0].labels.tolist()) & set(trained[1].labels.tolist()))
    means = [
        np.stack([z[side.labels == name].mean(axis=0) for name in names])
        for z, side in zip(known, trained, strict=True)
    ]
    share = np.array([np.sqrt(np.prod([(side.labels == name).mean() for side in trained])) for name in names])
    cross = (means[0] * share[:, None]).T @ means[1]  # (d, d'): components are white, so this is all of CCA
    left, correlation, right = np.linalg.svd(cross, full_matrices=False)
    used = min(N_LINKED, len(names) - 1, correlation.size)
    scale = correlation[:used]
    return new[0] @ left[:, :used] * scale, new[1] @ right[:used].T * scale


if __name__ == "__main__":
    main()
