"""The command line, as a user types it: real processes, real files."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psmatch_core.cli.command import PRESETS_TEXT
from psmatch_core.cli.main import COMMANDS, GROUPS, _parser, main
from psmatch_core.pipeline.demo_data import demo
from psmatch_core.pipeline.recipe import PRESETS
from tests.conftest import make_adata
from tests.waiting import HANG

ROOT = Path(__file__).parents[2]
CLI = ROOT / "psmatch_core" / "cli"
NO_COMMANDS = {
    "__init__",
    "main",
    "command",
    "common",
    "data_arguments",
    "settings",
    "file_summary",
    "json_output",
    "machine_checks",
    "run_summary",
    "many_summary",
    "exit_codes",
    "inspected_files",
    "first_look",
    "terminal_progress",
}
DOCUMENTED = "".join(path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
QUICK = ["--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}', "--quiet"]


def psmatch(*arguments, cwd, code=0, real_maps=False):
    """What the program prints, and what it complains of; its maps are a stand-in's unless real ones are asked for."""
    paths = [str(ROOT)] if real_maps else [str(ROOT), os.environ["PYTHONPATH"]]
    done = subprocess.run(
        [sys.executable, "-m", "psmatch_core", *map(str, arguments)],
        cwd=cwd, capture_output=True, text=True, timeout=HANG, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, done.stderr


def two_files(folder):
    make_adata(n=45).write_h5ad(folder / "rna.h5ad")
    make_adata(n=36, n_features=5, seed=1).write_h5ad(folder / "adt.h5ad")
    return folder


@pytest.fixture
def files(tmp_path):
    return two_files(tmp_path)


@pytest.fixture(scope="module")
def once_matched(tmp_path_factory):
    folder = two_files(tmp_path_factory.mktemp("matched"))
    out, _ = psmatch("match", "rna.h5ad", "adt.h5ad", "--label", "label", "--out", "one", *QUICK, cwd=folder)
    assert "converged" in out
    return folder


@pytest.fixture
def matched(once_matched, tmp_path):
    """A folder of its own with two files and, in ``one``, the run that matched them."""
    shutil.copytree(once_matched, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.slow
def test_the_first_run_on_a_machine_gives_the_pairs_of_later_ones(tmp_path, monkeypatch):
    """The first process compiles the engine, the second finds it on disk; both labels, one large, one small."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    for name, seed in (("rna", 0), ("adt", 1)):
        make_adata(n=400, labels=(*"AAAA", "B"), seed=seed).write_h5ad(tmp_path / f"{name}.h5ad")
    digests = []
    for name in ("first", "later"):
        assert (tmp_path / "compiled").exists() == (name == "later")
        psmatch("match", "rna.h5ad", "adt.h5ad", "--label", "label", "--out", name, *QUICK, cwd=tmp_path)
        digests.append(hashlib.sha256((tmp_path / name / "exports" / "pairs.csv").read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_match_then_run_its_recipe_again_gives_the_same_pairs(matched):
    for name in ("rna.h5ad", "adt.h5ad"):
        (matched / "one" / "exports" / name).write_bytes((matched / name).read_bytes())
    psmatch("run", "recipe.json", "--out", "again", "--quiet", cwd=matched / "one" / "exports")
    first = pd.read_csv(matched / "one" / "exports" / "pairs.csv")
    again = pd.read_csv(matched / "one" / "exports" / "again" / "exports" / "pairs.csv")
    pd.testing.assert_frame_equal(first, again)


@pytest.mark.slow
def test_demo_writes_its_run_and_exports_where_it_says(tmp_path):
    out, _ = psmatch("demo", "--data", "pbmc", *QUICK, cwd=tmp_path, real_maps=True)
    exports = tmp_path / "psmatch-demo" / "exports"
    assert {"pairs.csv", "coupling.h5ad", "recipe.json"} <= {path.name for path in exports.iterdir()}
    assert "uniform 0.500" in out
    psmatch("demo", "--data", "pbmc", *QUICK, "--force", cwd=tmp_path)
    assert (tmp_path / "psmatch-demo.earlier-1" / "exports" / "pairs.csv").exists()


@pytest.mark.slow
def test_the_translator_of_the_demo_predicts_new_cells(tmp_path):
    demo("pbmc")[0][:20].write_h5ad(tmp_path / "new.h5ad")
    psmatch("demo", "--data", "pbmc", *QUICK, "--set", "translator=RidgeTranslator", cwd=tmp_path)
    out, _ = psmatch(
        "translate", "psmatch-demo", "new.h5ad", "--direction", "target_to_source", "--out", "new.csv", cwd=tmp_path
    )
    assert "Panel B features predicted at Panel A cells (target_to_source): 20 cells" in out
    assert "Over the cells of the run: The matching " in out
    assert ": R² within labels " in out
    assert len(pd.read_csv(tmp_path / "new_target_to_source.csv")) == 20
    _, err = psmatch("translate", "psmatch-demo", "new.h5ad", "--direction", "source_to_target", cwd=tmp_path, code=1)
    assert "features missing" in err


def test_a_folder_with_other_files_is_not_written_over(files):
    _, err = psmatch("match", "rna.h5ad", "adt.h5ad", "--label", "label", "--out", ".", *QUICK, cwd=files, code=1)
    assert "holds files that are not from a run" in err
    assert (files / "rna.h5ad").exists()


def test_features_writes_which_goes_with_which(matched):
    out, _ = psmatch("features", "one", "--quiet", "--set", "n_permutations=19", "--top", "2", cwd=matched)
    assert "best partner of each feature" in out
    table = pd.read_csv(matched / "one" / "exports" / "feature_matches.csv")
    assert len(table) == 2 * 5  # five target features
    assert (table["p_value"].dropna() >= 1 / 20).all()
    psmatch("features", "one", "--quiet", "--of", "source", "--out", "mine.csv", cwd=matched)
    assert set(pd.read_csv(matched / "mine.csv")["feature"]) == {f"f{i}" for i in range(8)}
    _, err = psmatch("features", "one", "--set", "sharpness=1", "--force", cwd=matched, code=1)
    assert "FeatureRules has no option sharpness" in err
    _, err = psmatch("features", ".", cwd=matched, code=1)
    assert "holds no run" in err


def test_witness_prints_both_plans_side_by_side(matched):
    out, _ = psmatch("witness", "one", "--labels", "A", "B", "--quiet", cwd=matched)
    assert out.count("marginal_error") == 2
    assert "The program's plan and POT's differ in" in out
    _, err = psmatch("witness", "one", "--labels", "Z", cwd=matched, code=1)
    assert "There is no plan for label 'Z'" in err
    assert len(psmatch("witness", "one", "--quiet", cwd=matched)[0].split("marginal_error")) == 2  # one, the smallest


def test_compare_shows_where_two_matchings_agree(matched):
    out, err = psmatch("compare", "one", "one", cwd=matched)
    assert "compare: done in" in err
    assert "One and one share 100% of the weight of 45 cells" in out
    assert "No true pair was judged in both runs" in out
    assert "Settings that differ" not in out
    found = json.loads(psmatch("compare", "one", "one", "--json", "--quiet", cwd=matched)[0])
    assert found["shared_mass"] == pytest.approx(1)
    assert found["shared_mass_by_label_alone"] < 0.9
    assert [row["n_cells"] for row in found["labels"]] == [15, 15, 15]
    assert (found["settings"], found["differences"]) == ([], None)
    _, err = psmatch("compare", "one", "nowhere", cwd=matched, code=1)
    assert "holds no run" in err


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


def test_options_lists_every_method_in_words(tmp_path):
    out, _ = psmatch("options", "--set", "matcher=GromovMatcher", cwd=tmp_path)
    assert 'matcher.space = "features"' in out
    assert "Kinds of matcher (--set matcher=KIND" in out
    assert "Entropic optimal transport that leaves cells without a counterpart unmatched" in out


def test_curve_needs_no_pairs_and_writes_every_label(matched):
    out, _ = psmatch("curve", "one", "--epsilons", "0.05", "0.1", "0.2", "0.5", "2", "--quiet", cwd=matched)
    assert "n_effective" in out
    assert "Suggested without true pairs" in out or "no epsilon is suggested" in out
    table = pd.read_csv(matched / "one" / "curve.csv", keep_default_na=False)
    assert set(table["label"]) == {"", "A", "B", "C"}
    assert len(table) == 4 * 5
    _, err = psmatch("curve", "one", "--set", "matcher=ExactMatcher", "--force", "--quiet", cwd=matched, code=1)
    assert "has no epsilon, so there is no curve" in err
    _, err = psmatch("curve", ".", cwd=matched, code=1)
    assert "holds no run" in err


def test_the_help_names_every_preset():
    assert PRESETS_TEXT.replace(" or ", ", ").split(", ") == list(PRESETS)


def test_each_command_has_a_file_and_is_listed_once():
    files = {path.stem for path in CLI.glob("*.py")} - NO_COMMANDS
    assert sorted(each.name.replace("-", "_") for each in COMMANDS) == sorted(files)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_answers_help_and_is_documented(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command.name, "--help"])
    assert ended.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"{command.help[0].upper()}{command.help[1:]}." in text
    assert re.search(rf"psmatch(_core)? {command.name}\b", DOCUMENTED), "show it in docs/guide.md"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_example_of_a_command_can_be_typed(command, capsys):
    program, *arguments = shlex.split(command.example)
    assert program == "psmatch"
    assert _parser().parse_args(arguments).do is command.do
    with pytest.raises(SystemExit):
        main([command.name, "--help"])
    assert f"example: {command.example}" in " ".join(capsys.readouterr().out.split())


def test_the_help_lists_the_commands_in_the_order_of_the_work(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    places = [out.index(f"{command.help}\n") for command in COMMANDS]
    assert places == sorted(places)
    assert all(f"$ {command.example}\n" in out for command in COMMANDS)
    titles = [out.index(f"\n{title}:\n") for title in GROUPS]
    assert titles == sorted(titles)


def test_help_waits_for_no_heavy_library():
    code = (
        "import sys; from psmatch_core.cli.main import _parser; _parser().format_help();"
        "print([m for m in ('numpy', 'pandas', 'scipy', 'torch', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


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


def test_a_reader_that_has_enough_ends_the_output_quietly():
    command = f"{sys.executable} -m psmatch_core options | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
