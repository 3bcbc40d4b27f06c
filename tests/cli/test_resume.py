"""A run that was stopped goes on from the stages that it had finished."""

import json

import pytest

from psmatch_core.base.errors import Cancelled
from psmatch_core.cli.exit_codes import ExitCode
from psmatch_core.cli.main import main
from psmatch_core.pipeline import run as pipeline, score_modalities
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RunFolder
from tests.conftest import make_adata
from tests.workspace.test_new_folder import contents, finished_run

QUICK = ["--quiet", "--set", 'classifier={"kind": "LinearClassifier", "strength": 0.05}']
QUICK += ["--set", "monitoring.stability=false", "--set", "judging.held_out=false"]
MATCH = ["match", "rna.h5ad", "adt.h5ad", "--label", "label", *QUICK]


@pytest.fixture
def here(tmp_path, monkeypatch):
    for name, n_features in (("rna", 8), ("adt", 5)):
        make_adata(n=24, n_features=n_features, labels=("A", "B")).write_h5ad(tmp_path / f"{name}.h5ad")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "MAPS", ())
    return tmp_path


def failing(error):
    def fail(*given, **named):
        raise error

    return fail


def test_a_run_that_was_stopped_trains_nothing_again(here, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "match", failing(Cancelled()))
        assert main([*MATCH, "--out", "one"]) == ExitCode.STOPPED
    err = capsys.readouterr().err
    assert "The run was cancelled." in err
    assert f"psmatch resume {here.resolve() / 'one'}" in err
    assert RunFolder(here / "one").status().state == CANCELLED
    with monkeypatch.context() as patch:
        patch.setattr(score_modalities, "fit_propensity", failing(AssertionError("it trains again")))
        assert main(["resume", "one", "--json", "--quiet"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["state"] == DONE
    assert len(record["labels"]) == 2
    assert not (here / "one" / "stages").exists()
    assert (here / "one" / "exports" / "pairs.csv").exists()


def test_a_fault_of_the_program_has_a_code_of_its_own(here, monkeypatch, capsys):
    monkeypatch.setattr(score_modalities, "fit_propensity", failing(KeyError("x")))
    assert main([*MATCH, "--out", "one"]) == ExitCode.UNEXPECTED
    assert "Please report it" in capsys.readouterr().err
    assert RunFolder(here / "one").status().state == FAILED


def test_a_finished_run_is_not_resumed(here, capsys):
    finished_run(here)
    before = contents(here / "one")
    assert main(["resume", "one", "--quiet"]) == ExitCode.REFUSED
    assert "The run in one is finished." in capsys.readouterr().err
    assert contents(here / "one") == before


def test_a_run_that_somebody_works_on_is_left_alone(here, capsys):
    folder = finished_run(here)
    folder.write_status(folder.status().__class__())
    with folder.locked():
        assert main(["resume", "one", "--quiet"]) == ExitCode.REFUSED
    assert "Another process is working on run one" in capsys.readouterr().err


def test_what_holds_no_run_is_not_resumed(here, capsys):
    assert main(["resume", "."]) == ExitCode.REFUSED
    assert "holds no run" in capsys.readouterr().err
