"""A column that splits the labels in both files is said, with the way to use it; batches and lonely values are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.checks import check_pair
from psmatch_core.data.checks.finer_labels import is_condition
from psmatch_core.data.names.doses import same_doses
from tests.data.readers.made_files import look

N = 72
DRUG = np.array(["SAHA", "Trametinib", "Vehicle"])[np.arange(N) % 3]


def said(folder: Path, one: dict[str, object], other: dict[str, object]) -> list[str]:
    sides = []
    for name, columns in (("rna.csv", one), ("image.csv", other)):
        draw = np.random.default_rng(len(name))
        frame = pd.DataFrame({"cell": [f"{name}{i}" for i in range(N)], "drug": DRUG, **columns})
        values = pd.DataFrame(draw.normal(size=(N, 5)), columns=[f"{name[:3]}{i}" for i in range(5)])
        pd.concat([frame, values], axis=1).to_csv(folder / name, index=False)
        sides.append(look(folder / name, "drug"))
    found = check_pair(*sides, source_label_key="drug", target_label_key="drug")
    return [str(each) for each in found if each.code == "PM-L33"]


def test_a_dose_is_offered_as_part_of_the_label(tmp_path: Path) -> None:
    dose = np.where(DRUG == "Vehicle", 0, np.array([10, 100])[np.arange(N) // 3 % 2])
    (found,) = said(tmp_path, {"dose": dose}, {"dose": dose.astype(float)})
    assert "Column dose splits the labels further in both files" in found
    assert "label_with" in found


def test_a_finer_label_is_offered_as_the_label(tmp_path: Path) -> None:
    fine = [f"{drug} {'ab'[i // 3 % 2]}" for i, drug in enumerate(DRUG)]
    (found,) = said(tmp_path, {"label_fine": fine}, {"label_fine": fine})
    assert "Choose label_fine as the label column" in found


@pytest.mark.parametrize("name", ["batch", "donor", "plate", "replicate", "well_row"])
def test_batches_are_no_part_of_the_label(tmp_path: Path, name: str) -> None:
    values = np.array(["a", "b"])[np.arange(N) // 3 % 2]
    assert said(tmp_path, {name: values}, {name: values}) == []


def test_a_column_of_one_file_or_without_common_values_is_not_offered(tmp_path: Path) -> None:
    dose = np.array(["low", "high"])[np.arange(N) // 3 % 2]
    assert said(tmp_path, {"dose": dose}, {}) == []
    assert said(tmp_path, {"dose": dose}, {"dose": np.char.add(dose, "er")}) == []


def test_a_column_that_the_label_tells_splits_nothing(tmp_path: Path) -> None:
    copy = np.char.add(DRUG, " treatment")
    assert said(tmp_path, {"treatment": copy}, {"treatment": copy}) == []


@pytest.mark.parametrize("name", ["dose", "dose_nM", "Metadata_dose", "time_point", "hours", "cell.type", "stim"])
def test_names_of_conditions(name: str) -> None:
    assert is_condition(name)


@pytest.mark.parametrize("name", ["batch", "nCount_RNA", "percent.mt", "donor", "plate", "runtime", "timestamp"])
def test_other_names(name: str) -> None:
    assert not is_condition(name)


def test_a_dose_with_and_without_its_unit_splits_the_labels(tmp_path: Path) -> None:
    dose = np.where(DRUG == "Vehicle", 0, np.array([3, 30])[np.arange(N) // 3 % 2])
    (found,) = said(tmp_path, {"dose": [f"{each} nM" for each in dose]}, {"dose": dose.astype(float)})
    assert "Column dose splits the labels further" in found


def test_columns_that_differ_by_their_unit_are_one_and_keep_it_in_the_label(tmp_path: Path) -> None:
    dose = np.where(DRUG == "Vehicle", 0, np.array([3, 30])[np.arange(N) // 3 % 2])
    (found,) = said(tmp_path, {"dose_uM": dose}, {"dose_nM": dose * 1000})
    assert "Columns dose_uM and dose_nM split the labels further" in found
    labels = [
        look(tmp_path / name, "drug", label_with=(column,)).column(f"drug × {column}").counts
        for name, column in (("rna.csv", "dose_uM"), ("image.csv", "dose_nM"))
    ]
    assert "SAHA | 3 uM" in labels[0]
    renamed = same_doses(*labels)
    assert renamed["SAHA | 3000 nM"] == "SAHA | 3 uM"
    assert set(labels[0]) == {renamed[each] for each in labels[1]}


def test_the_column_that_holds_the_labels_is_named_where_none_is_shared(tmp_path: Path) -> None:
    sides = []
    for name, columns in (
        ("rna.csv", {"drug": DRUG}),
        ("image.csv", {"drug": ["rested", "pulsed"] * (N // 2), "compound": DRUG}),
    ):
        values = pd.DataFrame(np.random.default_rng(1).normal(size=(N, 4)), columns=[f"{name}{i}" for i in range(4)])
        pd.concat([pd.DataFrame(columns), values], axis=1).to_csv(tmp_path / name, index_label="cell")
        sides.append(look(tmp_path / name, "drug"))
    (found,) = [each for each in check_pair(*sides, source_label_key="drug") if each.code == "PM-P07"]
    assert str(found).startswith("No label is shared, but column compound of image.csv holds 3 labels of drug.")
    assert not [each for each in check_pair(sides[0], sides[0], source_label_key="drug") if each.code == "PM-P07"]


def test_a_dose_is_never_the_label_itself_even_where_each_drug_has_its_own(tmp_path: Path) -> None:
    dose = np.array([1, 2, 10, 20, 100, 200])[np.arange(N) % 3 * 2 + np.arange(N) // 3 % 2]
    for values in (dose, [f"{each} nM" for each in dose]):
        (found,) = said(tmp_path, {"dose": values}, {"dose": values})
        assert "Make the label of both columns" in found
