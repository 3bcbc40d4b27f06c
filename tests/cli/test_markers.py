"""`psmatch markers`: a table, a figure and JSON of what distinguishes a group."""

import json

import pandas as pd
import pytest

from psmatch_core.cli.main import main
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.saved_markers import load_markers
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def matched_run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    rna, adt = make_adata(n=45), make_adata(n=36, n_features=5, seed=1)
    rna.obs["donor"] = ["one", "two", "two"] * 15
    rna.write_h5ad(place / "rna.h5ad")
    adt.write_h5ad(place / "adt.h5ad")
    quick = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--set", "matcher=UniformMatcher"]
    files = [str(place / "rna.h5ad"), str(place / "adt.h5ad")]
    assert main(["match", *files, "--label", "label", "--out", str(place / "run"), "--quiet", *quick]) == 0
    return place / "run"


def test_markers_are_printed_written_drawn_and_kept(matched_run, tmp_path, capsys):
    table, figure = tmp_path / "markers.csv", tmp_path / "markers.html"
    options = ["--out", str(table), "--figure", str(figure), "--save", "A and B"]
    assert main(["markers", str(matched_run), "--group", "label = A", "--against", "label = B", *options]) == 0
    out = capsys.readouterr().out
    assert "rna, measured:" in out
    assert "adt, projected:" in out
    assert "The groups are whole labels" in out
    written = pd.read_csv(table)
    assert written["modality"].value_counts().to_dict() == {"rna": 8, "adt": 5}
    assert "label = A compared with label = B" in figure.read_text(encoding="utf-8")
    kept = load_markers(RunFolder(matched_run))["A and B"]
    assert kept.table["effect"].to_numpy() == pytest.approx(written["effect"].to_numpy())
    assert main(["markers", str(matched_run), "--group", "label = A", "--out", str(table)]) == 1
    assert "--force" in capsys.readouterr().err


def test_json_holds_the_first_rows_and_the_finding(matched_run, capsys):
    options = ["--side", "target", "--top", "2", "--json", "--force"]
    assert main(["markers", str(matched_run), "--group", "label = C", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["modality"] for row in found["measured"]] == ["adt", "adt"]
    assert [row["modality"] for row in found["projected"]] == ["rna", "rna"]
    assert found["against"] == "all other cells"
    assert found["file"].endswith("markers.csv")


def test_a_rule_that_no_cell_meets_is_refused(matched_run, capsys):
    assert main(["markers", str(matched_run), "--group", "donor = three", "--force"]) == 1
    assert "No rna cell meets the rule donor = three" in capsys.readouterr().err
