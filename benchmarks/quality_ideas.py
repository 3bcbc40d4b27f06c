"""Ideas that change the scores before cells are matched, beside feature bagging on the same splits.

    python -m benchmarks.quality_ideas ../shared/data            # and then: python -m benchmarks.quality DATA --sets

Protocol *separate* of benchmarks.quality. Nothing of them was tuned on any set: what is done, and every number in it,
was written down before the first run. The rule, written with them: an idea enters the next preset if on at least three
sets it improves both FOSCTTM and rank by 0.003 in the median over seeds, and on no set makes either worse by more than
0.005.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata

from benchmarks.kept_scores import Models, Places, add_splits, asked_splits, placed, split_scores
from benchmarks.quality import LINKED, figures
from benchmarks.quality_grid import keep
from benchmarks.quality_ideas_page import BASE, IDEAS_RESULTS, LINKED_BASE, LINKED_IDEA, ideas_page
from benchmarks.quality_splits import Split
from psmatch_core.evaluation.evaluate import Judging, fixed_space
from psmatch_core.matching.link import link_scores
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.recipe import Recipe

NEIGHBORS = 10  # of a cell, whose scores are averaged with its own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_splits(parser, IDEAS_RESULTS, seeds=5)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for split in asked_splits(options):
        keep(list(split_rows(split, split_scores(split, options.scores).bagged)), options.out)
    print(ideas_page(json.loads(options.out.read_text(encoding="utf-8"))))


def split_rows(split: Split, models: Models) -> Iterator[dict[str, object]]:
    """Feature bagging as it is and with each idea, and the link with and without the last of them."""
    matcher = SinkhornMatcher.smooth()
    asked = {name: placed(models, idea(models)) for name, idea in IDEAS.items()}
    linked, notes = link_modalities(Recipe(seed=split.seed, matcher=matcher, linking=LINKED), models)
    asked |= {LINKED_BASE: (linked[0], linked[1]), LINKED_IDEA: (linked[0], linked[1])}
    if notes[0].startswith("Linked"):
        asked[LINKED_IDEA] = link_scores(*placed(models, by_neighbors(models)), matcher, LINKED, seed=split.seed)
    for name, each in asked.items():
        found = figures(match(*each, matcher, seed=split.seed))
        kept = {metric: found[metric] for metric in ("foscttm", "rank", "trace_fold", "n_pairs")}
        yield {"data": split.folder.name, "seed": split.seed, "idea": name} | kept


def as_they_are(models: Models) -> Places:
    return models[0].logits, models[1].logits


def by_ranks(models: Models) -> Places:
    """Every column of a label as normal quantiles of its ranks, at the label's own centre and spread.

    Classifiers of two modalities differ by more than shift and stretch: one may be certain of a few cells, the other a
    little of all. The order of the cells is what both can share.
    """
    out = []
    for model in models:
        places = model.logits.copy()
        for label in np.unique(model.y):
            x = places[model.y == label]
            normal = ndtri((rankdata(x, axis=0) - 0.5) / len(x))
            places[model.y == label] = x.mean(axis=0) + x.std(axis=0) * normal
        out.append(places)
    return out[0], out[1]


def by_agreeing_columns(models: Models) -> Places:
    """Each column times the correlation, over the other labels, of the mean score that both modalities give them.

    A column on which the modalities order the labels differently shows something that one of them alone sees.
    """
    n = len(models[0].label_names)
    means = []
    for model in models:
        known = np.bincount(model.y, minlength=n)
        sums = np.zeros((n, n))
        np.add.at(sums, model.y, model.logits)
        means.append(np.where(known[:, None] > 0, sums / np.maximum(known, 1)[:, None], np.nan))
    weights = np.zeros(n)
    for column in range(n):
        x, y = (np.delete(each[:, column], column) for each in means)
        both = np.isfinite(x) & np.isfinite(y)
        if both.sum() > 2 and min(x[both].std(), y[both].std()) > 0:
            weights[column] = max(0.0, float(np.corrcoef(x[both], y[both])[0, 1]))
    weights = weights if weights.any() else np.ones(n)
    return models[0].logits * weights, models[1].logits * weights


def by_neighbors(models: Models) -> Places:
    """The mean of a cell's scores and of those of its ten nearest cells of its label, by its features' components."""
    from sklearn.neighbors import NearestNeighbors

    out = []
    for model in models:
        places, space = model.logits.copy(), fixed_space(model.modality, Judging())
        for label in np.unique(model.y):
            mine = np.flatnonzero(model.y == label)
            k = min(NEIGHBORS, mine.size - 1)
            if k:
                near = NearestNeighbors(n_neighbors=k).fit(space[mine]).kneighbors(return_distance=False)
                places[mine] = (model.logits[mine] + model.logits[mine][near].mean(axis=1)) / 2
        out.append(places)
    return out[0], out[1]


IDEAS: dict[str, Callable[[Models], Places]] = {
    BASE: as_they_are,
    "ranks of the scores within labels": by_ranks,
    "columns on which the modalities agree": by_agreeing_columns,
    "scores averaged over neighbours": by_neighbors,
}

if __name__ == "__main__":
    main()
