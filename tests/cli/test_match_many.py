"""`psmatch match-many`: three files in, matched modalities out, with the manners of `match`."""

import itertools
import json
from contextlib import redirect_stdout
from io import StringIO

import anndata
import mudata
import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.exit_codes import ExitCode
from psmatch_core.cli.main import main
from psmatch_core.cli.match_many import PLAN_CHOICES, TUPLE_CHOICES
from psmatch_core.exports import several_files
from psmatch_core.exports.matched_tuples import TUPLE_VALUES
from psmatch_core.matching.several import PLANS
from tests.conftest import make_adata
from tests.workspace.test_new_folder import contents

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
QUICK = [
    *("--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--set", "monitoring.stability=false"),
    *("--set", "monitoring.n_shuffles=0"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three files with one label too many in the first; a physical cell may be in several."""
    place = tmp_path_factory.mktemp("views")
    for name, n, p, labels in (("rna", 50, 8, "ABCDE"), ("adt", 44, 5, "ABCD"), ("atac", 40, 6, "ABCD")):
        adata = make_adata(n=n, n_features=p, labels=tuple(labels), seed=n)
        adata.obs["cell"] = [f"c{at}" for at in range(n)]
        if name == "adt":
            adata.obs = adata.obs.rename(columns={"label": "guide"})
        adata.write_h5ad(place / f"{name}.h5ad")
    return [f"{name}={place / name}.h5ad" for name in ("rna", "adt", "atac")]


@pytest.fixture(scope="module")
def done(files, tmp_path_factory):
    """A finished result and what it printed."""
    place = tmp_path_factory.mktemp("many") / "out"
    arguments = ["--label", "label", "--label", "adt=guide", "--pair", "cell", "--out", str(place), "--quiet"]
    with redirect_stdout(StringIO()) as printed:
        assert main(["match-many", *files, *arguments, *QUICK, "--json"]) == 0
    return place, json.loads(printed.getvalue())


def test_one_folder_holds_everything(done):
    place, record = done
    assert {path.name for path in place.iterdir()} == set(record["files"]) == {
        "matched.h5mu", "pairs_rna_adt.csv", "pairs_rna_atac.csv", "coupling_rna_adt.h5ad", "coupling_rna_atac.h5ad",
        "coupling_adt_atac.h5ad", "labels.csv", "excluded_cells.csv", "cycle_consistency.csv", "evaluation.csv",
        "README.txt", "modalities.json",
    }  # fmt: skip
    held = mudata.read_h5mu(place / "matched.h5mu")
    assert list(held.mod) == ["rna", "adt", "atac"]
    assert held.n_obs == 40  # the ten cells of E have no counterpart
    pairs = pd.read_csv(place / "pairs_rna_adt.csv")
    best = pairs[pairs["rank"] == 1].set_index("source_cell")
    assert held.obs["target_cell_adt"].tolist() == best.loc[held.obs["source_cell"], "target_cell"].tolist()
    coupling = anndata.read_h5ad(place / "coupling_adt_atac.h5ad")
    assert coupling.shape == (44, 40)
    assert coupling.X.sum() + coupling.uns["left_out_mass"] == pytest.approx(1)
    assert (place / "README.txt").read_text("utf-8").count("matched.h5mu") == 2


def test_four_files_give_six_pairs_and_one_table_of_partners(files, tmp_path):
    adata = make_adata(n=36, n_features=7, labels=tuple("ABCD"), seed=36)
    adata.obs["cell"] = [f"c{at}" for at in range(36)]
    adata.write_h5ad(tmp_path / "image.h5ad")
    four = [*files, f"image={tmp_path / 'image.h5ad'}"]
    arguments = ["--label", "label", "--label", "adt=guide", "--pair", "cell", "--out", str(tmp_path / "out")]
    with redirect_stdout(StringIO()) as printed:
        assert main(["match-many", *four, *arguments, "--quiet", *QUICK, "--json"]) == 0
    names = ["rna", "adt", "atac", "image"]
    pairs = list(itertools.combinations(names, 2))
    record = json.loads(printed.getvalue())
    assert [(each["source"], each["target"]) for each in record["matches"]] == pairs
    held = mudata.read_h5mu(tmp_path / "out" / "matched.h5mu")
    assert list(held.mod) == names
    assert {f"target_cell_{name}" for name in names[1:]} <= set(held.obs.columns)
    for one, other in pairs:
        coupling = anndata.read_h5ad(tmp_path / "out" / f"coupling_{one}_{other}.h5ad")
        assert coupling.X.sum() + coupling.uns["left_out_mass"] == pytest.approx(1)
    ways = pd.read_csv(tmp_path / "out" / "cycle_consistency.csv")
    assert len(ways[["source", "target", "through"]].drop_duplicates()) == 12  # each pair through each of two others
    judged = pd.read_csv(tmp_path / "out" / "evaluation.csv")
    found = set(map(tuple, judged[["source", "target"]].drop_duplicates().to_numpy()))
    assert found == set(pairs[3:])  # a cell of rna has another label elsewhere, because rna has five


def test_a_program_reads_what_came_out(done):
    place, record = done
    assert record["reference"] == "rna"
    assert [each["name"] for each in record["modalities"]] == ["rna", "adt", "atac"]
    by_label = {row["label"]: row for row in record["labels"]}
    assert by_label["E"] == {
        "label": "E", "n_rna": 10, "n_adt": 0, "n_atac": 0, "matched": False, "reason": "its label is not in adt, atac"
    }  # fmt: skip
    assert 0 <= record["cycle_consistency"]["shared_mass_uniform"] <= record["cycle_consistency"]["shared_mass"] <= 1
    assert {(each["source"], each["target"]) for each in record["evaluation"]} == {
        ("rna", "adt"), ("rna", "atac"), ("adt", "atac")
    }  # fmt: skip
    about = json.loads((place / "modalities.json").read_text("utf-8"))
    assert about["files"]["adt"]["label_key"] == "guide"
    assert about["files"]["adt"]["path"] == "adt.h5ad"  # no path of the machine leaves it
    assert len(pd.read_csv(place / "excluded_cells.csv")) == 10


def test_an_earlier_result_is_kept(done, files, capsys, tmp_path):
    place, _ = done
    assert main(["match-many", *files, "--label", "label", "--out", str(place)]) == ExitCode.REFUSED
    assert "already holds matched modalities" in capsys.readouterr().err
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["match-many", *files, "--label", "label", "--out", str(tmp_path), "--force"]) == ExitCode.REFUSED
    assert "holds files that are not from a run" in capsys.readouterr().err


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_result_that_is_not_completed_changes_nothing(done, files, monkeypatch, tmp_path, capsys, is_stopped):
    """An earlier result stays where it is until the new one is whole, and no folder is left of a refusal or Ctrl-C."""
    place, new = done[0], tmp_path / "new"
    before = contents(place), sorted(place.parent.iterdir())

    def stop(*given, **named):
        raise KeyboardInterrupt if is_stopped else PsmatchError("It cannot be.", hint="Do other things.")

    monkeypatch.setattr(several_files, "write_csv", stop)  # in the middle of the export
    arguments = ["--label", "label", "--label", "adt=guide", "--quiet", "--plans", "reference", *QUICK, "--force"]
    for out in (place, new):
        code = main(["match-many", *files[:2], *arguments, "--out", str(out), "--json"])
        assert code == (ExitCode.STOPPED if is_stopped else ExitCode.REFUSED)
        said = json.loads(capsys.readouterr().out)
        assert said["problem"] == ("Stopped." if is_stopped else "It cannot be.")
    assert (contents(place), sorted(place.parent.iterdir())) == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fault", ["values", "labels"])
def test_a_hint_names_an_option_that_this_command_has(fault, tmp_path, capsys):
    """What the hint of a refusal says can be typed, and helps."""
    for name in ("rna", "adt"):
        adata = make_adata(n=40, n_features=6, seed=len(name))
        if name == "adt":
            adata.X[3, 2] = np.nan if fault == "values" else adata.X[3, 2]
            adata.obs["label"] = adata.obs["label"].astype(object)
            adata.obs.iloc[5, adata.obs.columns.get_loc("label")] = np.nan if fault == "labels" else "A"
        adata.write_h5ad(tmp_path / f"{name}.h5ad")
    files = [f"{name}={tmp_path / name}.h5ad" for name in ("rna", "adt")]
    command = ["match-many", *files, "--label", "label", "--out", str(tmp_path / "out"), "--quiet", *QUICK]
    assert main(command) == ExitCode.REFUSED
    said = capsys.readouterr().err
    option = {
        "values": "--set data.adt.bad_values=…: drop features, fill, drop cells",
        "labels": "--drop-missing-labels",
    }
    assert f"({option[fault]})" in said
    helps = {"values": ["--set", "data.adt.bad_values=fill"], "labels": ["--drop-missing-labels"]}
    assert main([*command, *helps[fault]]) == 0


@pytest.mark.slow
def test_a_setting_may_name_one_modality_and_force_moves_aside(files, tmp_path, capsys):
    out = tmp_path / "again"
    arguments = ["--label", "label", "--label", "adt=guide", "--out", str(out), *QUICK, "--plans", "reference"]
    assert main(["match-many", *files, *arguments, "--quiet"]) == 0
    text = capsys.readouterr().out
    assert "rna → adt: " in text
    assert "each modality is matched with the first" in text
    own = ["--set", "preprocessing.adt.n_top_genes=3"]
    assert main(["match-many", *files, *arguments, "--force", *own]) == 0
    ended = capsys.readouterr()
    assert "is kept in" in ended.err
    assert "propensity: atac: done in" in ended.err
    kept = [json.loads((path / "modalities.json").read_text("utf-8")) for path in sorted(tmp_path.glob("again*"))]
    changed, before = (each["preprocessing"] for each in kept)
    assert (changed["adt"]["n_top_genes"], changed["atac"]["n_top_genes"]) == (3, before["atac"]["n_top_genes"])
    assert before["adt"]["n_top_genes"] == before["atac"]["n_top_genes"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rna.h5ad", "adt.h5ad"], "'rna.h5ad' is not NAME=FILE"),
        (["rna=a.h5ad", "rna=b.h5ad", "--label", "ko"], "Two files are called 'rna'"),
        (["rna=a.h5ad", "--label", "ko"], "1 files were given"),
        (["rna=a.h5ad", "adt=b.h5ad"], "No label column was named"),
        (["rna=a.h5ad", "a/b=b.h5ad", "--label", "ko"], "'a/b' (3 characters) cannot be the name of a modality"),
        (["x_y=a.h5ad", "x=b.h5ad", "y_x=c.h5ad", "--label", "ko"], "would both be the file coupling_x_y_x.h5ad"),
        (["rna=a.h5ad", "adt=b.h5ad", "--label", "ko", "--label", "gex=x"], "--label names 'gex', which is no file"),
        (["rna=a.h5ad", "adt=b.h5ad", "--label", "ko", "--set", "preprocessing.gex.x=1"], "no modality 'gex'"),
        (["rna=a.h5ad", "adt=b.h5ad", "--label", "ko", "--set", "data.gex.cells=1"], "no modality 'gex'"),
        (["rna=a.h5ad", "adt=b.h5ad", "--label", "ko", "--set", "data.rna.cell=1"], "no setting 'data.rna.cell'"),
        (
            ["rna=a.h5ad", "v2.1=b.h5ad", "--label", "ko", "--set", "preprocessing.v2.1.normalise=clr"],
            "no setting 'preprocessing.v2.1.normalise'",
        ),
        (["rna=a.h5ad", "adt=b.h5ad", "--label", "ko"], "a.h5ad was not found"),
        (["rna=a.h5ad", "--demo"], "Files and --demo were given"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["match-many", *arguments]) == ExitCode.REFUSED
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_third_file_of_match_is_answered_with_the_command(capsys):
    assert main(["match", "a.h5ad", "b.h5ad", "c.h5ad", "--label", "ko"]) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "match takes two files; 3 were given" in said
    assert "psmatch match-many rna=" in said


def test_the_choices_are_those_of_the_core():
    assert tuple(PLANS) == PLAN_CHOICES
    assert TUPLE_CHOICES == TUPLE_VALUES


def test_the_demo_is_matched_better_than_by_chance(tmp_path, capsys):
    arguments = ["--demo", "--out", str(tmp_path / "demo"), "--quiet", *QUICK, "--json"]
    assert main(["match-many", *arguments]) == 0
    record = json.loads(capsys.readouterr().out)
    assert all(each["rank"] < 0.35 for each in record["evaluation"])
    assert [each["pairs"] for each in record["held_out_evaluation"]] == ["held out"] * 3
    assert all(each["rank"] < 0.45 for each in record["held_out_evaluation"])
    judged = pd.read_csv(tmp_path / "demo" / "evaluation.csv")["judged"]
    assert list(dict.fromkeys(judged)) == ["held-out cells", "all pairs, inflated: same cells trained on both sides"]
    assert np.mean([each["trace_fold"] for each in record["evaluation"]]) > 3
    assert record["cycle_consistency"]["agreement"] > record["cycle_consistency"]["agreement_turned"]
