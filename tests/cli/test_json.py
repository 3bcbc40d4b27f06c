"""`--json`: what a program reads is one object on standard output, whatever the command."""

import argparse
import json
import math
import shutil
from pathlib import Path

import pandas as pd
import pytest

from psmatch_core.cli.main import COMMANDS, main
from tests.conftest import make_adata

WITHOUT = {"app", "init", "warm"}  # a server, a file for a person, and nothing to tell
QUICK = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--set", "monitoring.stability=false"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run whose true pairs are known and whose translator is trained; beside it, `new.h5ad`."""
    place = tmp_path_factory.mktemp("json")
    for name, n_features in (("rna", 8), ("adt", 5)):
        adata = make_adata(n=60, n_features=n_features, labels=("NT", "B", "C", "D"))
        adata.var_names = [f"{name}_{each}" for each in adata.var_names]
        adata.obs["cell"] = adata.obs_names
        adata.write_h5ad(place / f"{name}.h5ad")
    adata[:0:-7].copy().write_h5ad(place / "new.h5ad")
    files = [str(place / f"{name}.h5ad") for name in ("rna", "adt")]
    settings = [*QUICK, "--set", "judging.held_out=false", "--set", "translator=RidgeTranslator"]
    arguments = ["--label", "label", "--pair", "cell", "--quiet", "--out", str(place / "one")]
    assert main(["match", *files, *arguments, *settings]) == 0
    return place / "one"


@pytest.fixture
def read(run, capsys):
    """What a command prints with `--json`, read as a program reads it."""

    def read(command, *arguments):
        capsys.readouterr()
        assert main([command, *map(str, arguments), "--json"]) == 0
        return json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))

    return read


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_that_tells_something_takes_json(command):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert ("--json" in parser.format_help()) == (command.name not in WITHOUT)


def test_curve_has_the_means_every_label_and_the_file(run, read):
    found = read("curve", run, "--epsilons", 0.05, 0.5, "--quiet")
    assert [row["epsilon"] for row in found["pooled"]] == [0.05, 0.5]
    assert {row["label"] for row in found["labels"]} == {"NT", "B", "C", "D"}
    assert len(pd.read_csv(found["file"])) == len(found["labels"]) + len(found["pooled"])


def test_features_has_every_row_of_its_file(run, read):
    found = read("features", run, "--top", 2, "--quiet", "--set", "n_permutations=20")
    table = pd.read_csv(found["file"])
    assert len(found["features"]) == len(table) == 10
    assert found["of"] == "target"


def test_translate_names_its_file_and_how_accurate_it_is(run, read, tmp_path):
    new = run.parent / "new.h5ad"
    arguments = ("--direction", "source_to_target", "--out", tmp_path / "new.csv")
    found = read("translate", run, new, *arguments)
    assert found["direction"] == "source_to_target"
    assert len(pd.read_csv(found["file"])) == found["n_cells"] == 9
    accuracy = found["accuracy"]
    assert math.isclose(accuracy["gain"], accuracy["r2_matched"] - accuracy["r2_uniform"], abs_tol=1e-6)
    alone = shutil.copy(run / "exports" / "translator_source_to_target.npz", tmp_path)
    found = read("translate", alone, new, *arguments, "--force")
    assert found["accuracy"] is None
    assert "not known" in found["notes"][0]


def test_matched_and_report_name_their_file(run, read):
    found = read("matched", run, "--values", "pairs")
    assert found["values"] == "pairs"
    assert Path(found["file"]).suffix == ".h5mu"
    assert Path(found["file"]).exists()
    found = read("report", run)
    assert found["state"] == "done"
    assert found["ending"] == ""
    assert "<html" in Path(found["file"]).read_text(encoding="utf-8")[:1000]


def test_witness_has_both_plans_of_each_label(run, read):
    (found,) = read("witness", run, "--labels", "B", "--quiet")["labels"]
    assert found["label"] == "B"
    assert math.isclose(found["program"]["mass"], found["pot"]["mass"], rel_tol=1e-6)
    assert found["sentence"]


def test_sweep_has_its_budget_before_and_its_runs_after(run, read, tmp_path):
    axes = ("--set", "matcher.epsilon=0.05,0.2", "--no-stability", "--quiet")
    assert read("sweep", run, *axes, "--dry-run")["budget"]["n_runs"] == 2
    found = read("sweep", run, *axes, "--out", tmp_path / "sweep")
    assert [row["state"] for row in found["runs"]] == ["done", "done"]
    assert [float(row["epsilon"]) for row in found["runs"]] == [0.05, 0.2]
    assert found["rank_correlation_with_foscttm"]["n_effective"]["n"] == 2
    assert found["rank_correlation_with_foscttm"]["n_effective"]["low"] is None


def test_leave_out_has_what_is_explained_beside_a_uniform_plan(run, read, tmp_path):
    found = read("leave-out", run, "--label", "B", "--quiet", "--out", tmp_path / "left")
    assert found["label"] == "B"
    assert {"translated", "uniform", "label_mean"} <= found["shift_explained"].keys()
    assert Path(found["folder"]).is_dir()
