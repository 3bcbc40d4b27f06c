"""Guides called by one written rule from UMIs; tables of guide callers as tables of labels."""

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec
from psmatch_core.data.readers.guide_calls import GuideRule, with_called_guides
from psmatch_core.data.readers.inspection import inspect_here

CALLS = {
    "num_features": pd.Series([1, 2, 2, 1, 3]),
    "feature_call": pd.Series(["MYC_g1", "MYC_g1|JAK2_g2", "MYC_g2|JAK2_g1", "JAK2_g1", "NT_1|MYC_g1|NT_2"]),
    "num_umis": pd.Series(["40", "5|50", "9|9", "2", "1|30|10"]),
}


@pytest.mark.parametrize(
    ("rule", "calls"),
    [
        (GuideRule(least=1), ["MYC_g1", "JAK2_g2", None, "JAK2_g1", "MYC_g1"]),
        (GuideRule(least=3), ["MYC_g1", "JAK2_g2", None, None, "MYC_g1"]),
        (GuideRule(ratio=4), ["MYC_g1", "JAK2_g2", None, "JAK2_g1", None]),
        (GuideRule(least=45, ratio=4), [None, "JAK2_g2", None, None, None]),
    ],
)
def test_the_guide_with_most_umis_is_called_if_it_meets_the_rule(rule, calls):
    columns, (finding,) = with_called_guides(CALLS, rule, "calls.csv")
    assert columns["feature_call"].tolist() == calls
    assert columns["num_umis"] is CALLS["num_umis"]
    n_called = sum(each is not None for each in calls)
    assert f"{n_called} cell{'s' if n_called != 1 else ''} with a guide, {5 - n_called} without" in finding.problem
    assert "3 of all cells had several" in finding.problem


def test_counts_with_a_column_for_each_guide_give_the_same_calls():
    table = pd.DataFrame(0, index=range(5), columns=["MYC_g1", "MYC_g2", "JAK2_g1", "JAK2_g2", "NT_1", "NT_2"])
    for row, (names, counts) in enumerate(zip(CALLS["feature_call"], CALLS["num_umis"], strict=True)):
        for name, n in zip(names.split("|"), counts.split("|"), strict=True):
            table.loc[row, name] = int(n)
    rule = GuideRule(least=3, ratio=2)
    wide, _ = with_called_guides({name: table[name] for name in table}, rule, "counts.csv")
    joined, _ = with_called_guides(CALLS, rule, "calls.csv")
    assert wide["guide"].tolist() == joined["feature_call"].tolist()


def test_a_rule_of_zeros_leaves_the_calls_as_they_are():
    columns, findings = with_called_guides(CALLS, GuideRule(), "calls.csv")
    assert columns == CALLS
    assert findings == ()


def test_a_cell_without_any_umi_has_no_guide():
    assert GuideRule(least=1).call({}) is None
    assert GuideRule(ratio=2).call({"a": 0, "b": 0}) is None


def test_a_table_without_umis_cannot_be_called():
    with pytest.raises(PsmatchError, match=r"labels\.csv holds no UMIs of guides"):
        with_called_guides({"gene": pd.Series(["MYC", "JAK2"])}, GuideRule(least=3), "labels.csv")


def test_calls_of_cell_ranger_are_a_table_of_labels(tmp_path):
    rng = np.random.default_rng(0)
    cells = [f"{''.join(rng.choice(list('ACGT'), 16))}-1" for _ in range(40)]
    pd.DataFrame(rng.poisson(5, (40, 3)), index=cells, columns=["g1", "g2", "g3"]).to_csv(tmp_path / "rna.csv")
    guides = rng.choice(["MYC_g1", "JAK2_g2"], 40)
    calls = pd.DataFrame({"cell_barcode": cells, "num_features": 1, "feature_call": guides, "num_umis": 0})
    calls["num_umis"] = rng.integers(1, 6, 40).astype(str)
    calls.loc[:5, ["num_features", "feature_call", "num_umis"]] = [2, "MYC_g1|JAK2_g2", "3|4"]
    calls.to_csv(tmp_path / "protospacer_calls_per_cell.csv", index=False)
    spec = DataSpec(str(tmp_path / "rna.csv"), labels_path=str(tmp_path / "protospacer_calls_per_cell.csv"))

    def look(**changes):
        asked = {"spec": {**spec.to_dict(), **changes}, "display_name": "rna.csv", "is_final": False}
        return {column["name"]: column for column in inspect_here({**asked, "memory_mb": 2048})["columns"]}

    columns = look()
    assert [name for name, each in columns.items() if each["is_label_candidate"]] == ["feature_call"]
    assert columns["num_umis"]["note"] == "counts what a cell has, which is no condition"
    assert columns["feature_call"]["counts"]["MYC_g1|JAK2_g2"] == 6
    called = look(guide_umis=1, guide_ratio=1.2)["feature_call"]
    assert set(called["counts"]) == {"MYC_g1", "JAK2_g2"}
    assert called["n_missing"] == 0
