"""Commands on a run that failed say why it failed, not only what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from psmatch_core.cli.main import main
from psmatch_core.pipeline.demo_data import demo_recipe
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import FAILED, RunFolder, RunStatus

WHY = "rna: 500 principal components requested, but 320 cells × 120 features have at most 119."


@pytest.mark.parametrize("asked", [["monitor"], ["monitor", "--effects"], ["monitor", "--unseen-labels"], ["evaluate"]])
def test_a_failed_run_says_why(asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.create_at(tmp_path / "bad", demo_recipe(Recipe(), "screen"))
    folder.write_status(RunStatus(state=FAILED, problem=WHY, hint="Choose at most 119 components."))
    assert main([asked[0], str(folder.path), *asked[1:]]) == 1
    said = capsys.readouterr().err
    assert "This run failed." in said
    assert WHY in said
    assert f"psmatch resume {folder.path}" in said
