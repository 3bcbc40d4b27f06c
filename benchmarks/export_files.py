"""Three exports as labs have them, with matches planted, for benchmarks/exports.py.

A hidden state of each cell (its label, and two directions within it) is read by two assays in different cells, and
written as Cell Ranger, Seurat with a demultiplexer, and CellProfiler with pycytominer write it.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import io as scipy_io, sparse

N_CELLS = 1_500
GENES = ("BRD4", "CUL3", "IRF1", "JAK2", "MYC", "SMAD4", "STAT1")
CONTROL = "non-targeting"
AXES = 6


class Screen:
    """Hidden states of the cells of two assays, and the reading of one assay from them."""

    def __init__(self, labels: tuple[str, ...], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.labels = labels
        self.centres = self.rng.normal(size=(len(labels), AXES))

    def cells(self) -> tuple[np.ndarray, np.ndarray]:
        """Label ``(n_cells,)`` and hidden state ``(n_cells, AXES)`` of the cells of one assay."""
        at = self.rng.integers(len(self.labels), size=N_CELLS)
        state = self.centres[at] + 0.6 * self.rng.normal(size=(N_CELLS, AXES))
        return np.array(self.labels)[at], state

    def profiles(self, state: np.ndarray, n_features: int) -> np.ndarray:
        """Continuous features ``(n_cells, n_features)``."""
        seen = state @ self.rng.normal(size=(AXES, n_features)) / np.sqrt(AXES)
        return (seen + 0.5 * self.rng.normal(size=seen.shape)).astype(np.float32)

    def counts(self, state: np.ndarray, n_features: int, mean: float = 1.0) -> np.ndarray:
        """Counts ``(n_cells, n_features)``."""
        return self.rng.poisson(mean * np.exp(0.7 * self.profiles(state, n_features))).astype(np.float32)


def barcodes(rng: np.random.Generator) -> list[str]:
    """Different barcodes, as many as cells, as Cell Ranger writes them."""
    found: set[str] = set()
    while len(found) < N_CELLS:
        found.add("".join(rng.choice(list("ACGT"), 16)) + "-1")
    return sorted(found)


def cell_ranger(place: Path) -> tuple[Path, Path, Path]:
    """``filtered_feature_bc_matrix.tar.gz``, its protospacer calls, and proteins of other cells, labelled by gene."""
    screen = Screen((*GENES, CONTROL), 1)
    labels, state = screen.cells()
    guides = [f"{label}-{screen.rng.integers(1, 3)}" for label in labels]
    names = barcodes(screen.rng)
    counted = sorted(set(guides))
    umis = np.array([[screen.rng.poisson(20) * (guide == own) for guide in counted] for own in guides])
    genes = [f"GENE{i:03d}" for i in range(300)]
    X = np.hstack([screen.counts(state, len(genes)), umis])
    rows = [f"ENSG{i:011d}\t{name}\tGene Expression" for i, name in enumerate(genes)]
    rows += [f"{name}\t{name}\tCRISPR Guide Capture" for name in counted]
    matrix = io.BytesIO()
    scipy_io.mmwrite(matrix, sparse.coo_matrix(X.T).astype(int), field="integer")
    parts = {
        "matrix.mtx.gz": matrix.getvalue(),
        "features.tsv.gz": ("\n".join(rows) + "\n").encode(),
        "barcodes.tsv.gz": ("\n".join(names) + "\n").encode(),
    }
    with tarfile.open(place / "filtered_feature_bc_matrix.tar.gz", "w:gz") as archive:
        for name, text in parts.items():
            data = gzip.compress(text)
            info = tarfile.TarInfo(f"filtered_feature_bc_matrix/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    calls = []
    for name, guide in zip(names, guides, strict=True):
        chance = screen.rng.random()
        if chance < 0.04:  # no guide was called, so that the table lacks the cell
            continue
        second = str(screen.rng.choice(counted))
        is_double = chance < 0.12 and second != guide
        call = [guide, second] if is_double else [guide]
        calls.append((name, len(call), "|".join(call), "|".join(str(screen.rng.poisson(20) + 1) for _ in call)))
    columns = ["cell_barcode", "num_features", "feature_call", "num_umis"]
    pd.DataFrame(calls, columns=columns).to_csv(place / "protospacer_calls_per_cell.csv", index=False)
    other, seen = screen.cells()
    other = np.where(other == CONTROL, "NT", other)
    obs = pd.DataFrame({"perturbation": pd.Categorical(other)}, index=[f"adt_{i}" for i in range(N_CELLS)])
    proteins = AnnData(screen.counts(seen, 24, mean=20), obs=obs, var=pd.DataFrame(index=[f"CD{i}" for i in range(24)]))
    proteins.write_h5ad(place / "adt.h5ad")
    return place / "filtered_feature_bc_matrix.tar.gz", place / "protospacer_calls_per_cell.csv", place / "adt.h5ad"


def seurat(place: Path) -> tuple[Path, Path, Path]:
    """RNA as SeuratDisk writes it with calls of HTODemux, proteins of other cells, and a table of their calls."""
    screen = Screen(tuple(f"HTO{i}" for i in range(1, 9)), 2)

    def called(labels: np.ndarray) -> np.ndarray:
        found = labels.astype(object)
        for at in np.flatnonzero(screen.rng.random(N_CELLS) < 0.12):
            other = str(screen.rng.choice([each for each in screen.labels if each != labels[at]]))
            found[at] = "Negative" if screen.rng.random() < 0.4 else f"{labels[at]}_{other}"
        return found

    labels, state = screen.cells()
    calls = called(labels)
    rna = AnnData(screen.counts(state, 250), obs=pd.DataFrame(index=barcodes(screen.rng)))
    rna.var_names = [f"GENE{i:03d}" for i in range(250)]
    rna.raw = rna
    rna.X = np.log1p(1e4 * rna.X / rna.X.sum(1, keepdims=True))
    rna.write_h5ad(place / "pbmc_hashed.h5ad")
    levels = {"HTO_classification": calls, "HTO_classification.global": [_kind(each) for each in calls]}
    with h5py.File(place / "pbmc_hashed.h5ad", "r+") as file:
        obs, texts = file["obs"], h5py.string_dtype()
        named = obs.create_group("__categories")
        for name, values in levels.items():
            level = sorted(set(values))
            obs.create_dataset(name, data=np.array([level.index(each) for each in values], dtype=np.int32))
            named.create_dataset(name, data=np.array(level, dtype=object), dtype=texts)
        obs.create_dataset("nCount_RNA", data=rna.raw.X.sum(1))
        del obs.attrs["column-order"]
        obs.attrs["column-order"] = np.array([*levels, "nCount_RNA"], dtype=object)
        obs.attrs["encoding-version"] = "0.1.0"
    labels, state = screen.cells()
    names = [f"{each[:-2]}-2" for each in barcodes(screen.rng)]
    calls = called(labels)
    proteins = pd.DataFrame(screen.counts(state, 20, mean=20).astype(int), index=names)
    proteins.columns = [f"CD{i}" for i in range(20)]
    proteins.to_csv(place / "adt_counts.csv.gz")
    table = pd.DataFrame({"HTO_classification": calls, "HTO_classification.global": list(map(_kind, calls))}, names)
    table.to_csv(place / "hto_calls.csv")
    return place / "pbmc_hashed.h5ad", place / "adt_counts.csv.gz", place / "hto_calls.csv"


def cell_profiler(place: Path) -> tuple[Path, Path]:
    """Profiles of CellProfiler as pycytominer writes them (parquet, NaN in 2% of the cells), and RNA of other cells."""
    screen = Screen((*GENES, CONTROL), 3)
    labels, state = screen.cells()
    X = screen.profiles(state, 60)
    for column in (3, 17, 41):
        X[screen.rng.random(N_CELLS) < 0.02, column] = np.nan
    kinds = ("AreaShape_Area", "Texture_Contrast", "Intensity_Mean", "Granularity_1", "RadialDistribution_Frac")
    names = [f"{part}_{kind}_{i}" for part in ("Cells", "Nuclei", "Cytoplasm") for kind in kinds for i in range(4)]
    table = pd.DataFrame(
        {
            "Metadata_Plate": [f"BR0011{i % 4}" for i in range(N_CELLS)],
            "Metadata_Well": [f"{'ABCDEFGH'[i % 8]}{i % 12 + 1:02d}" for i in range(N_CELLS)],
            "Metadata_gene": np.where(labels == CONTROL, "NTC", labels),
            "ImageNumber": np.arange(N_CELLS) // 10 + 1,
            "ObjectNumber": np.arange(N_CELLS) % 10 + 1,
            "Cells_Location_Center_X": screen.rng.uniform(0, 1080, N_CELLS),
            "Cells_Location_Center_Y": screen.rng.uniform(0, 1080, N_CELLS),
            **dict(zip(names, X.T, strict=True)),
        }
    )
    table.to_parquet(place / "BR00117_normalized.parquet")
    other, seen = screen.cells()
    obs = pd.DataFrame({"gene": pd.Categorical(other)}, index=barcodes(screen.rng))
    rna = AnnData(sparse.csr_matrix(screen.counts(seen, 250)), obs=obs)
    rna.var_names = [f"GENE{i:03d}" for i in range(250)]
    rna.write_h5ad(place / "perturb_seq.h5ad")
    return place / "BR00117_normalized.parquet", place / "perturb_seq.h5ad"


def _kind(call: str) -> str:
    return "Negative" if call == "Negative" else "Doublet" if "_" in call else "Singlet"
