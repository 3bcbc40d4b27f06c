"""P, Experiment 2 (tables 2 and 3): RNA and protein of the same bone marrow cells, matched as if they were unpaired.

    python -m benchmarks.paper.experiment2                       # the 600 cells of ../shared/data/bmmc_cite
    python -m benchmarks.paper.experiment2 --full FOLDER         # the whole study, after benchmarks.paper.download

Differences from the paper's protocol: 600 cells of the study (the paper has 90,000), so one small network per modality
instead of 5 × 1,024 units. A fifth of the cells is a test set on which nothing is fitted. Of the rest, a fifth each was
seen in one modality only, so that no classifier is trained on exactly the cells of the other. FOSCTTM is measured in
one fixed feature space for all rows, ties one half. Labels with fewer than three cells in a modality are left out, and
labels with fewer than five pairs are not evaluated. Protein from RNA: a network trained on matched pairs, R² on the
test cells against their own proteins, pooled over proteins.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from benchmarks.paper import figures as shared
from psmatch_core.base.arrays import to_dense
from psmatch_core.base.randomness import stream
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.metrics import feature_r2
from psmatch_core.pipeline.run import Run, run
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translators import SampledNetworkTranslator, TrainedTranslator, TwoSampleNetworkTranslator

TEST, ONE_SIDE = 0.2, 0.16  # of all cells
LOSSES: dict[str, TrainedTranslator] = {
    "R² (MSE)": SampledNetworkTranslator(),
    "R² (unbiased)": TwoSampleNetworkTranslator(),
}
METRICS = ("foscttm", "trace", "trace_fold", "rank", *LOSSES)


def main() -> None:
    parser = shared.parser(__doc__)
    parser.add_argument("--full", type=Path, default=None, help="folder with mod1.h5ad and mod2.h5ad of all cells")
    options = parser.parse_args()
    folder = options.full or options.data / "bmmc_cite"
    clock, rows = shared.Clock(), []
    for seed in range(options.seeds):
        train, test = split(folder, seed)
        store = shared.Memory()
        for row in shared.wanted(shared.PAPER_ROWS, options.rows):
            done = run(shared.seeded(row.recipe, seed), *train, store=store)
            rows.append({"row": row.name, "seed": seed, **judged(done, test)})
            clock.say(f"seed {seed}: {row.name}")
    print(shared.table(pd.DataFrame(rows), METRICS))
    shared.kept("experiment2_full" if options.full else "experiment2", rows, seeds=options.seeds, data=folder.name)


def split(folder: Path, seed: int) -> tuple[tuple[Modality, Modality], tuple[anndata.AnnData, anndata.AnnData]]:
    """Training cells of both modalities, and test cells in the same order on both sides."""
    sides = [anndata.read_h5ad(folder / f"mod{index}.h5ad") for index in (1, 2)]
    order = stream(seed, "experiment 2").permutation(sides[0].n_obs)
    n_test, n_side = int(TEST * order.size), int(ONE_SIDE * order.size)
    test, first, second, both = np.split(order, np.cumsum([n_test, n_side, n_side]))
    labels = [set(sides[0].obs["label"].astype(str).iloc[part]) for part in (np.r_[both, first], np.r_[both, second])]
    modalities = []
    for adata, extra, name in zip(sides, (first, second), ("RNA", "protein"), strict=True):
        part = stream(seed, "experiment 2", name).permutation(np.r_[both, extra])
        part = part[adata.obs["label"].astype(str).iloc[part].isin(labels[0] & labels[1]).to_numpy()]
        mine = adata[part].copy()
        mine.obs["cell"] = [f"cell{i}" for i in part]
        mine.obs_names = [f"{name}{i}" for i in part]
        modalities.append(Modality.from_anndata(mine, label_key="label", name=name, pair_key="cell"))
    return (modalities[0], modalities[1]), (sides[0][test], sides[1][test])


def judged(
    done: Run,
    test: tuple[anndata.AnnData, anndata.AnnData],
    translators: Mapping[str, TrainedTranslator] | None = None,
) -> dict[str, float]:
    """The figures of one run: of the matching on the shared cells, of prediction on the test cells."""
    assert done.evaluation is not None
    found = dict(done.evaluation.micro)
    inputs = done.source_preprocessing.readable(done.source)
    outputs = done.target_preprocessing.readable(done.target)
    cells = [
        fitted.readable(_as_modality(adata, side))
        for fitted, adata, side in zip(
            (done.source_preprocessing, done.target_preprocessing), test, (done.source, done.target), strict=True
        )
    ]
    measured, reference = to_dense(cells[1].X), to_dense(outputs.X).mean(axis=0)
    for name, translator in (translators or LOSSES).items():
        model = fit_translator(done.coupling, translator, inputs=inputs, outputs=outputs, seed=done.recipe.seed)
        predicted = model.predict(cells[0].X, cells[0].var_names)
        found[name] = feature_r2(predicted, measured, reference)[1]
    found["not_converged"] = sum(status.outcome.needs_attention for status in done.coupling.statuses)
    return found


def _as_modality(adata: anndata.AnnData, like: Modality) -> Modality:
    """Test cells as the training cells were read."""
    return Modality.from_anndata(adata[:, like.var_names].copy(), label_key="label", name=like.name)


if __name__ == "__main__":
    main()
