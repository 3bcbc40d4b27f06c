"""P, Experiment 1 (table 1): images of two objects under 12 interventions, circles against squares.

    python -m benchmarks.paper.experiment1                # 2,400 cells per modality, 32 × 32 pixels, five seeds
    python -m benchmarks.paper.experiment1 --full         # 12,000 cells per modality, 64 × 64 pixels, large machine

With --full the networks are P's: convolutions of 32, 54, 128, 256 and 512 channels, Adam 1e-4, one-cycle, batches of
256, 100 epochs, 128 latent dimensions. A few thousand cells give this schedule only ten steps per epoch, so the small
size trains our smaller network (CNNClassifier) instead. P's weights α = 1, β = 0.1 and λ = 1e-9 are used at both sizes.
The VAE has the classifier's network as its encoders. SCOT sees 50 principal components of the pixels.

Differences from the paper, whose text leaves the renderer and its sizes open: the images are ours
(psmatch_core/pipeline/demo_images.py documents the choices), and a quarter of each modality's cells was seen in that
modality only, so that no classifier is trained on exactly the cells of the other. The evaluation uses the shared cells,
within labels: ``trace`` is the mean weight on the true partner, ``latent MSE`` the squared error of the matches' mean
position, and R² compares it with the variance within labels (0: the label's mean; −1: a random partner).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pandas as pd

from benchmarks.quality import machine
from psmatch_core.base import disk
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import stream
from psmatch_core.classification.baselines import JointVAE, fit_joint_vae
from psmatch_core.classification.classifiers import Classifier, CNNClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.metrics import latent_mse, latent_r2, true_weight
from psmatch_core.evaluation.reference_space import ReferenceSpace
from psmatch_core.matching.blocks import SparseBlock
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import (
    Answer,
    GromovMatcher,
    LabelMatcher,
    LabelProblem,
    Matcher,
    NeighborMatcher,
    SinkhornMatcher,
    UniformMatcher,
)
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.pipeline.demo_data import interventional_images
from psmatch_core.pipeline.recipe import Recipe

RESULTS = Path(__file__).parents[1] / "results" / "experiment1.json"
Models: TypeAlias = tuple[ScoredModality, ScoredModality]
METRICS = ("trace", "trace_fold", "latent_mse", "latent_r2")
SHARED, ONE_SIDE = 0.6, 0.2  # of all cells: seen in both modalities, and in each one only
RAW = SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False, max_iterations=1000)  # P's settings
RAW_NEIGHBOURS = NeighborMatcher(n_neighbors=1, normalize=True, align=False)  # the released code's
PAPER_NETWORK, PAPER_VAE = Recipe.preset("paper").classifier, Recipe.preset("paper-vae").space
SMALL_NETWORK = CNNClassifier()
SMALL_VAE = JointVAE(
    image_network=SMALL_NETWORK,
    kl_weight=PAPER_VAE.kl_weight,
    label_weight=PAPER_VAE.label_weight,
    modality_weight=PAPER_VAE.modality_weight,
)
N_COMPONENTS = 50  # of the pixels, for SCOT: neighbours among thousands of noisy pixels are hardly any


@dataclass(frozen=True)
class RandomPartner(LabelMatcher):
    """One random cell of the label for each cell, whatever the sizes: P's random row."""

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        from scipy import sparse

        n, m = problem.x.shape[0], problem.y.shape[0]
        partner = stream(problem.seed, "random partner").integers(m, size=n)
        plan = sparse.csr_matrix((np.full(n, 1 / n), (np.arange(n), partner)), shape=(n, m))
        return SparseBlock(plan), problem.status(Outcome.CLOSED_FORM)


@dataclass(frozen=True, eq=False)
class Images:
    """Both sides of one seed, the latent state of every cell, and the networks that see them."""

    source: Modality
    target: Modality
    source_z: np.ndarray
    target_z: np.ndarray
    seed: int
    network: CNNClassifier = SMALL_NETWORK
    vae: JointVAE = SMALL_VAE

    @property
    def sides(self) -> tuple[Modality, Modality]:
        return self.source, self.target

    def scored(self, classifier: Classifier) -> Models:
        with ThreadPoolExecutor(2) as pool:  # the sides are independent, and torch releases the lock
            models = list(pool.map(lambda side: fit_propensity(side, classifier, seed=self.seed), self.sides))
        return models[0], models[1]

    @cached_property
    def one_network(self) -> Models:
        """P's classifier: one convolutional network per modality."""
        return self.scored(self.network)

    @cached_property
    def averaged(self) -> Models:
        """Our default: the same networks averaged."""
        return self.scored(replace(Recipe().classifier, image_network=self.network))  # type: ignore[type-var]

    @cached_property
    def latents(self) -> Models:
        """P's baseline: posterior means of a joint VAE whose encoders are that network."""
        return fit_joint_vae(*self.sides, self.vae, seed=self.seed)

    @cached_property
    def components(self) -> Models:
        """The network's models with principal components of the pixels as features."""
        return tuple(_with_components(model) for model in self.one_network)  # type: ignore[return-value]


@dataclass(frozen=True)
class Row:
    """A row of the table: from the images of a seed to a coupling."""

    name: str
    couple: Callable[[Images], Coupling]


def _by(scores: Callable[[Images], Models], matcher: Matcher) -> Callable[[Images], Coupling]:
    return lambda images: match(*scores(images), matcher, seed=images.seed)


def _with_components(model: ScoredModality) -> ScoredModality:
    pixels = model.modality.X
    reduced = ReferenceSpace.of(pixels, N_COMPONENTS).place(pixels)
    names = [f"component {i + 1}" for i in range(reduced.shape[1])]
    return replace(model, modality=model.modality.with_features(reduced, names))


ROWS = (
    Row("PS + OT", _by(lambda images: images.one_network, RAW)),
    Row("VAE + OT", _by(lambda images: images.latents, RAW)),
    Row("PS + SNN", _by(lambda images: images.one_network, RAW_NEIGHBOURS)),
    Row("VAE + SNN", _by(lambda images: images.latents, RAW_NEIGHBOURS)),
    Row("SCOT", _by(lambda images: images.components, GromovMatcher())),
    Row("random partner", _by(lambda images: images.one_network, RandomPartner())),
    Row("uniform", _by(lambda images: images.one_network, UniformMatcher())),
    Row("averaged networks + OT (P's ε)", _by(lambda images: images.averaged, RAW)),
    Row("our default", _by(lambda images: images.averaged, Recipe().matcher)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=0, help="cells a side (2,400; with --full 12,000)")
    parser.add_argument("--size", type=int, default=0, help="width and height in pixels (32; with --full 64)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--full", action="store_true", help="the large size; its figures are kept next to the small ones"
    )
    parser.add_argument("--rows", nargs="*", default=[], help="only rows whose name contains one of these")
    parser.add_argument("--out", type=Path, default=RESULTS, help="JSON file of all figures; other sizes stay in it")
    options = parser.parse_args()
    cells = options.cells or (12_000 if options.full else 2_400)
    size = options.size or (64 if options.full else 32)
    wanted = [row for row in ROWS if not options.rows or any(part in row.name for part in options.rows)]
    figures: list[dict[str, object]] = []
    started = time.perf_counter()
    for seed in range(options.seeds):
        images = draw(cells, size, seed)
        if options.full:
            images = replace(images, network=PAPER_NETWORK.image_network, vae=PAPER_VAE)
        for row in wanted:
            begun = time.perf_counter()
            coupling = row.couple(images)
            seconds = time.perf_counter() - begun
            figures.append({"row": row.name, "seed": seed, **judged(coupling, images), "seconds": round(seconds, 1)})
        seconds = round(time.perf_counter() - started)
        print(f"# seed {seed}: {seconds} s so far", flush=True)
        facts = {"cells_a_side": cells, "pixels": size, "seeds": seed + 1, "seconds": seconds}
        networks = {"network": images.network.to_dict(), "vae": images.vae.to_dict()}
        kept = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        kept[f"{cells} cells, {size} pixels"] = {**machine(), **facts, **networks, "rows": figures}
        disk.write_json(options.out, kept)  # after every seed: who must stop early keeps those that are done
    print(table(pd.DataFrame(figures)))


def draw(cells: int, size: int, seed: int) -> Images:
    """The images of one seed; a quarter of each side's cells was seen there only."""
    one_side = round(cells * ONE_SIDE / (SHARED + ONE_SIDE))
    pair = interventional_images(
        n_shared=cells - one_side, n_source_only=one_side, n_target_only=one_side, size=size, seed=seed
    )
    sides = [
        Modality.from_anndata(adata, label_key="label", name=name, pair_key="cell")
        for adata, name in zip(pair, ("circles", "squares"), strict=True)
    ]
    return Images(sides[0], sides[1], *(np.asarray(adata.obsm["latent"], dtype=np.float64) for adata in pair), seed)


def judged(coupling: Coupling, images: Images) -> dict[str, float | int]:
    """The figures of a coupling on the cells seen in both modalities."""
    ids = known_ids(images.source, images.target)
    assert ids is not None
    weights, folds = [], []
    for label, block in coupling.blocks.items():
        at, of = coupling.source_cells[label], coupling.target_cells[label]
        weight, _ = true_weight(block, *true_pairs(ids[0][at], ids[1][of]))
        weights.append(weight)
        folds.append(weight * block.shape[1])
    rows, _ = true_pairs(*ids)
    projected, own, labels = coupling.pull(images.target_z)[rows], images.source_z[rows], images.source.labels[rows]
    is_matched = ~np.isnan(projected[:, 0])
    for label in np.unique(labels[~is_matched]):  # no better than uniform, and counted as that
        projected[~is_matched & (labels == label)] = images.target_z[coupling.target_cells[label]].mean(axis=0)
    return {
        "trace": float(np.concatenate(weights).mean()),
        "trace_macro": float(np.mean([each.mean() for each in weights])),
        "trace_fold": float(np.concatenate(folds).mean()),
        "latent_mse": latent_mse(projected, own),
        "latent_r2": latent_r2(projected, own, labels),
        "n_pairs": int(rows.size),
        "unmatched": int((~is_matched).sum()),
        "not_converged": sum(status.outcome.needs_attention for status in coupling.statuses),
        "validation_loss_source": coupling.source.validation_loss,
        "validation_loss_target": coupling.target.validation_loss,
    }


def table(figures: pd.DataFrame) -> str:
    """Means and standard deviations over seeds, rows in their order."""
    lines = [f"| method | {' | '.join(METRICS)} |", "|---|" + "---|" * len(METRICS)]
    for name in figures["row"].unique():
        mine = figures[figures["row"] == name]
        cells = [f"{mine[metric].mean():.4f} ± {mine[metric].std(ddof=0):.4f}" for metric in METRICS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
