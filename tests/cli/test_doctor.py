"""``psmatch doctor``: what is missing is named with what to do, and decides the exit code."""

import builtins
import json
import os
import subprocess
import sys
import webbrowser
from importlib import metadata
from pathlib import Path

import pytest

from psmatch_core.base.cores import CORES_VARIABLE
from psmatch_core.cli import machine_checks
from psmatch_core.cli.machine_checks import Health, check_machine, is_within, library_ranges
from psmatch_core.cli.main import main
from psmatch_core.pipeline.needs import BUDGET_VARIABLE
from psmatch_core.workspace.new_folder import WORKSPACE_VARIABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def sound(tmp_path, monkeypatch):
    """A machine on which all is well: folders that can be written to and a compiled engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    (tmp_path / "tile_pass.x.nbi").write_bytes(b"")
    monkeypatch.setenv(BUDGET_VARIABLE, "16 GB")
    monkeypatch.setattr(webbrowser, "get", lambda: type("Browser", (), {"name": "firefox"}))


def found(name):
    """The one check of this name."""
    (check,) = [each for each in check_machine() if each.name == name]
    return check


def version_of(monkeypatch, name, version):
    """Let a library be installed in another version, or not at all (None)."""
    real = metadata.version

    def answer(asked):
        if asked == name and version is None:
            raise metadata.PackageNotFoundError(name)
        return version if asked == name else real(asked)

    monkeypatch.setattr(metadata, "version", answer)


def a_missing_library(monkeypatch, tmp_path):
    version_of(monkeypatch, "scanpy", None)
    return "scanpy"


def an_old_python(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_checks, "OLDEST_PYTHON", (4, 0))
    return "Python"


def a_wrong_number_of_cores(monkeypatch, tmp_path):
    monkeypatch.setenv(CORES_VARIABLE, "many")
    return "cores"


def a_wrong_size_of_memory(monkeypatch, tmp_path):
    monkeypatch.setenv(BUDGET_VARIABLE, "much")
    return "memory"


def a_workspace_below_a_file(monkeypatch, tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(tmp_path / "thesis.txt" / "runs"))
    return "app's folder"


def a_folder_that_is_read_only(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_checks.os, "access", lambda place, mode: Path(place) != tmp_path)
    return "this folder"


def a_library_that_breaks(monkeypatch, tmp_path):
    real = builtins.__import__

    def refuse(name, *rest):
        if name == "psmatch_core.transport":
            raise ImportError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    return "engine"


def a_library_of_another_version(monkeypatch, tmp_path):
    version_of(monkeypatch, "numpy", "1.26.4")
    return "numpy"


def an_engine_that_is_not_compiled(monkeypatch, tmp_path):
    (tmp_path / "tile_pass.x.nbi").unlink()
    return "engine"


def little_memory(monkeypatch, tmp_path):
    monkeypatch.setenv(BUDGET_VARIABLE, "700 MB")
    return "memory"


def memory_that_nobody_knows(monkeypatch, tmp_path):
    monkeypatch.setattr("psmatch_core.pipeline.needs.memory_budget", lambda: None)
    return "memory"


def no_browser(monkeypatch, tmp_path):
    def refuse():
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", refuse)
    return "browser"


BAD = (
    a_missing_library, an_old_python, a_wrong_number_of_cores, a_wrong_size_of_memory, a_workspace_below_a_file,
    a_folder_that_is_read_only, a_library_that_breaks,
)  # fmt: skip
NOT_IDEAL = (
    a_library_of_another_version, an_engine_that_is_not_compiled, little_memory, memory_that_nobody_knows, no_browser,
)  # fmt: skip


def test_a_sound_machine_is_ready(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "psmatch can run here." in out
    assert "→" not in out
    for name in ("psmatch", "Python", "libraries", "cores", "memory", "engine", "this folder", "browser"):
        assert f"✓ {name} " in out


@pytest.mark.parametrize("what", BAD, ids=lambda each: each.__name__)
def test_what_is_needed_and_missing_fails(what, monkeypatch, tmp_path, capsys):
    name = what(monkeypatch, tmp_path)
    assert found(name).health is Health.BAD
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert f"✗ {name} " in out
    assert f"→ {found(name).advice}" in out


@pytest.mark.parametrize("what", NOT_IDEAL, ids=lambda each: each.__name__)
def test_what_is_not_ideal_is_told_and_does_not_fail(what, monkeypatch, tmp_path, capsys):
    name = what(monkeypatch, tmp_path)
    assert found(name).health is Health.WARNING
    assert found(name).advice
    assert main(["doctor"]) == 0
    assert f"! {name} " in capsys.readouterr().out


def test_a_program_reads_the_same(monkeypatch, tmp_path, capsys):
    a_missing_library(monkeypatch, tmp_path)
    assert main(["doctor", "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert read["is_ready"] is False
    assert [each["name"] for each in read["checks"] if each["health"] == "bad"] == ["scanpy"]


def test_every_library_of_the_project_is_looked_at_with_its_range():
    ranges = library_ranges()
    assert {"numpy", "torch", "streamlit", "umap-learn", "POT"} <= ranges.keys()
    assert all(">=" in each for name, each in ranges.items() if name != "packaging")
    assert all(is_within(metadata.version(name), each) for name, each in ranges.items())
    assert not is_within("1.26.4", ranges["numpy"])
    assert is_within("2.13.0+cpu", ranges["torch"])


def test_python_without_any_library_is_told_what_to_install():
    """The case for which the command is there: it must not itself need what it looks for."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "psmatch_core", "doctor"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    for name in ("numpy", "filelock", "engine", "memory", "app's folder"):
        assert f"✗ {name} " in done.stdout
    assert "python -m pip install 'numpy>=2.4,<3'" in done.stdout
