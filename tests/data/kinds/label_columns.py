"""Kinds of label columns with something wrong, and what gives labels away."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd

from tests.data.kinds.drawn_table import ALL, H5AD, draw_table
from tests.data.kinds.kind import ACCEPT, REJECT, WARN, Member, kind
from tests.data.kinds.members import some_of, written


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


@kind("L21b genes that a spreadsheet turned into dates, among labels", WARN, ("date",), ("spreadsheet",))
def dates_among_genes(rng, folder):
    table = draw_table(rng)
    names = [
        "NT",
        "STAT1",
        "KRAS",
        "MYC",
        *rng.sample(["1-Mar", "7-Sep", "2024-09-07", "Dec-1", "2-Apr", "4-Oct-2023"], 2),
    ]
    return written(rng, folder, table.with_labels([names[i % 6] for i in range(len(table.cells))]))


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
