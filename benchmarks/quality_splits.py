"""Which cells train and which are judged: splits of a paired set for the benchmarks, in two protocols."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import anndata
import numpy as np

from psmatch_core.base.randomness import stream
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.data.modality import Modality

PAIRED = ("bmmc_cite", "snare_celllines", "snare_cortex", "papalexi_split", "cellpainting_a549", "pbmc10k_cite_mini")
PANELS = {"cite_panels": 1, "asap_panels": 2}  # two panels of proteins of the same cells: a file, and its held-out part
PANELS_OF = "citeasap_unpaired"
SHARES = {"shared": (0.6, 0.2), "separate": (0.3, 0.35)}  # E, and A and B each
CONTROLS = ("labels", "noise")  # labels dealt at random over the physical cells; modality 2 replaced by noise
LARGEST = 3000  # cells drawn from a larger set, so that five seeds end within the hour


@dataclass(frozen=True)
class Split:
    """Which cells of a set train and which are judged."""

    folder: Path
    seed: int
    protocol: str
    control: str = ""

    def modalities(self) -> tuple[list[Modality], list[Modality]]:
        """Both modalities that train, and both that are matched and judged; the same in the protocol *shared*."""
        sides = self._sides()
        labels = sides[0].obs["label"].astype(str).to_numpy()
        usable = ~sides[0].obs["label"].isna().to_numpy() & (labels != "Mis")
        rng = stream(self.seed, "benchmark split", self.folder.name)
        cells = rng.permutation(np.flatnonzero(usable))[:LARGEST]
        if self.control == "labels":
            labels[cells] = rng.permutation(labels[cells])
        if self.control == "noise":
            sides[1].X = rng.normal(size=sides[1].shape).astype(np.float32)
        shared, one_side = SHARES[self.protocol]
        n_shared, n_side = int(shared * cells.size), int(one_side * cells.size)
        both, mine = cells[:n_shared], (cells[n_shared : n_shared + n_side], cells[n_shared + n_side :])
        if self.protocol == "shared":
            mine = (np.r_[both, mine[0]], np.r_[both, mine[1]])
        known = set(labels[mine[0]]) & set(labels[mine[1]])
        known &= set(labels[both]) if self.protocol == "separate" else known
        trained = [
            self._modality(each, index, part, labels, known, rng)
            for index, (each, part) in enumerate(zip(sides, mine, strict=True))
        ]
        if self.protocol == "shared":
            return trained, trained
        return trained, [self._modality(each, index, both, labels, known, rng) for index, each in enumerate(sides)]

    def _sides(self) -> list[anndata.AnnData]:
        """All cells of the set in both modalities, row by row."""
        if self.folder.name not in PANELS:
            return [anndata.read_h5ad(self.folder / f"mod{index}.h5ad") for index in (1, 2)]
        one = anndata.read_h5ad(self.folder.with_name(PANELS_OF) / f"mod{PANELS[self.folder.name]}.h5ad")
        other = anndata.AnnData(np.asarray(one.obsm["heldout"]), obs=one.obs.copy())
        other.var_names = [str(name) for name in one.uns["heldout_names"]]
        return [one, other]

    @staticmethod
    def _modality(
        adata: anndata.AnnData,
        index: int,
        part: np.ndarray,
        labels: np.ndarray,
        known: set[str],
        rng: np.random.Generator,
    ) -> Modality:
        """Cells in random order, with the names of the physical cells as pair column."""
        part = rng.permutation(part)
        part = part[np.isin(labels[part], list(known))]
        mine = adata[part].copy()
        mine.obs["label"] = labels[part]
        mine.obs["cell"] = [f"cell{i}" for i in part]
        mine.obs_names = [f"m{index}_{i}" for i in part]
        return Modality.from_anndata(mine, label_key="label", name=f"modality {index + 1}", pair_key="cell")


def split(folder: Path, seed: int) -> tuple[Modality, Modality]:
    """A∪E and B∪E of a set in the protocol *shared*."""
    first, second = Split(folder, seed, "shared").modalities()[0]
    return first, second


def of_new_cells(
    models: tuple[PropensityModel, PropensityModel], cells: list[Modality]
) -> tuple[PropensityModel, PropensityModel]:
    """The models with cells that neither was trained on, scored."""
    logits = [model.score(each.X) for model, each in zip(models, cells, strict=True)]
    first, second = (
        replace(model, modality=each, logits=values, held_out_logits=values)
        for model, each, values in zip(models, cells, logits, strict=True)
    )
    return first, second
