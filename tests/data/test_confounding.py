"""Columns that name the label: batches are told, whatever they are called; other words for the label are not."""

import random

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linear_sum_assignment

from psmatch_core.data.checks import check_confounding
from psmatch_core.data.checks.confounding import Relation, naming_columns

GENES = ["NT", "STAT1", "JAK2", "IRF1", "CUL3", "SMAD4", "MYC", "BRD4"]
TYPES = ["B cell", "CD4 T", "CD8 T", "NK", "CD14 Mono", "pDC"]
CONDITIONS = ["ctrl", "IFN-b"]
TECHNICAL = ["plate", "Batch", "batch_id", "donor", "sample", "library", "seq_run", "orig.ident", "chip 2", "Day"]
UNUSUAL = ["tray", "Operator", "incubator", "imaging session", "Platte", "box", "cage", "X17"]
WORDS = [
    "guide_identity",
    "gRNA",
    "cell_type_fine",
    "seurat_clusters",
    "predicted.celltype.l2",
    "treatment",
    "RNA_snn_res.0.8",
]


def draw(rng: random.Random) -> list[str]:
    """Labels of 200 to 400 cells, in uneven shares."""
    names = rng.choice([GENES, TYPES, CONDITIONS])
    shares = [rng.uniform(1, 3) for _ in names]
    return [*names * 10, *rng.choices(names, shares, k=rng.randint(150, 300))]


def of_each_label(labels: list[str], rng: random.Random, n_values: int = 1, noise: float = 0.0) -> list[str]:
    """Values of which each label has its own ``n_values``, but for a share of the cells."""
    start = rng.choice(["P", "run ", "2024-01-0", ""])
    order = rng.sample(sorted(set(labels)), len(set(labels)))
    own = [f"{start}{n_values * order.index(each) + rng.randrange(n_values)}" for each in labels]
    return [rng.choice(own) if rng.random() < noise else each for each in own]


def said(labels: list[str], **columns: list[str]) -> list[str]:
    return [each.problem for each in check_confounding(labels, columns, name="RNA", label_key="perturbation")]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_column_with_a_value_for_each_label_is_told_whatever_it_is_called(seed, noise):
    rng = random.Random(seed)
    labels, name = draw(rng), rng.choice([*TECHNICAL, *UNUSUAL])
    values = of_each_label(labels, rng, noise=noise)
    (problem,) = said(labels, **{name: values})
    assert f"column {name} names the label (perturbation) of " in problem
    assert "confounded" in problem
    table = pd.crosstab(pd.Series(labels), pd.Series(values)).to_numpy()
    n_best = table[linear_sum_assignment(-table)].sum()
    assert f" of {n_best:,} of {len(labels):,} cells" in problem


@pytest.mark.parametrize("name", TECHNICAL)
def test_several_batches_of_one_label_each_are_told(name):
    rng = random.Random(name)
    labels = draw(rng)
    assert len(said(labels, **{name: of_each_label(labels, rng, n_values=2)})) == 1


@pytest.mark.parametrize("seed", range(20))
def test_columns_that_are_crossed_with_the_labels_are_not_blamed(seed):
    rng = random.Random(seed)
    labels = draw(rng)
    n = len(labels)
    columns = {
        "well_row": [rng.choice("ABCDEFGH") for _ in range(n)],
        "sex": [rng.choice(["female", "male"]) for _ in range(n)],
        "donor": [f"D{i % 3}" for i in range(n)],
        "batch": of_each_label(labels, rng, noise=0.5),
        "tray": of_each_label(labels, rng, noise=0.2),
        "cell": [f"cell {i}" for i in range(n)],
        "one": ["x"] * n,
        "rare": ["x" if i == 0 else "y" for i in range(n)],
        "mostly missing": [each if i % 3 == 0 else None for i, each in enumerate(of_each_label(labels, rng))],
    }
    assert said(labels, **columns) == []


@pytest.mark.parametrize("seed", range(20))
def test_the_label_in_other_words_is_not_blamed(seed):
    rng = random.Random(seed)
    labels = draw(rng)
    columns = {
        rng.choice(WORDS): of_each_label(labels, rng),
        "copy of it": [each.upper().replace(" ", "_") for each in labels],
        "sample": list(labels),  # as somebody called the condition
        "x1": [f"{each}_g{rng.randint(1, 3)}" for each in labels],  # finer
        "x2": of_each_label(labels, rng, n_values=3),  # finer, in words that nobody knows
        "x3": ["control" if each in ("NT", "ctrl", "NK") else "other" for each in labels],  # coarser
        "well": of_each_label(labels, rng, n_values=3),  # replicates
    }
    if len(set(labels)) == 2:
        del columns["x3"]  # the same partition
    assert said(labels, **columns) == []
    relations = {each.relation for each in naming_columns(labels, {"copy": columns["copy of it"]})}
    assert relations == ({Relation.LABEL})


def test_a_batch_is_named_before_a_column_of_unknown_meaning():
    labels = [each for each in GENES for _ in range(20)]
    rng = random.Random(0)
    values = of_each_label(labels, rng)
    (problem,) = said(labels, tray=values, plate=values, guide=values)
    assert "column plate names" in problem
    (problem,) = said(labels, tray=values, guide=values)
    assert "If it says where or when cells were measured" in problem


@pytest.mark.parametrize("name", ["sample_condition", "donor status", "patient_disease"])
def test_a_name_that_says_both_is_told_as_unknown_and_only_value_by_value(name):
    rng = random.Random(1)
    labels = draw(rng)
    (problem,) = said(labels, **{name: of_each_label(labels, rng)})
    assert "If it says where or when cells were measured" in problem
    assert said(labels, **{name: of_each_label(labels, rng, n_values=3)}) == []


def test_a_label_with_nearly_all_cells_is_no_evidence():
    """A constant names 97 of 100 cells; so a column must name the others too."""
    labels = ["A"] * 194 + ["B"] * 6
    assert said(labels, batch=["x"] * 190 + ["y"] * 10) == []
    assert len(said(labels, batch=["x"] * 194 + ["y"] * 6)) == 1


def test_cells_without_a_label_or_a_value_do_not_count():
    labels = [*GENES * 20, *[None] * 30]
    values = [*(f"P{GENES.index(each)}" for each in GENES * 20), *["P0"] * 30]
    (problem,) = said(labels, plate=values)
    assert "of 160 of 160 cells" in problem
    assert np.all([said(labels, plate=[None, *values[1:]])])
