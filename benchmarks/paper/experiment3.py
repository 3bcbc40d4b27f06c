"""P, Experiment 3 (table 4): perturbed cells without known pairs, in and out of distribution.

    python -m benchmarks.paper.experiment3

The paper's screen is not published; ../shared/data/citeasap_unpaired takes its place: blood cells, unstimulated and
stimulated, some proteins measured by CITE-seq in one set of cells and other proteins by ASAP-seq in another, eight
labels (cell type × stimulation). A network reads the first panel ("embeddings in") and predicts the second ("genes
out"). In distribution: held-out cells of the training labels. Out of distribution: a label left out of every step, each
stimulated one in turn. Distances to the observed cells of the label: divergence (KL, five neighbours), 1-Wasserstein
and L2 of the means, in twenty principal components of z-scored proteins, next to the floor given by two halves of the
observed cells. Unlike a knock-out, stimulation acts from outside the cell, and there are only eight labels.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd

from benchmarks.paper import figures as shared
from psmatch_core.base.randomness import stream
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import TRANSLATED
from psmatch_core.evaluation.held_out import CANDIDATES, HeldOut
from psmatch_core.pipeline.leave_out import LeaveOut, leave_label_out
from psmatch_core.translation.translators import SampledNetworkTranslator

MEASURES = ("kl", "w1", "l2_mean")
METRICS = tuple(f"{where} {measure}" for where in ("in", "out") for measure in MEASURES)
CELLS = 2000  # per modality, drawn evenly by label; the study has four times as many
SKIPPED = ("true pairs", "SCOT (GW per label)")  # no pair is known; geodesics of thousands of cells take hours


def main() -> None:
    parser = shared.parser(__doc__, seeds=2)
    parser.add_argument("--cells", type=int, default=CELLS, help="cells a side")
    parser.add_argument("--labels", nargs="*", default=[], help="labels to leave out; each stimulated one unless given")
    options = parser.parse_args()
    clock, rows = shared.Clock(), []
    for seed in range(options.seeds):
        sides, own = drawn(options.data / "citeasap_unpaired", options.cells, seed)
        labels = options.labels or [name for name in sides[0].label_names if name.startswith("stim")]
        for row in [row for row in shared.wanted(shared.PAPER_ROWS, options.rows) if row.name not in SKIPPED]:
            for label in labels:
                recipe = replace(shared.seeded(row.recipe, seed), translator=SampledNetworkTranslator())
                how = LeaveOut(control=label.replace("stim", "ctrl"))
                found = leave_label_out(recipe, *sides, label, how=how)
                for candidate in CANDIDATES if row.name == "our default" else (TRANSLATED,):
                    figures = {"shift_explained": found.shift_explained[candidate]}
                    for where, distances in (("in", found.in_distribution), ("out", found.out_of_distribution)):
                        if distances is not None:
                            figures |= {f"{where} {each}": distances.micro[candidate][each] for each in MEASURES}
                    if candidate == TRANSLATED:
                        figures["own cells"] = correlation(found, own)
                    name = row.name if candidate == TRANSLATED else f"baseline: {candidate}"
                    rows.append({"row": name, "seed": seed, "label": label, **figures})
                if row.name == "our default":
                    floor = {f"out {each}": found.out_of_distribution.micro["floor"][each] for each in MEASURES}
                    if found.in_distribution is not None:
                        floor |= {f"in {each}": found.in_distribution.micro["floor"][each] for each in MEASURES}
                    rows.append({"row": "floor: observed against observed", "seed": seed, "label": label, **floor})
                clock.say(f"seed {seed}: {row.name}, without {label}")
    print(shared.table(pd.DataFrame(rows), (*METRICS, "shift_explained", "own cells")))
    shared.kept("experiment3", rows, seeds=options.seeds, cells_a_side=options.cells, labels=labels)


def drawn(folder: Path, n_cells: int, seed: int) -> tuple[tuple[Modality, Modality], pd.DataFrame]:
    """So many random cells of each side; and of the first side's cells what was measured of the other panel."""
    sides = []
    for index, name in ((1, "CITE-seq panel"), (2, "ASAP-seq panel")):
        adata = anndata.read_h5ad(folder / f"mod{index}.h5ad")
        chosen = stream(seed, "experiment 3", name).permutation(adata.n_obs)[:n_cells]
        mine = adata[np.sort(chosen)].copy()
        mine.obs_names = [f"{index}_{cell}" for cell in mine.obs_names]
        sides.append(Modality.from_anndata(mine, label_key="label", name=name))
        if index == 1:
            own = pd.DataFrame(mine.obsm["heldout"], index=mine.obs_names, columns=list(mine.uns["heldout_names"]))
    return (sides[0], sides[1]), own


def correlation(found: HeldOut, own: pd.DataFrame) -> float:
    """Mean over proteins of the correlation, within the left-out label, of predictions with the same cells' own values.

    A correlation, since the two technologies count on different scales.
    """
    names = [name for name in found.features if name in own.columns]
    predicted = pd.DataFrame(found.predicted, index=found.obs_names, columns=found.features)[names]
    return float(predicted.corrwith(own.loc[found.obs_names, names]).mean())


if __name__ == "__main__":
    main()
