"""Runs side by side: only what differs is told, and a run without figures is no error."""

import json

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.compare import compare_runs, flat_settings, run_figures
from psmatch_core.workspace.run_folder import RunFolder


def made(root, name, epsilon=0.05, **figures):
    folder = RunFolder.create(root, Recipe().with_setting("matcher.epsilon", epsilon), name=name)
    if figures:
        (folder.path / "figures.json").write_text(json.dumps(figures))
    return folder


def test_only_settings_that_differ_are_told(tmp_path):
    found = compare_runs([made(tmp_path, "a", rank=0.2), made(tmp_path, "b", epsilon=0.2, rank=0.3, seconds=4)])
    assert found.names == ("a", "b")
    assert found.settings.loc["matcher.epsilon"].tolist() == [0.05, 0.2]
    assert list(found.settings.index) == ["matcher.epsilon"]
    assert found.figures.loc["rank of the true partner (0.5 chance)"].tolist() == [0.2, 0.3]
    assert np.isnan(found.figures.loc["time taken [s]", "a"])


def test_a_run_that_has_nothing_yet_has_no_figures(tmp_path):
    folder = made(tmp_path, "new")
    assert run_figures(folder) == {}
    found = compare_runs([folder, made(tmp_path, "new")])
    assert found.figures.empty
    assert found.settings.empty
    assert found.names == ("new", "new (2)")


def test_one_run_is_no_comparison(tmp_path):
    with pytest.raises(PsmatchError, match="One run cannot be compared"):
        compare_runs([made(tmp_path, "a")])


def test_settings_are_flat_by_their_dotted_names():
    assert flat_settings({"kind": "Recipe", "a": {"kind": "K", "b": 1}}) == {"a.kind": "K", "a.b": 1}
