"""What shared training cells add to the figures of three views: all pairs beside held-out cells, by `match_modalities`.

    python -m benchmarks.views_leak ../shared/data            # three seeds, all sets, medians
    python -m benchmarks.views_leak ../shared/data --dealt    # labels dealt at random: ten draws, means, 0.5 is right

Every physical cell is in all three views, as in a set that a user uploads. *All pairs*: each classifier is trained on
all of them. *Held out*: they are dealt into four groups, three of which train one view each; the fourth is judged, each
in turn. Sets and views are those of benchmarks.views. The classifier is ridge regression, all else the default recipe.

With labels dealt anew over the physical cells for each draw, no label means anything and the true partner has rank 0.5.
Standard errors are over draws: the cells of one draw share their classifiers and are not independent. *One length*
brings the held-out scores of a label's cells to one length before they are matched, since cells that are unusual in one
view are unusual in the others whatever the labels say (benchmarks.chance).
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.chance import polar
from benchmarks.quality import machine
from benchmarks.views import LARGEST, SETS, SYNTHETIC, modality, views_of
from psmatch_core.base.randomness import stream
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import Evaluation
from psmatch_core.evaluation.held_out_groups import deal_groups, evaluate_groups
from psmatch_core.evaluation.held_out_pairs import HeldOutScores
from psmatch_core.pipeline.demo_views import demo_views
from psmatch_core.pipeline.match_modalities import MatchedModalities, match_modalities
from psmatch_core.pipeline.monitor_matching import Monitoring
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stage_keys import group_scores_key
from psmatch_core.pipeline.stage_store import MemoryStageStore

SEEDS, DRAWS = 3, 10  # of a set, and of dealt labels: a standard error over three draws says nothing
METRICS = ("foscttm", "rank")
KINDS = ("", "held_out_")
ONE_LENGTH = "one_length_"
HEAD = ("| set | pair | judged pairs | FOSCTTM / rank, all pairs | held out |", "|---|---|---|---|---|")
DEALT_HEAD = (
    "| set | pair | judged pairs | rank ± standard error (standard errors from 0.5), all pairs | held out "
    "| held out, one length |",
    "|---|---|---|---|---|---|",
)
RECIPE = Recipe(classifier=LinearClassifier(), monitoring=Monitoring(stability=False, n_shuffles=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of real data sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, help="three, and ten with labels dealt at random")
    parser.add_argument("--dealt", action="store_true", help="deal the labels at random over physical cells")
    options = parser.parse_args()
    n_seeds = options.seeds or (DRAWS if options.dealt else SEEDS)
    warnings.simplefilter("ignore")
    print("# " + ", ".join(f"{name} {value}" for name, value in machine().items() if name != "versions"))
    print("\n".join(DEALT_HEAD if options.dealt else HEAD), flush=True)
    for name in options.sets:
        rows = [row for seed in range(n_seeds) for row in measured(name, options.data, seed, options.dealt)]
        for pair, of_pair in pd.DataFrame(rows).groupby("pair", sort=False):
            cells = chance_cells(of_pair) if options.dealt else median_cells(of_pair)
            print(f"| {name} | {pair} | {of_pair['n'].median():.0f} | {' | '.join(cells)} |", flush=True)


def median_cells(rows: pd.DataFrame) -> list[str]:
    """FOSCTTM / rank from all pairs, and of held-out cells, medians over seeds."""
    middle = rows[[f"{kind}{metric}" for kind in KINDS for metric in METRICS]].median()
    return [f"{middle[f'{kind}foscttm']:.3f} / {middle[f'{kind}rank']:.3f}" for kind in KINDS]


def chance_cells(rows: pd.DataFrame) -> list[str]:
    """Rank ± standard error over draws (standard errors from 0.5): all pairs, held out, held out with one length."""
    cells = []
    for kind in (*KINDS, ONE_LENGTH):
        rank = rows[f"{kind}rank"]
        error = float(rank.std(ddof=1)) / np.sqrt(len(rank))
        cells.append(f"{rank.mean():.3f} ± {error:.3f} ({(rank.mean() - 0.5) / error:+.1f})")
    return cells


def measured(name: str, data: Path, seed: int, is_dealt: bool) -> list[dict]:
    """The figures of each pair of views for one seed."""
    store = MemoryStageStore()
    matched = match_modalities(views(name, data, seed, is_dealt), replace(RECIPE, seed=seed), store=store)
    of_one_length = with_one_length(matched, store) if is_dealt else {}
    return [
        {
            "pair": " → ".join(pair),
            "n": len(held_out.per_cell),
            **{metric: matched.evaluations[pair].micro[metric] for metric in METRICS},
            **{f"held_out_{metric}": held_out.micro[metric] for metric in METRICS},
            **({f"{ONE_LENGTH}rank": of_one_length[pair].micro["rank"]} if is_dealt else {}),
        }
        for pair, held_out in matched.held_out_evaluations.items()
    ]


def with_one_length(matched: MatchedModalities, store: MemoryStageStore) -> dict[tuple[str, str], Evaluation]:
    """The held-out evaluation with the scores of the cells of each label and group brought to one length."""
    recipe, models = matched.recipe, matched.couplings.models
    known = {
        (one, other): with_known_pairs(models[one].modality, models[other].modality, recipe.judging.pairs)[:2]
        for one, other in itertools.combinations(models, 2)
    }
    groups = deal_groups(known, next(iter(models.values())).label_names, seed=recipe.seed)
    assert groups is not None
    scores = {}
    for name, model in models.items():
        held: HeldOutScores = store.kept["held_out_scores", group_scores_key(model.modality, name, groups, recipe)]
        scores[name] = HeldOutScores(one_length(held.logits, model.modality.labels, groups.groups[name]))
    return evaluate_groups(
        matched.couplings, scores, groups, known, matcher=recipe.matcher, judging=recipe.judging, seed=recipe.seed
    )


def one_length(scores: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Scores ``(n, d)`` in their directions from the mean of label and group, all of the median length there."""
    changed = scores.copy()
    for label in np.unique(labels):
        for group in np.unique(groups):
            mine = (labels == label) & (groups == group) & np.isfinite(scores).all(axis=1)
            if mine.any():
                centre, lengths, directions = polar(scores[mine])
                changed[mine] = centre + np.median(lengths) * directions
    return changed


def views(name: str, data: Path, seed: int, is_dealt: bool) -> dict[str, Modality]:
    """The views of a set, all of the same physical cells, each in an order of its own."""
    folder, label_key = SETS[name]
    rng = stream(seed, "benchmark of shared training cells", name)
    if name == SYNTHETIC:
        found = demo_views(n_shared=600, n_own=0, seed=seed)
        names = next(iter(found.values())).obs.set_index("cell")["label"].astype(str)
    else:
        found = views_of(data / folder)
        first = next(iter(found.values()))
        chosen = rng.permutation(first.n_obs)[:LARGEST]
        names = pd.Series(first.obs[label_key].astype(str).to_numpy()[chosen], index=[f"cell{i}" for i in chosen])
        found = {view: cells[chosen] for view, cells in found.items()}
    if is_dealt:
        names = pd.Series(rng.permutation(names.to_numpy()), index=names.index)
    made = {}
    for view, given in found.items():
        cells = given.copy()
        ids = cells.obs["cell"].to_numpy() if name == SYNTHETIC else names.index.to_numpy()
        cells.obs = pd.DataFrame(
            {"label": names.loc[ids].to_numpy(), "cell": ids}, index=[f"{view}_{i}" for i in range(cells.n_obs)]
        )
        made[view] = modality(cells[rng.permutation(np.arange(cells.n_obs))], view)
    return made


if __name__ == "__main__":
    main()
