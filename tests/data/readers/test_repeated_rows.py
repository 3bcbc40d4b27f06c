"""A table with a row for each guide of a cell is the table of calls that Cell Ranger would write."""

import pandas as pd
import pytest

from psmatch_core.data.readers.repeated_rows import has_rows_of_guides, one_row_each
from tests.data.readers.made_files import good_adata, look, refusal, warnings_of, write

CELLS = [f"cell{i}" for i in range(60)]
N_GUIDES = [1 + (i % 3 == 0) + (i % 6 == 0) for i in range(60)]


def calls():
    """Guides and UMIs of each cell, the first guide with most."""
    rows = [(cell, f"gene{(i + k) % 4}_g{k}", 50 - 20 * k) for i, cell in enumerate(CELLS) for k in range(N_GUIDES[i])]
    return pd.DataFrame(rows, columns=["cell", "guide", "umis"])


def joined(rows):
    grouped = rows.groupby("cell", sort=False)
    return pd.DataFrame({name: grouped[name].agg(lambda each: "|".join(map(str, each))) for name in ("guide", "umis")})


@pytest.mark.parametrize("seed", range(3))
def test_rows_in_any_order_are_the_table_of_calls(tmp_path, seed):
    rows = calls().sample(frac=1, random_state=seed)
    data = write(tmp_path, good_adata())
    rows.to_csv(tmp_path / "long.csv", index=False)
    joined(rows).to_csv(tmp_path / "calls.csv")
    long, short = (look(data, "guide", labels_path=tmp_path / name) for name in ("long.csv", "calls.csv"))
    assert dict(long.column("guide").counts) == dict(short.column("guide").counts)
    assert long.column("guide").listed == short.column("guide").listed
    said = warnings_of(long)
    assert "long.csv has several rows for 20 cells: their entries in guide, umis are joined, such as gene" in said
    assert "several rows" not in warnings_of(short)


def test_the_rule_of_guides_calls_both_tables_alike(tmp_path):
    data, rows = write(tmp_path, good_adata()), calls()
    rows.to_csv(tmp_path / "long.csv", index=False)
    joined(rows).to_csv(tmp_path / "calls.csv")
    rule = {"guide_umis": 3, "guide_ratio": 1.5}
    long, short = (look(data, "guide", labels_path=tmp_path / name, **rule) for name in ("long.csv", "calls.csv"))
    assert dict(long.column("guide").counts) == dict(short.column("guide").counts)
    assert set(long.column("guide").counts) == {f"gene{k}_g0" for k in range(4)}


def test_names_may_differ_by_an_ending_too(tmp_path):
    names = [f"{'ACGT'[i % 4]}{'ACGT'[i // 4 % 4]}{'ACGT'[i // 16]}ACGTTGCAACGTA" for i in range(60)]
    adata = good_adata()
    adata.obs_names = [f"{each}-1" for each in names]
    rows = calls()
    rows["cell"] = [names[CELLS.index(each)] for each in rows["cell"]]
    rows.to_csv(tmp_path / "long.csv", index=False)
    found = look(write(tmp_path, adata), "guide", labels_path=tmp_path / "long.csv")
    assert sum(found.column("guide").counts.values()) == 60


def test_columns_that_say_the_same_in_all_rows_of_a_cell_keep_one_value():
    columns = {"cell": ["a", "a", "b"], "donor": ["D1", "D1", "D2"], "guide": ["x", "y", "z"]}
    texts = {name: pd.Series(values, dtype=object) for name, values in columns.items()}
    found, names, said = one_row_each(texts, columns["cell"], "calls.csv")
    assert names == ["a", "b"]
    assert {name: values.tolist() for name, values in found.items()} == {
        "cell": ["a", "b"],
        "donor": ["D1", "D2"],
        "guide": ["x|y", "z"],
    }
    assert "calls.csv has several rows for 1 cell: their entries in guide are joined, such as x|y." in said.problem


def test_a_single_repeated_name_is_a_mistake_and_refused(tmp_path):
    assert not has_rows_of_guides([*CELLS, "cell0", "cell0"])
    assert not has_rows_of_guides([])
    assert has_rows_of_guides([*CELLS, *CELLS[:5]])
    rows = pd.DataFrame({"cell": [*CELLS, "cell0"], "kind": ["A", "B"] * 30 + ["B"]})
    rows.to_csv(tmp_path / "labels.csv", index=False)
    said = refusal(write(tmp_path, good_adata()), label_key="kind", labels_path=tmp_path / "labels.csv")
    assert "cell name cell0 is used twice" in said


def test_a_list_of_labels_without_names_is_refused_in_words(tmp_path):
    (tmp_path / "labels.csv").write_text("gene\n" + "A\nB\n" * 30)
    said = refusal(write(tmp_path, good_adata()), label_key="gene", labels_path=tmp_path / "labels.csv")
    assert "labels.csv has only one column; a table of labels needs two: cell names, then labels" in said
