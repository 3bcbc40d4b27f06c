"""`psmatch app`: the command of the server, and what it says when it cannot start."""

import pytest

from pages.shell import given_files, session
from psmatch_core.base.version import VERSION
from psmatch_core.cli import app
from psmatch_core.cli.main import main
from psmatch_core.workspace.store import RunStore
from tests.workspace.opening.command_line import match_two, write_cells


@pytest.fixture
def started(monkeypatch):
    """What would have been started: the command and its environment."""
    calls = []
    monkeypatch.setattr(app, "_serve", lambda command, environment: calls.append((command, environment)) or 0)
    return calls


@pytest.mark.parametrize(("given", "headless"), [([], None), (["--open"], "false"), (["--no-open"], "true")])
def test_the_port_and_the_browser_are_those_that_are_asked_for(started, given, headless):
    main(["app", "--port", "8777", *given])
    ((command, _),) = started
    assert command[command.index("--server.port") + 1] == "8777"
    assert ("--server.headless" in command) == (headless is not None)
    if headless:
        assert command[command.index("--server.headless") + 1] == headless


def test_named_files_reach_the_server_as_source_and_target(started, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a b.csv", "c.csv"):
        (tmp_path / name).write_text("cell,label\n")
    main(["app", "a b.csv", "c.csv"])
    ((_, environment),) = started
    assert environment["PSMATCH_OPEN_SOURCE"] == str(tmp_path / "a b.csv")
    assert environment["PSMATCH_OPEN_TARGET"] == str(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("given", "said"), [(["no.csv"], "There is no file no.csv."), (["a", "b", "c"], "at most two files")]
)
def test_what_cannot_be_opened_starts_no_server(started, capsys, tmp_path, monkeypatch, given, said):
    monkeypatch.chdir(tmp_path)
    assert main(["app", *given]) == 1
    assert said in capsys.readouterr().err
    assert started == []


def test_an_installation_without_the_app_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(app, "__file__", str(tmp_path / "site" / "psmatch_core" / "cli" / "app.py"))
    monkeypatch.setattr(app.importlib.util, "find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert "not part of this installation" in capsys.readouterr().err


def test_the_version_is_said(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"psmatch {VERSION}\n"


@pytest.mark.parametrize("shared", [False, True])
def test_only_a_server_of_one_person_opens_the_named_files_and_once(monkeypatch, shared):
    from pages.shell.workspace import Workspace

    state = {}
    monkeypatch.setattr(session, "get", state.get)
    monkeypatch.setattr(session, "put", state.__setitem__)
    monkeypatch.setattr(given_files, "is_shared", lambda: shared)
    monkeypatch.setenv("PSMATCH_OPEN_SOURCE", "/data/rna.h5ad")
    given_files.open_once(Workspace())
    assert state.pop("new.source.path", None) == (None if shared else ("/data/rna.h5ad", "rna.h5ad"))
    assert "new.target.path" not in state
    given_files.open_once(Workspace())
    assert "new.source.path" not in state


def test_a_named_result_is_opened_before_the_server_starts(started, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(tmp_path / "app"))
    place = match_two(write_cells(tmp_path), tmp_path / "my run")
    assert main(["app", "my run"]) == 0
    ((_, environment),) = started
    kind, job_id = environment["PSMATCH_OPEN_RESULT"].split()
    assert (kind, RunStore(tmp_path / "app").open(job_id).job["name"]) == ("run", "my run")
    assert f"Added to the workspace as run {job_id} (my run)." in capsys.readouterr().out
    assert not {"PSMATCH_OPEN_SOURCE", "PSMATCH_OPEN_TARGET"} & environment.keys()

    assert main(["app", "my run", "rna.h5ad"]) == 1
    assert "a result is opened alone" in capsys.readouterr().err
    (place / "coupling.npz").write_bytes(b"cut")
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(tmp_path / "other"))
    assert main(["app", "my run"]) == 1
    assert "coupling.npz is not as it was written" in capsys.readouterr().err
    assert len(started) == 1
