"""The Match page says what a run needs before it is started, and does not start one that does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pages.shell.workspace import Side, Workspace
from psmatch_core.data.readers import DataSpec, inspect_file
from tests.conftest import make_adata
from tests.pages.conftest import Open, plain_text


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two small files, inspected."""
    sides = {}
    for seed, (side, name) in enumerate({"source": "RNA", "target": "ADT"}.items()):
        path = tmp_path / f"{name}.h5ad"
        make_adata(n=45, seed=seed).write_h5ad(path)
        summary = inspect_file(DataSpec(path=str(path), label_key="label"))
        sides[side] = Side(str(path), path.name, summary, label_key="label", name=name)
    return Workspace(**sides)


def test_memory_and_disk_are_told_before_the_run(empty: Open, workspace: Workspace) -> None:
    app = empty()
    app.session_state["workspace"] = workspace
    app.switch_page("pages/match.py").run()
    assert not app.exception
    assert "of memory, and" in plain_text(app)
    (button,) = [each for each in app.button if each.label == "Match"]
    assert not button.disabled


def test_a_run_that_does_not_fit_cannot_be_started(
    empty: Open, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PSMATCH_MEMORY_BUDGET", "100 MB")
    app = empty()
    app.session_state["workspace"] = workspace
    app.switch_page("pages/match.py").run()
    assert not app.exception
    errors = "".join(str(each.value) for each in app.error).replace("\\", "")
    assert "of memory; 100 MB are allowed" in errors
    (button,) = [each for each in app.button if each.label == "Match"]
    assert button.disabled
