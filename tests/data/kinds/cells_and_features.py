"""Kinds of tables that are read, with something wrong in their values or names."""

from __future__ import annotations

import numpy as np

from tests.data.kinds.drawn_table import BINARY, H5AD, DrawnTable, draw_table
from tests.data.kinds.kind import ACCEPT, REJECT, WARN, Member, kind
from tests.data.kinds.members import some_of, written


@kind("G good in every format", ACCEPT)
def good(rng, folder):
    return written(rng, folder, draw_table(rng))


@kind("G58 many columns", ACCEPT)
def many_columns(rng, folder):
    table = draw_table(rng)
    extra = {f"score_{i}": [rng.choice("pqr") for _ in table.cells] for i in range(rng.randint(50, 200))}
    return written(rng, folder, table.changed(columns={**table.columns, **extra}))


# --- names ---
@kind("F19 a feature name twice", WARN, ("duplicate", "repeated", "twice"))
def feature_twice(rng, folder):
    table = draw_table(rng)
    genes = list(table.genes)
    at, copy = rng.sample(range(len(genes)), 2)
    genes[copy] = genes[at]
    return written(rng, folder, table.changed(genes=genes))


@kind("F20 a cell name twice", REJECT, ("duplicate", "repeated", "twice", "more than once"), ("cell name", "barcode"))
def cell_twice(rng, folder):
    table = draw_table(rng)
    cells = list(table.cells)
    for _ in range(rng.randint(1, 4)):
        at, copy = rng.sample(range(len(cells)), 2)
        cells[copy] = cells[at]
    return written(rng, folder, table.changed(cells=cells))


@kind("F25 names that read like missing", WARN, ("missing",), ("name",))
def missing_name(rng, folder):
    table = draw_table(rng)
    names = list(rng.choice([table.cells, table.genes]))
    is_cells = names == table.cells
    names[rng.randrange(len(names))] = rng.choice(
        ["NA", "nan", "NaN", "None", "null", "N/A", "#N/A", "NULL", "n/a", "na"]
    )
    return written(rng, folder, table.changed(**{"cells" if is_cells else "genes": names}))


@kind("F27 cell names that are whole numbers", WARN, ("number",), ("cell name", "barcode"))
def whole_number_names(rng, folder):
    table = draw_table(rng)
    start, step = rng.choice([(0, 1), (1, 1), (1000, 1), (7, 3)])
    cells = [str(start + step * i) for i in range(len(table.cells))]
    if rng.random() < 0.3:
        cells = [each.zfill(5) for each in cells]
    if rng.random() < 0.3:
        rng.shuffle(cells)
    return written(rng, folder, table.changed(cells=cells))


@kind("F57 an empty cell name", REJECT, ("empty", "blank"), ("cell name", "barcode"))
def empty_cell_name(rng, folder):
    table = draw_table(rng)
    cells = list(table.cells)
    cells[rng.randrange(len(cells))] = rng.choice(["", " ", "   "])
    return written(rng, folder, table.changed(cells=cells))


@kind("F56 an empty feature name", WARN, ("empty", "blank", "no name"), ("feature", "gene", "column"))
def empty_feature_name(rng, folder):
    table = draw_table(rng)
    genes = list(table.genes)
    genes[rng.randrange(len(genes))] = rng.choice(["", " "])
    return written(rng, folder, table.changed(genes=genes))


@kind("F23 genes in rows", WARN, ("transpose", "rows"))
def transposed(rng, folder):
    table = draw_table(rng)
    n = rng.randint(65, 90)
    genes = rng.choice(
        [
            [f"ENSG{i:011d}" for i in range(n)],
            [f"GENE{i}" for i in range(n)],
            (["ACTB", "GAPDH", "MALAT1", "CD3D", "CD3E", "CD4", "CD8A", "MS4A1", "LYZ", "NKG7"] * 9)[:n],
        ]
    )
    genes = [each if genes.count(each) == 1 else f"{each}{i}" for i, each in enumerate(genes)]
    bases = ["".join(rng.choice("ACGT") for _ in range(16)) for _ in range(30)]
    cells = rng.choice(
        [[f"{each}-1" for each in bases], [f"S1_{each}" for each in bases], [f"cell{i}" for i in range(30)]]
    )
    X = np.random.default_rng(rng.getrandbits(32)).poisson(4.0, (n, 30)).astype(np.float32)
    flipped = DrawnTable(genes, cells, X, {table.key: [rng.choice("ab") for _ in genes]}, table.key)
    return written(rng, folder, flipped)


# --- values ---
@kind(
    "M01 missing or infinite values",
    REJECT,
    ("missing", "nan", "infinite", "not a number"),
    ("gene", "feature", "column"),
)
def not_finite(rng, folder):
    table = draw_table(rng)
    X = table.X.copy()
    for at in some_of(rng, len(X)):
        X[at, rng.randrange(X.shape[1])] = rng.choice([np.nan, np.inf, -np.inf])
    return written(rng, folder, table.changed(X=X))


@kind("M04 cells of zeros", WARN, ("empty", "all zero", "only zeros"), ("cell",))
def empty_cells(rng, folder):
    table = draw_table(rng)
    X = table.X.copy()
    X[some_of(rng, len(X))] = 0
    return written(rng, folder, table.changed(X=X))


@kind("M05 constant features", WARN, ("zero", "constant", "no information"), ("gene", "feature"))
def constant_features(rng, folder):
    table = draw_table(rng)
    X = table.X.copy()
    X[:, some_of(rng, X.shape[1], 2)] = rng.choice([0, 1, 3])
    return written(rng, folder, table.changed(X=X))


@kind("M08 values too large", REJECT, ("large", "magnitude"))
def too_large(rng, folder):
    table = draw_table(rng)
    X = table.X.astype(np.float64)
    value = rng.choice([1e300, -1e200, 3e39, 2.0**63, 2.0**64, 1e20, -(2.0**63), 9.96921e36])
    for at in some_of(rng, len(X)):
        X[at, rng.randrange(X.shape[1])] = value
    return written(rng, folder, table.changed(X=X))


@kind("M08b whole numbers too large", REJECT, ("large", "magnitude"))
def whole_too_large(rng, folder):
    table = draw_table(rng)
    whole = rng.choice([np.int64, np.uint64])
    X = np.round(table.X).astype(whole)
    X[rng.randrange(len(X)), rng.randrange(X.shape[1])] = np.iinfo(whole).max if rng.random() < 0.5 else 2**62
    return written(rng, folder, table.changed(X=X), BINARY)


@kind("M09 no variation", REJECT, ("same value", "constant", "no variation", "identical"))
def no_variation(rng, folder):
    table = draw_table(rng)
    row = np.zeros(table.X.shape[1]) + rng.choice([0, 1, 2.5])
    if rng.random() < 0.5:
        row = np.random.default_rng(rng.getrandbits(32)).poisson(3.0, table.X.shape[1]) + 1.0
    return written(rng, folder, table.changed(X=np.tile(row, (len(table.X), 1)).astype(np.float32)))


@kind("M11 values that are no numbers", REJECT, ("text", "string", "not numbers", "no numbers", "complex"))
def no_numbers(rng, folder):
    table = draw_table(rng)
    make = rng.choice([lambda X: X.astype(str), lambda X: X.astype(complex), lambda X: X.astype("S8")])
    if rng.random() < 0.5:
        path = folder / "arrays.npz"
        np.savez(path, X=make(table.X), obs_names=np.array(table.cells), **{table.key: np.array(table.labels)})
        return Member((path,), table.key)
    import h5py

    path = table.write(rng, folder, ("dense.h5ad",))
    with h5py.File(path, "a") as file:
        values = make(table.X)
        del file["X"]
        file["X"] = values.astype("S8") if values.dtype.kind == "U" else values
    return Member((path,), table.key)


@kind("M13 one feature", REJECT, ("1 feature", "one feature", "only 1", "only one"))
def one_feature(rng, folder):
    table = draw_table(rng)
    return written(rng, folder, table.changed(X=table.X[:, :1], genes=table.genes[:1]))


@kind("M14 one cell", REJECT, ("1 cell", "one cell", "only 1"))
def one_cell(rng, folder):
    table = draw_table(rng)
    columns = {name: each[:1] for name, each in table.columns.items()}
    return written(rng, folder, table.changed(X=table.X[:1], cells=table.cells[:1], columns=columns))


@kind("M15 no cells", REJECT, ("no cells", "0 cells", "empty"))
def no_cells(rng, folder):
    table = draw_table(rng)
    columns = {name: each[:0] for name, each in table.columns.items()}
    return written(rng, folder, table.changed(X=table.X[:0], cells=[], columns=columns))


@kind("M16 no features", REJECT, ("no genes", "0 genes", "no features", "0 features"))
def no_features(rng, folder):
    table = draw_table(rng)
    return written(rng, folder, table.changed(X=table.X[:, :0], genes=[]))


@kind("M26 scaled values", WARN, ("scaled", "z-score", "negative", "centred", "standardised"))
def scaled(rng, folder):
    table = draw_table(rng)
    X = table.X.astype(np.float64)
    X = X[:, X.std(axis=0) > 0]
    how = rng.choice(["z", "clipped", "centred", "minmax", "no centre"])
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    Z = {
        "z": Z,
        "clipped": np.clip(Z, -2.5, 2.5),
        "centred": X - X.mean(axis=0),
        "minmax": (X - X.min(axis=0)) / np.ptp(X, axis=0),
        "no centre": X / X.std(axis=0),
    }[how]
    return written(rng, folder, table.changed(X=Z, genes=table.genes[: Z.shape[1]]))


@kind("M27 a code for missing values", WARN, ("missing", "code", "negative"))
def code_for_missing(rng, folder):
    table = draw_table(rng)
    X = table.X.copy()
    code = rng.choice([-1, -9, -99, -999, -9999])
    for at in some_of(rng, len(X)):
        X[at, rng.randrange(X.shape[1])] = code
    return written(rng, folder, table.changed(X=X))


@kind("M27b a code far from all other values", WARN, ("missing",), ("code",), ("far",))
def far_code(rng, folder):
    table = draw_table(rng)
    X = table.X.astype(np.float64)
    if rng.random() < 0.5:
        X = X - X.mean(axis=0)  # other values are negative, too
    code = rng.choice([999, 9999, 99999, -9999, -99999, 2147483647])
    for at in some_of(rng, len(X)):
        X[at, rng.randrange(1, X.shape[1])] = code
    X[:, 0] -= X[:, 0].min() + 1  # a negative code is not the only negative value
    return written(rng, folder, table.changed(X=X))


@kind("M30 identical cells", WARN, ("identical", "duplicate"))
def identical_cells(rng, folder):
    table = draw_table(rng, n_features=rng.randint(12, 25))
    X = table.X.copy()
    n = rng.randint(2, len(X) // 2)
    X[-n:] = X[:n]
    return written(rng, folder, table.changed(X=X))


@kind(
    "M32 a layer called counts that holds none",
    WARN,
    ("counts",),
    ("integer", "whole", "decimal", "negative", "not hold"),
)
def false_counts(rng, folder):
    table = draw_table(rng)
    values = rng.choice(
        [np.log1p(np.abs(table.X)) + 0.1, table.X * 1.37 + 0.01, table.X - table.X.mean(axis=0) + 0.001]
    )
    name = rng.choice(["counts", "raw_counts", "Counts", "umi_counts", "UMI", "count"])
    return written(rng, folder, table.changed(layers={name: values.astype(np.float32)}), H5AD)


@kind("F74 a row that sums up the others", WARN, ("summary",), ("delete",))
def summary_row(rng, folder):
    table = draw_table(rng)
    names = list(table.cells)
    names[rng.choice([0, -1])] = rng.choice(
        ["Total", "Mean", "SD", "Std. Dev.", "grand_total", "AVERAGE", "Median:", "stdev", "Standard deviation"]
    )
    return written(rng, folder, table.changed(cells=names))


@kind("M33 few cells", WARN, ("few cells", "only", "small"))
def few_cells(rng, folder):
    return written(rng, folder, draw_table(rng, n_cells=rng.randint(10, 25), n_features=6))


@kind("M34 more features than cells", WARN, ("more features", "few cells", "overfit"))
def more_features(rng, folder):
    n = rng.randint(35, 60)
    return written(rng, folder, draw_table(rng, n_cells=n, n_features=n + rng.randint(5, 100)))


# --- labels ---
