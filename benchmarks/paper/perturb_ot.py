"""L's comparison (Perturb-OT): labeled Gromov-Wasserstein and co-optimal transport next to transport within each label.

    python -m benchmarks.paper.perturb_ot

On ../shared/data/bmmc_cite with the split of Experiment 2: how well cells are matched (trace_fold, FOSCTTM, rank;
uniform 1 / 0.5 / 0.5) and how well protein is predicted from RNA on test cells (1 − R² of ridge regression on the
matched pairs: 0 is perfect, 1 is the training mean). L reports matching accuracy and prediction error on its own
screens, which are not available; compare the rows with each other.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchmarks.paper import experiment2, figures as shared
from psmatch_core.matching.matchers import (
    FusedGromovMatcher,
    GromovMatcher,
    KnownPairsMatcher,
    LabeledCootMatcher,
    LabeledGromovMatcher,
    UniformMatcher,
)
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import RidgeTranslator

BASE = Recipe(classifier=shared.NETWORK)
ROWS = (
    *(
        shared.Row(name, replace(BASE, matcher=matcher))
        for name, matcher in (
            ("labeled EGW", LabeledGromovMatcher()),
            ("labeled EGW, scores", LabeledGromovMatcher(space="scores")),
            ("labeled COOT", LabeledCootMatcher()),
            ("labeled COOT, exact", LabeledCootMatcher(solver="exact")),
            ("EGW per label", GromovMatcher()),
            ("fused GW per label", FusedGromovMatcher()),
            ("EOT per label (PS + OT)", shared.RAW),
            ("uniform", UniformMatcher()),
            ("true pairs", KnownPairsMatcher()),
        )
    ),
    shared.Row("our default", Recipe()),
)
METRICS = ("trace_fold", "foscttm", "rank", "prediction error")


def main() -> None:
    options = shared.parser(__doc__).parse_args()
    clock, rows = shared.Clock(), []
    for seed in range(options.seeds):
        train, test = experiment2.split(options.data / "bmmc_cite", seed)
        store = shared.Memory()
        for row in shared.wanted(ROWS, options.rows):
            done = run(shared.seeded(row.recipe, seed), *train, store=store)
            found = experiment2.judged(done, test, {"R²": RidgeTranslator()})
            rows.append({"row": row.name, "seed": seed, **found, "prediction error": 1 - found["R²"]})
            clock.say(f"seed {seed}: {row.name}")
    print(shared.table(pd.DataFrame(rows), METRICS))
    shared.kept("perturb_ot", rows, seeds=options.seeds)


if __name__ == "__main__":
    main()
