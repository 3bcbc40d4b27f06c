"""The command line, as a user types it: real processes, real files."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psmatch_core.cli import PRESET_HELP
from psmatch_core.recipe import PRESETS
from tests.conftest import make_adata

QUICK = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--quiet"]


def psmatch(*arguments, cwd, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "psmatch_core", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, env=None, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


@pytest.fixture
def files(tmp_path):
    make_adata(n=45).write_h5ad(tmp_path / "rna.h5ad")
    make_adata(n=36, n_features=5, seed=1).write_h5ad(tmp_path / "adt.h5ad")
    return tmp_path


def test_match_then_run_its_recipe_again_gives_the_same_pairs(files):
    out, _ = psmatch("match", "rna.h5ad", "adt.h5ad", "--label", "label", "--out", "one", *QUICK, cwd=files)
    assert "converged" in out
    for name in ("rna.h5ad", "adt.h5ad"):
        (files / "one" / "exports" / name).write_bytes((files / name).read_bytes())
    psmatch("run", "recipe.json", "--out", "again", "--quiet", cwd=files / "one" / "exports")
    first = pd.read_csv(files / "one" / "exports" / "pairs.csv")
    again = pd.read_csv(files / "one" / "exports" / "again" / "exports" / "pairs.csv")
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.slow
def test_demo_writes_its_run_and_exports_where_it_says(tmp_path):
    out, _ = psmatch("demo", "--data", "pbmc", *QUICK, cwd=tmp_path)
    exports = tmp_path / "psmatch-demo" / "exports"
    assert {"pairs.csv", "coupling.h5ad", "recipe.json"} <= {path.name for path in exports.iterdir()}
    assert "uniform 0.500" in out
    psmatch("demo", "--data", "pbmc", *QUICK, cwd=tmp_path)


def test_a_folder_with_other_files_is_not_written_over(files):
    _, err = psmatch("match", "rna.h5ad", "adt.h5ad", "--label", "label", "--out", ".", *QUICK, cwd=files, code=1)
    assert "holds files that are not a run's" in err
    assert (files / "rna.h5ad").exists()


def test_inspect_prints_what_the_data_page_shows(files):
    out, _ = psmatch("inspect", "rna.h5ad", "--label", "label", cwd=files)
    assert "45" in out
    assert "label" in out


def test_inspect_refuses_with_a_code_and_words(files):
    (files / "page.h5ad").write_text("<!DOCTYPE html><html></html>")
    out, err = psmatch("inspect", "page.h5ad", cwd=files, code=1)
    assert "web page" in out + err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "missing.json"], "There is no file missing.json"),
        (["match", "rna.h5ad", "adt.h5ad", "--label", "cell_type"], "cell_type"),
        (["match", "rna.h5ad", "adt.h5ad", "--label", "label", "--set", "matcher.epsilon=0"], "epsilon"),
        (["match", "rna.h5ad", "adt.h5ad", "--label", "label", "--set", "matcher.sharp=1"], "There is no setting"),
        (["match", "rna.h5ad", "adt.h5ad", "--label", "label", "--preset", "magic"], "There is no preset"),
        (["match", "rna.h5ad", "gone.h5ad", "--label", "label"], "gone.h5ad"),
    ],
)
def test_what_cannot_be_done_is_said(files, arguments, words):
    _, err = psmatch(*arguments, cwd=files, code=1)
    assert words in err
    assert "→" in err


def test_options_lists_every_setting_with_its_meaning(tmp_path):
    out, _ = psmatch("options", cwd=tmp_path)
    assert "matcher.epsilon = 0.05 × mean cost   (above 0, at most 1e+06)" in out
    assert "classifier.n_networks = 5" in out


def test_the_help_names_every_preset():
    assert PRESET_HELP.replace(" or ", ", ").split(", ") == list(PRESETS)


def test_match_by_latents_of_a_joint_vae(files):
    quick = ["space=JointVAE", "space.n_latent=4", "space.network.n_epochs=3"]
    settings = [word for each in quick for word in ("--set", each)]
    out, _ = psmatch(
        "match", "rna.h5ad", "adt.h5ad", "--label", "label", "--preset", "sharp", "--out", "one", "--quiet",
        *settings, cwd=files,
    )  # fmt: skip
    assert "closed form" in out or "converged" in out
    recipe = json.loads((files / "one" / "recipe.json").read_text())
    assert recipe["space"]["kind"] == "JointVAE"
    with np.load(files / "one" / "source_propensity.npz") as stored:
        assert stored["latents"].shape == (45, 4)


def test_a_recipe_that_is_no_json_names_the_line(tmp_path):
    (tmp_path / "recipe.json").write_text(json.dumps({"seed": 0})[:-1])
    _, err = psmatch("run", "recipe.json", cwd=tmp_path, code=1)
    assert "is not JSON" in err
