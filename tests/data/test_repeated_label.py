"""Columns that repeat the label one to one: said as a fact by `inspect` and on Data, and not of columns that do not."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.cli.inspected_files import describe_files
from psmatch_core.data.checks import Facts, column_of, sketch
from psmatch_core.data.checks.pairing import CellNames
from psmatch_core.data.checks.repeated_label import repeating_columns, repetition_text
from psmatch_core.data.readers import DataSpec

LABELS = ["STAT1", "JAK2", "NT", "MYC"] * 30


def facts(**columns: list[object]) -> Facts:
    cells = [f"c{at}" for at in range(len(next(iter(columns.values()))))]
    names, listed = CellNames.of(cells)
    found = tuple(column_of(name, pd.Series(values, dtype=object), listed) for name, values in columns.items())
    return Facts("rna", len(cells), "", names, sketch(["g"]), found)


REPEATS = {
    "ids": [f"ENSG{each}" for each in LABELS],
    "numbers": [{"STAT1": 4, "JAK2": 7, "NT": 0, "MYC": 1}[each] for each in LABELS],
    "a copy": list(LABELS),
    "another language": [{"STAT1": "α", "JAK2": "β", "NT": "γ", "MYC": "δ"}[each] for each in LABELS],
}
OTHERS = {
    "finer": [f"{each}_g{at // 4 % 2}" for at, each in enumerate(LABELS)],
    "coarser": ["NT" if each == "NT" else "KO" for each in LABELS],
    "one cell differs": ["JAK2", *LABELS[1:]],
    "same sizes, crossed": sorted(LABELS),
    "one cell lacks it": [None, *LABELS[1:]],
    "one value": ["x"] * len(LABELS),
}


@pytest.mark.parametrize("case", REPEATS)
def test_a_column_that_repeats_the_label_is_named(case: str) -> None:
    found = facts(gene=LABELS, other=REPEATS[case], batch=["a", "b"] * 60)
    assert repeating_columns(found, "gene") == ["other"]
    assert repetition_text(found, "gene") == "Column other repeats the label, value by value."


@pytest.mark.parametrize("case", OTHERS)
def test_other_columns_are_not(case: str) -> None:
    assert repeating_columns(facts(gene=LABELS, other=OTHERS[case]), "gene") == []
    assert repetition_text(facts(gene=LABELS), "gene") == ""


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abcd"), min_size=8, max_size=40), st.permutations("wxyz"))
def test_it_holds_both_ways(labels: list[str], names: list[str]) -> None:
    renamed = [names["abcd".index(each)] for each in labels]
    found = facts(one=labels, other=renamed)
    assert repeating_columns(found, "one") == ["other"]
    assert repeating_columns(found, "other") == ["one"]


def test_inspect_says_it_as_a_fact(tmp_path: Path) -> None:
    obs = pd.DataFrame({"gene": LABELS, "gene_id": REPEATS["ids"], "rank": REPEATS["numbers"]})
    obs.index = [f"c{at}" for at in range(len(obs))]
    X = np.random.default_rng(0).poisson(2.0, (len(obs), 6)).astype(np.float32)
    anndata.AnnData(X, obs=obs).write_h5ad(tmp_path / "rna.h5ad")
    text, code = describe_files([DataSpec(str(tmp_path / "rna.h5ad"), label_key="gene")])
    assert "  label column: gene\n  Columns gene_id, rank repeat the label, value by value.\n" in text
    assert code == 0
