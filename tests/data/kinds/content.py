"""Kinds whose members are a good table with one thing changed: names, values, labels."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from tests.data.kinds.drawn_table import ALL, BINARY, H5AD, DrawnTable, draw_table
from tests.data.kinds.kind import ACCEPT, REJECT, WARN, Member, kind


def written(rng: Random, folder: Path, table: DrawnTable, formats: tuple[str, ...] = ALL) -> Member:
    return Member((table.write(rng, folder, formats),), table.key)


def some_of(rng: Random, n: int, most: int = 5) -> list[int]:
    """A few different positions, anywhere."""
    return sorted(rng.sample(range(n), rng.randint(1, min(most, n))))


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


@kind("M33 few cells", WARN, ("few cells", "only", "small"))
def few_cells(rng, folder):
    return written(rng, folder, draw_table(rng, n_cells=rng.randint(10, 25), n_features=6))


@kind("M34 more features than cells", WARN, ("more features", "few cells", "overfit"))
def more_features(rng, folder):
    n = rng.randint(35, 60)
    return written(rng, folder, draw_table(rng, n_cells=n, n_features=n + rng.randint(5, 100)))


# --- labels ---
@kind("L01 no such column", REJECT, ("label", "column"), ("available", "choose", "there are no"))
def no_such_column(rng, folder):
    table = draw_table(rng)
    member = written(rng, folder, table)
    return Member(member.files, rng.choice(["perturbation", "celltype", table.key + " ", table.key.upper(), "leiden"]))


@kind("L02 cells without a label", WARN, ("missing", "no label", "unlabel"))
def cells_without_label(rng, folder):
    table = draw_table(rng)
    labels = list(table.labels)
    missing = rng.choice([None, np.nan, "nan", "NaN", "<NA>"])
    for at in some_of(rng, len(labels), 12):
        labels[at] = missing
    if rng.random() < 0.5 and missing in (None, np.nan):
        labels = pd.Categorical(labels)
    formats = ALL if isinstance(missing, str) and missing != "<NA>" else H5AD
    return written(rng, folder, table.with_labels(labels), formats)


@kind("L18 blank labels", WARN, ("empty", "blank", "no label"))
def blank_labels(rng, folder):
    table = draw_table(rng)
    labels = list(table.labels)
    for at in some_of(rng, len(labels), 12):
        labels[at] = rng.choice(["", " ", "  "])
    return written(rng, folder, table.with_labels(labels), (*H5AD, "csv", "tsv"))


@kind("L10 labels with few cells", WARN, ("few", "1 cell", "too few"))
def rare_labels(rng, folder):
    table = draw_table(rng)
    labels = list(table.labels)
    for at in some_of(rng, len(labels), 3):
        labels[at] = "rare one"
    return written(rng, folder, table.with_labels(labels))


@kind("L12 a value for each cell", REJECT, ("every cell", "each cell", "unique", "barcode", "own value"))
def label_for_each_cell(rng, folder):
    table = draw_table(rng)
    labels = rng.choice([[f"id {each}" for each in table.cells], [f"{i}x" for i in range(len(table.cells))]])
    for at in some_of(rng, len(labels), 2):
        labels[at] = labels[0]
    return written(rng, folder, table.with_labels(labels))


@kind("L13 very many labels", WARN, ("labels",), ("few", "many"))
def many_labels(rng, folder):
    n = rng.randint(220, 300)
    table = draw_table(rng, n_cells=3 * n, n_features=6)
    return written(rng, folder, table.with_labels([f"guide {i % n}" for i in range(3 * n)]))


@kind("L14 measurements as labels", REJECT, ("continuous", "numbers", "numeric", "decimal", "own value"))
def measurements(rng, folder):
    table = draw_table(rng, n_cells=rng.randint(130, 160))
    n = len(table.cells)
    values = rng.choice(
        [
            [rng.gauss(0, 1) for _ in range(n)],
            [round(rng.uniform(0, 100), 1) for _ in range(n)],
            [rng.randint(200, 9000) for _ in range(n)],
            [f"{rng.gauss(5, 2):.3f}" for _ in range(n)],
            [str(rng.randint(200, 9000)) for _ in range(n)],
        ]
    )
    return written(rng, folder, table.with_labels(values))


@kind("L15 one label", REJECT, ("one label", "only one", "single", "1 label"))
def one_label(rng, folder):
    table = draw_table(rng)
    labels = [rng.choice(["a", "untreated", 3, True])] * len(table.cells)
    return written(rng, folder, table.with_labels(labels))


@kind("L16 one label holds nearly all cells", WARN, ("nearly all", "imbalance", "unbalanced", "% of"))
def imbalanced(rng, folder):
    n = rng.choice([400, 1000])
    table = draw_table(rng, n_cells=n, n_features=6)
    few = rng.randint(5, n // 50)
    labels = ["big"] * (n - few) + ["small"] * few
    if rng.random() < 0.5 and few >= 10:
        labels[-5:] = ["third"] * 5
    rng.shuffle(labels)
    return written(rng, folder, table.with_labels(labels))


@kind("L17 labels that no feature tells", WARN, ("chance",))
def shuffled_labels(rng, folder):
    table = draw_table(rng, n_cells=rng.randint(150, 400))
    table = table.with_labels([rng.choice("abc") for _ in table.cells])
    return written(rng, folder, table)


@kind("L19 labels that often mean missing", WARN, ("missing",))
def doubtful(rng, folder):
    table = draw_table(rng)
    labels = list(table.labels)
    word = rng.choice(
        ["NA", "None", "n/a", "unknown", "Unassigned", "N/A", "null", "?", "-", "unlabeled", "not determined"]
    )
    for at in range(0, len(labels), rng.randint(3, 6)):
        labels[at] = word
    return written(rng, folder, table.with_labels(labels))


@kind("L20 true and false", ACCEPT)
def true_and_false(rng, folder):
    table = draw_table(rng)
    return written(rng, folder, table.with_labels([each == table.labels[0] for each in table.labels]))


@kind("L21 dates as labels", WARN, ("date",))
def dates(rng, folder):
    table = draw_table(rng)
    days = rng.choice(
        [
            ["2024-01-05", "2024-02-07", "2024-03-01"],
            ["01.02.2023", "15.03.2023"],
            ["2024/5/1", "2024/5/2"],
            ["2024-01-05 10:00:00", "2024-01-06 11:30:00"],
            ["5-Mar-2024", "6-Mar-2024"],
            ["20240105", "20240106", "20240107"],
            ["2-Mar", "1-Sep", "7-Dec"],
        ]
    )
    return written(rng, folder, table.with_labels([rng.choice(days) for _ in table.cells]))


@kind("L22 control characters in labels", WARN, ("line break", "tab", "control"))
def control_characters(rng, folder):
    table = draw_table(rng)
    mark = rng.choice(["\n", "\t", "\r\n", "\x07", "\x1b[31m", "\u2028", "\u202e", "\u200b"])
    labels = [f"a{mark}b" if i % 3 else "c" for i in range(len(table.cells))]
    return written(rng, folder, table.with_labels(labels), H5AD)


@kind("L26 numbers and text mixed", WARN, ("mixed", "text"))
def mixed(rng, folder):
    table = draw_table(rng)
    words = rng.choice([["1", "2", "B cell", "T cell"], ["0.5", "high", "low"], ["3", "4", "5", "doublet", "other"]])
    return written(rng, folder, table.with_labels([words[i % len(words)] for i in range(len(table.cells))]))


@kind("L05 one label spelled in several ways", WARN, ("spell", "case", "look alike"))
def spelled(rng, folder):
    table = draw_table(rng)
    label = rng.choice(["B cell", "Müller glia", "CD8+ T", "naïve"])
    twins = [label.lower(), label + " ", label.replace(" ", "  "), " " + label, label.swapcase()]
    twin = rng.choice([each for each in twins if each != label])
    if not label.isascii() and rng.random() < 0.5:
        twin = unicodedata.normalize("NFD", label)
    if rng.random() < 0.3:
        label, twin = "B cell", rng.choice(["Β cell", "B\u00a0cell", "B-cell", "B_cell", "B\u200b cell"])
    labels = [(label, twin, "other")[i % 3] for i in range(len(table.cells))]
    return written(rng, folder, table.with_labels(labels), (*H5AD, "npz", "csv"))


@kind("L24 the batch tells the label", WARN, ("batch", "confound", "same"))
def confounded(rng, folder):
    table = draw_table(rng)
    of = {each: f"run {i}" for i, each in enumerate(dict.fromkeys(table.labels))}
    name = rng.choice(
        ["batch", "donor", "plate", "sequencing_run", "sample_id", "tray", "Operator", "imaging session", "cage"]
    )
    column = [of[each] for each in table.labels]
    return written(rng, folder, table.changed(columns={**table.columns, name: column}))


@kind("L30 features that name the label", WARN, ("names the label", "name the label"), ("leak", "feature"))
def told_by_features(rng, folder):
    """A copy of the label among the features, or the counts of a tag for each label."""
    table = draw_table(rng, n_cells=rng.randint(100, 160))
    names = sorted(set(table.labels))
    code = np.array([names.index(each) for each in table.labels])
    noise = np.random.default_rng(rng.getrandbits(32))
    if rng.random() < 0.4:
        extra, called = code[:, None] + 1.0, [rng.choice(["code", "x", "G_1"])]
    else:
        extra = np.zeros((code.size, len(names)))
        extra[np.arange(code.size), code] = noise.integers(5, 60, code.size)
        called = [rng.choice(["tag{0}", "{1}_g1", "guide.{0}"]).format(at, name) for at, name in enumerate(names)]
    X = np.hstack([table.X, extra]).astype(table.X.dtype)
    return written(rng, folder, table.changed(X=X, genes=[*table.genes, *called]))


@kind("F59 the label column twice", WARN, ("twice", "repeated", "duplicate"))
def label_column_twice(rng, folder):
    table = draw_table(rng)
    lines = [line.split(",") for line in table.lines(",")]
    for line in lines:
        line.insert(2, line[1])
    kinds = [".csv", ".csv.gz"]
    from tests.data.kinds.drawn_table import write_lines

    path = write_lines(folder / f"twice{rng.choice(kinds)}", [",".join(each) for each in lines], rng)
    return Member((path,), table.key)
