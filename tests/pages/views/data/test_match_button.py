"""The button on Data that goes the whole way: it starts a run with the settings as they are, and opens it on Match."""

from __future__ import annotations

from pathlib import Path

import pytest

from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open
from tests.pages.views.data.visitor import loaded

LABELS = ["control"] * 6 + ["STAT1"] * 6


def test_two_files_are_matched_by_one_button(empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda *_: None)  # the run is written, and no worker begins
    app = loaded(empty, LABELS, LABELS)
    (button,) = [each for each in app.button if each.key == "data.match"]
    assert button.label == "Match and judge"
    button.click().run()
    assert not app.exception
    (path,) = (tmp_path / "workspace" / "runs").iterdir()
    folder = RunFolder(path)
    assert folder.job["stop_after"] == "match"
    assert Path(folder.recipe.source.path).suffix == ".csv"
    assert folder.recipe.matcher.epsilon == 0.05
    assert any("Which cells match" in each.value for each in app.markdown)


def test_without_files_and_shared_labels_there_is_no_such_button(empty: Open) -> None:
    assert not [each for each in empty().button if each.key == "data.match"]
    app = loaded(empty, LABELS, ["IRF1"] * 6 + ["NT"] * 6)
    assert not [each for each in app.button if each.key == "data.match"]
