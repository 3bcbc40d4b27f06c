"""Kinds of HDF5 files whose layout or content is wrong."""

from __future__ import annotations

import h5py
import numpy as np
from scipy import sparse

from tests.data.kinds.drawn_table import H5AD, draw_table
from tests.data.kinds.kind import ACCEPT, AGAIN, REJECT, WARN, Member, kind
from tests.data.kinds.members import h5_member


@kind("F45 sizes that differ", REJECT, ("match", "differ", "rows", "cells", "size", "entries", "inconsistent"))
def sizes_differ(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, H5AD)
    n, p = table.X.shape
    with h5py.File(path, "a") as file:
        way = rng.choice(["rows", "columns", "obs", "var"])
        if way in ("rows", "columns"):
            shape = (n - rng.randint(1, 9), p) if way == "rows" else (n, p + rng.randint(1, 9))
            del file["X"]
            file["X"] = np.ones(shape, np.float32) * np.arange(shape[1])
        else:
            index = file[way].attrs["_index"]
            names = file[way][index][:-2]
            del file[way][index]
            file[way][index] = names
    return Member((path,), table.key)


@kind("F46 an unknown filter", REJECT, ("compress", "filter"), ("gzip", "save", "write"))
def unknown_filter(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("dense.h5ad",))
    codec = rng.choice([32001, 32004, 32008, 32015, 32026, 307, 400])
    with h5py.File(path, "a") as file:
        del file["X"]
        space = h5py.h5s.create_simple(table.X.shape)
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk(table.X.shape)
        made.set_filter(codec, h5py.h5z.FLAG_OPTIONAL, (0, 0, 0, 0))
        h5py.h5d.create(file.id, b"X", h5py.h5t.IEEE_F32LE, space, made)
    return Member((path,), table.key)


@kind("F49 a part of the values is missing", REJECT, ("incomplete", "missing", "lost"), (*AGAIN, "download"))
def chunk_lost(rng, folder):
    table = draw_table(rng)
    path = table.write(rng, folder, ("dense.h5ad",))
    with h5py.File(path, "a") as file:
        del file["X"]
        step = rng.randint(5, 20)
        made = file.create_dataset("X", shape=table.X.shape, dtype="f4", chunks=(step, table.X.shape[1]))
        made[: -(-len(table.X) // 2)] = table.X[: -(-len(table.X) // 2)]
    return Member((path,), table.key)


@kind("M19 no matrix", REJECT, ("no matrix", "x is empty", "no x"), ("layer", "obsm", "raw"))
def no_matrix(rng, folder):
    return h5_member(rng, folder, lambda file: file.__delitem__("X"))


@kind("M20 repeated or unsorted entries", WARN, ("repeated", "unsorted", "summed"))
def not_canonical(rng, folder):
    def change(file):
        X = file["X"]
        indices, indptr = X["indices"][...], X["indptr"][...]
        row = next(i for i in range(len(indptr) - 1) if indptr[i + 1] - indptr[i] > 2)
        at = indptr[row]
        if rng.random() < 0.5:
            indices[at], indices[at + 1] = indices[at + 1], indices[at]
        else:
            indices[at + 1] = indices[at]
        X["indices"][...] = indices

    return h5_member(rng, folder, change, ("csr.h5ad", "csc.h5ad"))


@kind(
    "M21 an inconsistent sparse matrix", REJECT, ("damaged", "inconsistent", "invalid"), ("sparse", "index", "matrix")
)
def broken_sparse(rng, folder):
    def change(file):
        X = file["X"]
        parts = {name: X[name][...] for name in ("data", "indices", "indptr")}
        at = rng.randrange(len(parts["indices"]))
        way = rng.choice(["far", "negative", "bound", "short", "float", "shape", "lost", "flat"])
        if way == "far":
            parts["indices"][at] = rng.choice([10**6, 2**31 - 1, 10**4])
        elif way == "negative":
            parts["indices"][at] = -rng.choice([1, 5, 2**31])
        elif way == "bound":
            parts["indptr"][rng.randrange(1, len(parts["indptr"]))] = rng.choice([10**6, -4, 0])
        elif way == "short":
            name = rng.choice(["data", "indices", "indptr"])
            parts[name] = parts[name][: -rng.randint(1, 5)]
        elif way == "float":
            parts["indices"] = parts["indices"].astype(float)
        elif way == "shape":
            X.attrs["shape"] = rng.choice([(-1, 5), "wide", (7,), (2, 3, 4)])
        elif way == "flat":
            parts["data"] = parts["data"].reshape(1, -1)
        for name, values in parts.items():
            del X[name]
            X[name] = values
        if way == "lost":
            del X[rng.choice(["data", "indices", "indptr"])]

    return h5_member(rng, folder, change, ("csr.h5ad", "csc.h5ad"))


@kind("M29 not two dimensions", REJECT, ("dimension", "shape", "3-d"))
def dimensions(rng, folder):
    table = draw_table(rng)
    n, p = table.X.shape
    shape = rng.choice([(n,), (n, p, 1), (n, 2, 3), (), (n, 2, 2, 2, 2)])
    if rng.random() < 0.7 or len(shape) in (0, 1, 3, 5):
        path = table.write(rng, folder, ("dense.h5ad",))
        with h5py.File(path, "a") as file:
            del file["X"]
            file["X"] = np.arange(int(np.prod(shape)), dtype="f4").reshape(shape)
    return Member((path,), table.key)


@kind("F50 a column that is broken", WARN, ("column",), ("left out", "missing", "damaged"))
def broken_column(rng, folder):
    table = draw_table(rng)
    table = table.changed(columns={**table.columns, "extra": [rng.choice("uvw") for _ in table.cells]})
    path = table.write(rng, folder, H5AD)
    with h5py.File(path, "a") as file:
        obs = file["obs"]
        way = rng.choice(["gone", "short", "codes", "group"])
        del obs["extra"]
        if way == "short":
            obs["extra"] = np.arange(5)
        elif way == "codes":
            made = obs.create_group("extra")
            made["codes"] = np.full(len(table.cells), 9)
            made["categories"] = np.array([b"u", b"v"])
        elif way == "group":
            obs.create_group("extra")["what"] = 3
    return Member((path,), table.key)


@kind("X03 points outside the file", REJECT, ("outside", "link", "external"))
def outside(rng, folder):
    def change(file):
        way = rng.choice(["external", "soft", "storage", "virtual", "deep"])
        name = rng.choice(["obs/extra", "layers/a", "uns/x", "obsm/y"])
        if way == "external":
            file[name] = h5py.ExternalLink("/etc/hostname", "/")
        elif way == "soft":
            file[name] = h5py.SoftLink("/obs")
        elif way == "storage":
            file.create_dataset(name, shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])
        elif way == "virtual":
            layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
            layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(4,))
            file.create_virtual_dataset(name, layout)
        else:
            file["uns/a/b/c"] = h5py.ExternalLink("other.h5", "/")

    return h5_member(rng, folder, change)


@kind("X05 loops and depth", REJECT, ("loop", "deep", "link", "levels"))
def loops(rng, folder):
    def change(file):
        if rng.random() < 0.5:
            file["uns/" + "/".join("d" * rng.randint(40, 300))] = 1
        else:
            file.require_group("uns/a")
            file["uns/a/b"] = file["uns"]

    return h5_member(rng, folder, change)


@kind(
    "X20 a size far beyond the file",
    REJECT,
    ("size", "large", "incomplete", "memory", "missing", "limit", "not match", "entries"),
)
def bomb(rng, folder):
    def change(file):
        place = rng.choice(["X", f"obs/{file['obs'].attrs['column-order'][0]}", "obs/_index", "var/_index"])
        if place in file:
            del file[place]
        shape = (10**9, 10**5) if place == "X" else (10**10,)
        file.create_dataset(
            place, shape=shape, dtype="f8", chunks=tuple(min(n, 1000) for n in shape), compression="gzip"
        )

    return h5_member(rng, folder, change, ("dense.h5ad",))


@kind("X11 python objects", REJECT, ("object", "code"))
def objects(rng, folder):
    table = draw_table(rng)
    path = folder / "o.npz"
    extra = np.array([{"a": 1}, print, "x"], dtype=object)
    np.savez(path, X=table.X, **{rng.choice(["labels", "cell_type", "obs_names", "anything"]): extra})
    return Member((path,), "cell_type")


def tenx(rng, folder, *, genomes=("GRCh38",)):
    """A 10x matrix in the layout of Cell Ranger 2 or 3."""
    table = draw_table(rng)
    X = np.round(np.abs(table.X) * 3)
    stored = sparse.csc_matrix(X.T.astype(np.int32))
    names, version = np.array(table.genes, "S"), rng.choice([2, 3])
    path = folder / rng.choice(["filtered_feature_bc_matrix.h5", "raw.h5", "sample.h5"])
    with h5py.File(path, "w") as file:
        for genome in genomes if version == 2 else ("matrix",):
            group = file.create_group(genome)
            group["barcodes"], group["shape"] = np.array(table.cells, "S"), np.array(stored.shape)
            group["data"], group["indices"], group["indptr"] = stored.data, stored.indices, stored.indptr
            for part in ("genes", "gene_names") if version == 2 else ("features/id", "features/name"):
                group[part] = names
            if version == 3:
                group["features/genome"] = np.array([genomes[i % len(genomes)] for i in range(len(names))], "S")
    return path


@kind("G12 a 10x matrix", ACCEPT)
def tenx_matrix(rng, folder):
    return Member((tenx(rng, folder),), "")


@kind("F36 a 10x file of two genomes", REJECT, ("genome",), ("hg19",))
def two_genomes(rng, folder):
    return Member((tenx(rng, folder, genomes=("hg19", rng.choice(["mm10", "GRCm38"]))),), "")


@kind("F37 a 10x matrix without a part", REJECT, ("10x", "cell ranger"), ("missing", "lacks", "incomplete"))
def tenx_without_part(rng, folder):
    path = tenx(rng, folder)
    with h5py.File(path, "a") as file:
        group = file[next(iter(file))]
        names = "features/name" if "features" in group else "gene_names"
        del group[rng.choice(["data", "indices", "indptr", "shape", names])]
    return Member((path,), "")


@kind(
    "F10x another layout in HDF5, or a part of one",
    REJECT,
    ("not an anndata", "without its matrix", "without names", "missing"),
    ("save", *AGAIN, "add"),
)
def other_layout(rng, folder):
    path = folder / f"m{rng.choice(['.h5', '.h5ad', '.loom', '.h5mu'])}"
    with h5py.File(path, "w") as file:
        way = rng.choice(["loom without names", "loom without a matrix", "h5mu", "other", "nothing"])
        if way.startswith("loom"):
            file.create_group("row_attrs"), file.create_group("col_attrs")
            if way.endswith("names"):
                file["matrix"] = np.ones((3, 3))
        elif way == "h5mu":
            file.create_group("mod/rna"), file.create_group("mod/prot")
        elif way == "other":
            file["data"] = np.ones((4, 4))
    return Member((path,), "")
