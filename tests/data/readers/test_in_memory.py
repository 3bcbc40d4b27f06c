"""Python reads an object in memory by the rules of a file: cells, roles, labels of several columns, types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.inputs import read_input
from tests.data.readers.made_files import good_adata

RNG = np.random.default_rng(7)


def screen() -> AnnData:
    """60 cells of three drugs at two doses, with a score of each cell and a barcode column."""
    adata = good_adata(
        dose=["10.0", "1"] * 30,
        score=RNG.random(60).round(3),
        barcode=[f"AAC{i:03d}-1" for i in range(60)],
        plate=pd.Categorical([f"P{i // 20}" for i in range(60)]),
    )
    adata.var["feature_types"] = ["Gene Expression"] * 15 + ["Antibody Capture"] * 5
    return adata


def in_python(adata: AnnData, **settings: Any) -> Modality:
    return Modality.from_anndata(adata, **{"label_key": "cell_type", "name": "cells.h5ad", **settings})


CHOICES = [
    {"cells": ("score > 0.5", "plate in P0, P1")},
    {"label_with": ("dose",)},
    {"roles": {"score": "feature"}},
    {"roles": {"GENE3": "annotation", "GENE4": "ignored", "plate": "ignored"}},
    {"roles": {"barcode": "cell name"}, "cells": ("dose = 1",)},
    {"part": "Antibody Capture"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda each: "+".join(each))
def test_an_object_and_its_file_give_the_same_cells(choice: dict[str, Any], tmp_path: Path) -> None:
    adata = screen()
    adata.write_h5ad(tmp_path / "cells.h5ad")
    settings = {**choice, "roles": tuple(choice.get("roles", {}).items())}
    spec = DataSpec(path=str(tmp_path / "cells.h5ad"), label_key="cell_type", name="cells.h5ad", **settings)
    read, made = read_input(spec, side="source"), in_python(adata, **choice)
    assert made.fingerprint == read.fingerprint
    assert made.excluded == read.excluded
    assert [str(each) for each in made.findings] == [str(each) for each in read.findings]
    assert made.obs is not None
    assert read.obs is not None
    assert list(made.obs.columns) == list(read.obs.columns)


def test_a_column_with_the_role_feature_is_one_of_the_features() -> None:
    made = in_python(screen(), roles={"score": "feature"})
    assert made.var_names.tolist()[-1] == "score"
    assert made.n_features == 21
    assert sparse.issparse(made.X)
    assert np.allclose(made.X[:, -1].toarray().ravel(), screen().obs["score"].to_numpy().astype(np.float32), atol=1)
    assert "score" not in made.obs


def test_a_feature_with_the_role_annotation_is_a_column() -> None:
    made = in_python(screen(), roles={"GENE3": "annotation"})
    assert "GENE3" not in made.var_names
    assert made.obs["GENE3"].tolist() == screen().X[:, 3].toarray().ravel().tolist()


def test_a_column_of_texts_is_no_feature() -> None:
    with pytest.raises(
        PsmatchError, match="plate has the role feature, but not all of its values are numbers"
    ) as caught:
        in_python(screen(), roles={"plate": "feature"})
    assert caught.value.code == "PM-F26"


def test_cells_that_miss_a_rule_are_listed_with_it() -> None:
    made = in_python(screen(), cells=("plate = P0",))
    assert set(made.obs["plate"]) == {"P0"}
    assert {reason for _, reason in made.excluded} == {"it does not meet the rule plate = P0"}
    assert made.n_cells + len(made.excluded) == 60


def test_a_table_of_labels_is_read_beside_an_object(tmp_path: Path) -> None:
    rows = [f"cell{i},{'A|B' if i % 2 else 'A'},{'9|1' if i % 2 else '5'}" for i in range(58)]
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(["cell_barcode,feature_call,num_umis", *rows, "cell58,B,8", "cell59,B,8"]))
    made = in_python(screen(), label_key="feature_call", labels_path=path, guide_umis=3, guide_ratio=2.0)
    assert made.label_names == ("A", "B")


@pytest.mark.parametrize("part", ["indices", "indptr"])
def test_a_sparse_matrix_that_contradicts_itself_is_refused(part: str) -> None:
    adata = good_adata()
    X = adata.X.copy()
    getattr(X, part)[-1 if part == "indptr" else 3] = 10_000
    adata.X = X
    with pytest.raises(PsmatchError, match="sparse matrix X is inconsistent") as caught:
        in_python(adata)
    assert caught.value.code == "PM-M21"


@pytest.mark.parametrize("given", [pd.DataFrame({"a": [1.0]}), np.zeros((3, 2)), None, "cells.h5ad", {"X": 1}])
def test_what_is_no_anndata_object_is_refused_in_words(given: Any) -> None:
    with pytest.raises(PsmatchError, match="not an AnnData object"):
        in_python(given)


def test_half_floats_have_the_values_that_they_have_in_a_file(tmp_path: Path) -> None:
    adata = good_adata((np.arange(1200).reshape(60, 20) % 37 / 8).astype(np.float16))
    adata.write_h5ad(tmp_path / "cells.h5ad")
    of_file = read_input(DataSpec(str(tmp_path / "cells.h5ad"), label_key="cell_type"), side="source")
    np.testing.assert_array_equal(np.asarray(in_python(adata).X), np.asarray(of_file.X))


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_label_that_is_a_list_counts_as_its_text(kind: Any) -> None:
    adata = good_adata()
    texts = adata.obs["cell_type"].astype(str)
    adata.obs["lists"] = [kind([each]) for each in texts]
    made = in_python(adata, label_key="lists")
    assert made.labels.tolist() == [str(kind([each])) for each in texts]
