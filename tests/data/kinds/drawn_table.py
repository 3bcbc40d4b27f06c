"""A good table of cells that a kind changes, and the formats in which it can be written."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

TEXT = ("csv", "tsv", "csv.gz", "tsv.gz")
ALL = ("dense.h5ad", "csr.h5ad", "csc.h5ad", "npz", *TEXT)
H5AD = ("dense.h5ad", "csr.h5ad", "csc.h5ad")
BINARY = (*H5AD, "npz")


@dataclass(frozen=True)
class DrawnTable:
    """Names, values and columns of some cells; ``key`` is the label column."""

    cells: list[str]
    genes: list[str]
    X: np.ndarray
    columns: dict[str, Any]
    key: str
    layers: dict[str, Any] = field(default_factory=dict)

    def changed(self, **what: Any) -> DrawnTable:
        return replace(self, **what)

    @property
    def labels(self) -> list[Any]:
        return list(self.columns[self.key])

    def with_labels(self, labels: Any) -> DrawnTable:
        return self.changed(columns={**self.columns, self.key: labels})

    def anndata(self, storage: str = "dense") -> anndata.AnnData:
        X = {"dense": np.asarray, "csr": sparse.csr_matrix, "csc": sparse.csc_matrix}[storage](self.X)
        obs = pd.DataFrame({name: pd.Series(list(each)) for name, each in self.columns.items()})
        obs.index = pd.Index(self.cells, dtype=object)
        return anndata.AnnData(
            X, obs=obs, var=pd.DataFrame(index=pd.Index(self.genes, dtype=object)), layers=self.layers
        )

    def lines(self, separator: str) -> list[str]:
        rows = [["cell", *self.columns, *self.genes]]
        for i, cell in enumerate(self.cells):
            values = ["" if pd.isna(each[i]) else str(each[i]) for each in map(list, self.columns.values())]
            rows.append([cell, *values, *(format(each, ".6g") for each in self.X[i].tolist())])
        return [separator.join(row) for row in rows]

    def write(self, rng: Random, folder: Path, formats: tuple[str, ...] = ALL, stem: str = "") -> Path:
        """The table in one of ``formats``."""
        kind = rng.choice(formats)
        name = stem or rng.choice(["data", "rna", "screen_2", "Export of May"])
        path = folder / f"{name}.{'h5ad' if kind.endswith('h5ad') else kind}"
        if kind.endswith("h5ad"):
            packed = rng.choice([None, "gzip", "lzf"])
            self.anndata(kind.split(".")[0]).write_h5ad(path, compression=packed)
        elif kind == "npz":
            columns = {name: np.array(list(each)) for name, each in self.columns.items()}
            columns = {name: each.astype(str) if each.dtype == object else each for name, each in columns.items()}
            names = {"obs_names": np.array(self.cells), "var_names": np.array(self.genes)}
            rng.choice([np.savez, np.savez_compressed])(path, X=self.X, **names, **columns)
        else:
            separator = "\t" if kind.startswith("tsv") else ","
            write_lines(path, self.lines(separator), rng)
        return path


def write_lines(path: Path, lines: list[str], rng: Random, encoding: str = "utf-8") -> Path:
    """A text table, compressed if its name says so, with one of the usual line ends."""
    data = rng.choice(["\n", "\r\n"]).join([*lines, ""]).encode(encoding)
    path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)
    return path


def draw_table(
    rng: Random,
    *,
    n_cells: int = 0,
    n_features: int = 0,
    prefix: str = "",
    names: list[str] | None = None,
    key: str = "",
) -> DrawnTable:
    """A table without any problem: counts or logged values, two to five labels that move some features."""
    noise = np.random.default_rng(rng.getrandbits(32))
    n, p = n_cells or rng.randint(60, 140), n_features or rng.randint(6, 30)
    names = names or rng.sample(
        ["B cell", "T cell", "Mono", "NK", "ctrl", "KO_A", "α-MSH", "CD8+", "dose 5"], rng.randint(2, 5)
    )
    labels = [names[i % len(names)] for i in range(n)]
    noise.shuffle(labels)
    mean = noise.uniform(2, 9, (len(names), p))
    X = noise.poisson(mean[[names.index(each) for each in labels]]).astype(np.float32)
    if rng.random() < 0.4:
        X = np.log1p(X / X.sum(axis=1, keepdims=True).clip(1) * 50).astype(rng.choice([np.float32, np.float64]))
    style = rng.choice(["barcode", "well", "sample"])
    cells = [_cell(rng, style, i) for i in range(n)]
    gene = prefix or rng.choice(["GENE", "ENSG0000", "CD", "Prot.", "peak:"])
    key = key or rng.choice(["cell_type", "condition", "label", "Treatment"])
    columns: dict[str, Any] = {key: labels}
    if rng.random() < 0.5:
        columns["batch"] = [rng.choice(["x", "y"]) for _ in range(n)]
    return DrawnTable(cells, [f"{gene}{i}" for i in range(p)], X, columns, key)


def _cell(rng: Random, style: str, i: int) -> str:
    if style == "barcode":
        return "".join(rng.choice("ACGT") for _ in range(16)) + "-1"
    if style == "well":
        return f"{rng.choice('ABCDEFGH')}{i:02d}_r{rng.randint(1, 9)}x{rng.getrandbits(24):06x}"
    return f"S{i % 3}_{rng.getrandbits(40):010x}"
