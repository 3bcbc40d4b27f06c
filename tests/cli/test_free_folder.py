"""No command writes over an earlier run: not with a typo in its inputs, and not with --force either."""

import pytest

from psmatch_core.cli.main import main
from psmatch_core.workspace import worker
from psmatch_core.workspace.run_folder import DONE, FAILED, RunFolder, RunStatus
from tests.conftest import make_adata
from tests.workspace.test_new_folder import contents, finished_run

MATCH = ["match", "rna.h5ad", "adt.h5ad", "--label", "label"]
TYPOS = {
    "source": ["match", "rna.h5", "adt.h5ad", "--label", "label"],
    "target": ["match", "rna.h5ad", "atd.h5ad", "--label", "label"],
    "a folder": ["match", "rna.h5ad", ".", "--label", "label"],
    "not h5ad": ["match", "rna.h5ad", "page.h5ad", "--label", "label"],
    "label": ["match", "rna.h5ad", "adt.h5ad", "--label", "lable"],
    "setting": [*MATCH, "--set", "matcher.epsilonn=0.1"],
    "value": [*MATCH, "--set", "matcher.epsilon=0,05"],
    "preset": [*MATCH, "--preset", "recomended"],
    "recipe": ["run", "recipe.jsn"],
    "leave-out": ["leave-out", "recipe.jsn", "--label", "A"],
    "sweep": ["sweep", "one", "--set", "matcher.sharp=1"],
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two files and a finished run in ``one``."""
    make_adata(n=45).write_h5ad(tmp_path / "rna.h5ad")
    make_adata(n=36, n_features=5, seed=1).write_h5ad(tmp_path / "adt.h5ad")
    (tmp_path / "page.h5ad").write_text("<!DOCTYPE html>")
    finished_run(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", TYPOS.values(), ids=TYPOS)
def test_a_typo_costs_no_run(here, arguments, capsys):
    before = contents(here)
    assert main([*arguments, "--out", "one", "--force", "--quiet"]) == 1
    assert "→" in capsys.readouterr().err
    assert contents(here) == before


@pytest.mark.parametrize("arguments", [MATCH, ["demo"], ["run", "one/recipe.json"]], ids=lambda each: each[0])
def test_a_folder_with_a_run_is_refused_before_anything_is_read(here, arguments, capsys):
    before = contents(here)
    assert main([*arguments, "--out", "one", "--quiet"]) == 1
    assert "already holds a run" in capsys.readouterr().err
    assert contents(here) == before


def test_force_keeps_the_earlier_run_beside_the_new_one(here, monkeypatch, capsys):
    before = contents(here / "one")
    monkeypatch.setattr(worker, "execute", lambda job, **how: RunStatus(state=FAILED, problem="p", hint="h"))
    assert main([*MATCH, "--out", "one", "--force", "--quiet"]) == 1
    assert "kept in" in capsys.readouterr().err
    assert contents(here / "one.earlier-1") == before
    assert RunFolder(here / "one").recipe.source.label_key == "label"


def test_a_typo_leaves_no_folder_behind(here):
    assert main([*TYPOS["target"], "--out", "new", "--quiet"]) == 1
    assert not (here / "new").exists()


def test_a_finished_run_is_not_done_again_in_its_own_folder(here, capsys):
    before = contents(here)
    assert main(["run", "one", "--quiet"]) == 1
    assert "The run in one is finished." in capsys.readouterr().err
    assert contents(here) == before
    assert RunFolder(here / "one").status().state == DONE
