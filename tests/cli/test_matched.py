"""`psmatch matched`: matched cells of a finished run as MuData."""

import mudata
import pandas as pd
import pytest

from psmatch_core.cli.main import main
from tests.conftest import make_adata

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")


@pytest.fixture(scope="module")
def matched_run(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    rna, adt = make_adata(n=45), make_adata(n=36, n_features=5, seed=1)
    rna.obs["plate"] = ["one", "two", "two"] * 15
    rna.var["chromosome"] = list("12345678")
    rna.write_h5ad(place / "rna.h5ad")
    adt.write_h5ad(place / "adt.h5ad")
    quick = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--set", "matcher=UniformMatcher"]
    files = [str(place / "rna.h5ad"), str(place / "adt.h5ad")]
    assert main(["match", *files, "--label", "label", "--out", str(place / "run"), "--quiet", *quick]) == 0
    return place / "run"


@pytest.mark.parametrize("values", ["best", "barycentric"])
def test_the_file_of_a_finished_run_holds_its_pairs_and_columns(matched_run, values, tmp_path, capsys):
    path = tmp_path / "cells.h5mu"
    assert main(["matched", str(matched_run), "--values", values, "--out", str(path)]) == 0
    assert "one observation for each source cell" in capsys.readouterr().out
    held = mudata.read_h5mu(path)
    pairs = pd.read_csv(next(matched_run.rglob("pairs.csv")))
    best = pairs[pairs["rank"] == 1].set_index("source_cell")
    assert held.obs["target_cell"].tolist() == best.loc[held.obs["source_cell"], "target_cell"].tolist()
    assert set(held.obs["verdict"]) == set(pairs["verdict"])
    source = next(iter(held.mod.values()))
    assert set(source.obs["plate"]) == {"one", "two"}
    assert source.var["chromosome"].tolist() == list("12345678")


def test_an_existing_file_is_kept(matched_run, capsys):
    assert main(["matched", str(matched_run)]) == 0
    (written,) = matched_run.rglob("matched_best.h5mu")
    before = written.read_bytes()
    assert main(["matched", str(matched_run)]) == 1
    assert "--force" in capsys.readouterr().err
    assert written.read_bytes() == before
