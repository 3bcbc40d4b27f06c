"""Kinds of two files that are good by themselves."""

from __future__ import annotations

import unicodedata

from tests.data.kinds.drawn_table import ALL, BINARY, draw_table
from tests.data.kinds.kind import ACCEPT, REJECT, WARN, Member, kind


def two_tables(rng):
    source = draw_table(rng, prefix="RNA")
    names = list(dict.fromkeys(source.labels))
    return source, draw_table(rng, prefix="ADT", names=names, key=source.key)


def both(rng, folder, source, target, formats=ALL, **keys):
    files = (source.write(rng, folder, formats, "one"), target.write(rng, folder, formats, "two"))
    return Member(files, source.key, **keys)


@kind("G19 a good pair", ACCEPT)
def good_pair(rng, folder):
    return both(rng, folder, *two_tables(rng))


@kind("P01 the same file twice", WARN, ("same content", "same file", "twice"))
def same_twice(rng, folder):
    source, _ = two_tables(rng)
    first = source.write(rng, folder, ALL, "one")
    second = folder / f"copy of {first.name}"
    second.write_bytes(first.read_bytes())
    return Member((first, second), source.key)


@kind("P02 equal cell names", WARN, ("equal", "pair"))
def paired(rng, folder):
    source, target = two_tables(rng)
    n = min(len(source.cells), len(target.cells))
    order = rng.sample(range(n), n)
    cells = [source.cells[i] for i in order] + target.cells[n:]
    labels = [source.labels[i] for i in order] + target.labels[n:]
    return both(rng, folder, source, target.changed(cells=cells).with_labels(labels))


@kind("P03 pair ids that occur twice", WARN, ("pair",), ("twice", "more than once", "several cells", "repeated"))
def pair_ids_twice(rng, folder):
    source, target = two_tables(rng)
    name = rng.choice(["pair_id", "pair", "cell_id", "physical_cell"])
    sides = []
    for side in (source, target):
        ids = [f"p{i}" for i in range(len(side.cells))]
        for at in rng.sample(range(5, len(ids)), rng.randint(1, 5)):
            ids[at] = ids[at - 5]
        sides.append(side.changed(columns={**side.columns, name: ids}))
    return both(rng, folder, *sides, pair_key=name)


@kind("P04 one modality twice", WARN, ("same modality", "feature name"))
def one_modality(rng, folder):
    source, target = two_tables(rng)
    n = min(len(source.genes), len(target.genes))
    return both(
        rng,
        folder,
        source,
        target.changed(genes=source.genes[:n] + target.genes[n:])
        if n * 2 > max(len(source.genes), len(target.genes))
        else target.changed(genes=source.genes[:n], X=target.X[:, :n]),
    )


@kind("P06 pair ids of two types", WARN, ("number", "text"), ("pair",))
def pair_ids_of_two_types(rng, folder):
    source, target = two_tables(rng)
    name = rng.choice(["pair_id", "pair", "cell_id"])
    one = source.changed(columns={**source.columns, name: list(range(len(source.cells)))})
    ids = [str(i) for i in range(len(target.cells))]
    other = target.changed(columns={**target.columns, name: ids})
    return both(rng, folder, *((one, other) if rng.random() < 0.5 else (other, one)), BINARY, pair_key=name)


@kind("P07 label columns of two names", WARN, ("column",))
def two_column_names(rng, folder):
    source, target = two_tables(rng)
    columns = {"annotation": target.labels, **{k: v for k, v in target.columns.items() if k != target.key}}
    return both(rng, folder, source, target.changed(columns=columns, key="annotation"), target_label_key="annotation")


@kind("P08 very different sizes", WARN, ("times", "cells"))
def different_sizes(rng, folder):
    source, _ = two_tables(rng)
    n = rng.randint(21, 26) * len(source.cells)
    big = draw_table(rng, n_cells=n, n_features=6, prefix="ADT")
    names = list(dict.fromkeys(source.labels))
    big = big.changed(key=source.key, columns={source.key: [names[i % len(names)] for i in range(n)]})
    pair = (source, big) if rng.random() < 0.5 else (big, source)
    return both(rng, folder, *pair)


@kind("L04 labels as numbers and as text", WARN, ("number", "1.0", "text"))
def labels_of_two_types(rng, folder):
    source, target = two_tables(rng)
    whole = [i % 3 + 1 for i in range(len(source.cells))]
    one = source.with_labels(whole)
    other = target.with_labels(
        rng.choice(
            [
                [float(i % 3 + 1) for i in range(len(target.cells))],
                [f"{i % 3 + 1}" for i in range(len(target.cells))],
                [f"{i % 3 + 1}.0" for i in range(len(target.cells))],
            ]
        )
    )
    return both(rng, folder, *((one, other) if rng.random() < 0.5 else (other, one)), BINARY)


@kind("L06 labels that only look alike", WARN, ("look alike", "looks alike"))
def look_alikes(rng, folder):
    source, target = two_tables(rng)
    one, other = rng.choice(
        [
            ("Müller", unicodedata.normalize("NFD", "Müller")),
            ("B cell", "В cell"),
            ("IFN-γ", "IFN–γ"),
            ("B cell", "B\u00a0cell"),
            ("T cell", "t  cell"),
            ("KO A", "ko_a "),
            ("CD8+", "CD8\uff0b"),
            ("naïve", unicodedata.normalize("NFD", "naïve")),
        ]
    )
    labels = [
        [(each, "x", "y")[i % 3] for i in range(len(side.cells))] for each, side in ((one, source), (other, target))
    ]
    return both(rng, folder, source.with_labels(labels[0]), target.with_labels(labels[1]))


@kind("L09 no shared label", REJECT, ("no label is shared", "none"), ("shared", "common"))
def none_shared(rng, folder):
    source, target = two_tables(rng)
    return both(rng, folder, source, target.with_labels([f"other {i % 3}" for i in range(len(target.cells))]))


@kind("L11 labels on one side only", WARN, ("only in",))
def one_side_only(rng, folder):
    source, target = two_tables(rng)
    sides = [source, target]
    at = rng.randrange(2)
    labels = list(sides[at].labels)
    for i in rng.sample(range(len(labels)), 8):
        labels[i] = "lonely"
    sides[at] = sides[at].with_labels(labels)
    return both(rng, folder, *sides)


@kind("L15b one shared label", REJECT, ("only one", "one label"))
def one_shared(rng, folder):
    source, target = two_tables(rng)
    one, other = (
        side.with_labels([("a", name)[i % 2] for i in range(len(side.cells))])
        for side, name in ((source, "here"), (target, "there"))
    )
    return both(rng, folder, one, other)
