"""A table with a row for each cell and feature is named as such; repeated cells of batches are not."""

import numpy as np
import pandas as pd
import pytest

from tests.data.readers.made_files import look, refusal

RNG = np.random.default_rng(0)
WIDE = pd.DataFrame(RNG.poisson(4, (30, 6)), index=[f"cell{i}" for i in range(30)], columns=list("ABCDEF"))


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("order", [["cell", "gene", "value"], ["cell", "label", "gene", "value", "error"]])
def test_a_long_table_is_to_be_spread(tmp_path, order, ending):
    long = WIDE.reset_index(names="cell").melt("cell", var_name="gene", value_name="value")
    long = long.sample(frac=1, random_state=1).assign(label="A", error=0.5)[order]
    path = tmp_path / f"long.{ending}"
    if ending == "parquet":
        long.to_parquet(path)
    else:
        long.to_csv(path, index=False, sep=",\t"[ending == "tsv"])
    said = refusal(path)
    assert f"long.{ending} has a row for each cell and each of 6 values of gene, not one for each cell." in said
    assert "so that each gene is a column" in said


@pytest.mark.parametrize("name", ["barcode", "cell_id", "Cell"])
def test_rows_may_have_numbers_of_their_own(tmp_path, name):
    long = WIDE.reset_index(names=name).melt(name, var_name="protein", value_name="value")
    long.to_csv(tmp_path / "long.csv")
    assert "each of 6 values of protein" in refusal(tmp_path / "long.csv")


def test_a_plate_of_three_readouts_is_not_long(tmp_path):
    wells = pd.DataFrame(RNG.normal(size=(96, 3)), columns=["area", "intensity", "texture"])
    wells.insert(0, "well_row", [list("ABCDEFGH")[i % 8] for i in range(96)])
    wells.insert(0, "well_column", [f"c{i // 8}" for i in range(96)])
    wells.insert(0, "site", [f"s{i}" for i in range(96)])
    wells["kind"] = ["A", "B"] * 48
    wells.to_csv(tmp_path / "wells.csv", index=False)
    assert look(tmp_path / "wells.csv", "kind").n_features == 3


@pytest.mark.parametrize(
    ("sample", "feature"), [("SampleID", "Assay"), ("Specimen", "UniProt"), ("well", "Analyte name")]
)
@pytest.mark.parametrize("seed", range(3))
def test_samples_and_features_in_rows_are_long_whatever_else_is_said_of_them(tmp_path, sample, feature, seed):
    """As Olink and others write it, with numbers of the sample and of the assay beside the value."""
    draw = np.random.default_rng(seed)
    n_samples, names = 20 + seed, [f"P{i}" for i in range(5 + seed)]
    rows = [(s, f) for s in range(n_samples) for f in names if draw.random() > 0.05 * seed]
    long = pd.DataFrame({sample: [f"S{s}" for s, _ in rows], feature: [f for _, f in rows]})
    long["Age"] = [20 + s % 7 for s, _ in rows]
    long["LOD"] = [0.5 + names.index(f) for _, f in rows]
    long["NPX"] = draw.normal(size=len(rows))
    long.sample(frac=1, random_state=seed).to_csv(tmp_path / "npx.csv", sep=";", index=False)
    said = refusal(tmp_path / "npx.csv", label_key="")
    assert f"each of {len(names)} values of {feature}" in said
    # an arrayed screen of plates and genes that measures two things in each well
    screen = long.assign(area=draw.normal(size=len(rows)))
    screen.to_csv(tmp_path / "screen.csv", index=False)
    assert look(tmp_path / "screen.csv", "").n_features == 4


def test_barcodes_of_three_batches_are_repeated_and_not_long(tmp_path):
    batches = pd.concat([WIDE.assign(batch=f"b{i}") for i in range(3)])
    batches.to_csv(tmp_path / "all.csv")
    assert "30 cell names used more than once" in refusal(tmp_path / "all.csv")
