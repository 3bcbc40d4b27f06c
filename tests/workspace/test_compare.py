"""Runs compared: only settings that differ are shown, and a run without figures is no error."""

import json

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import ExactMatcher, SinkhornMatcher
from psmatch_core.monitor.run_figures import FIGURES, RunFigures
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.compare import compare_runs, differing_settings, known_figures
from psmatch_core.workspace.files import Inputs, InputSummary
from psmatch_core.workspace.results import add_figures, load_figures
from psmatch_core.workspace.run_folder import RunFolder


def made(root, name, epsilon=0.05, **figures):
    folder = RunFolder.create(root, Recipe().with_setting("matcher.epsilon", epsilon), name=name)
    if figures:
        add_figures(folder, **figures)
    return folder


def test_only_settings_that_differ_are_shown(tmp_path):
    found = compare_runs([made(tmp_path, "a", rank=0.2), made(tmp_path, "b", epsilon=0.2, rank=0.3, seconds=4)])
    assert found.names == ("a", "b")
    assert found.settings.loc["Method: epsilon"].tolist() == ["0.05", "0.2"]
    assert list(found.settings.index) == ["Method: epsilon"]
    assert found.figures.loc[FIGURES["rank"].axis()].tolist() == [0.2, 0.3]
    assert np.isnan(found.figures.loc["Time taken (s)", "a"])


def test_a_run_that_has_nothing_yet_has_no_figures(tmp_path):
    folder = made(tmp_path, "new")
    assert known_figures(folder) == RunFigures()
    found = compare_runs([folder, made(tmp_path, "new")])
    assert found.figures.empty
    assert found.settings.empty
    assert found.names == ("new", "new (2)")


@pytest.mark.parametrize("names", [("a (2)", "a", "a"), ("a", "a", "a (2)"), ("a", "a (2)", "a"), ("a (b)", "a", "c")])
def test_each_run_has_a_column_of_its_own_however_runs_are_called(tmp_path, names):
    found = compare_runs([made(tmp_path, name, epsilon=0.1 * (at + 1), rank=at) for at, name in enumerate(names)])
    assert len(set(found.names)) == 3
    assert all(shown.startswith(name) for shown, name in zip(found.names, names, strict=True))
    assert found.figures.loc[FIGURES["rank"].axis()].tolist() == [0, 1, 2]
    for at, name in enumerate(found.names):
        assert found.figures[name].tolist() == [at]
        if names.count(names[at]) == 1 and names[at] not in found.names[:at]:
            assert name == names[at]  # no number where none is needed


def test_figures_of_an_earlier_version_are_read_from_both_its_files(tmp_path):
    """They held two medians under one name: that over cells is the figure, that over labels is another."""
    folder = made(tmp_path, "old")
    assert load_figures(folder) is None
    (folder.path / "figures.json").write_text(json.dumps({"n_effective": 3.0, "labels_matched": 4, "rank": 0.1}))
    assert load_figures(folder) == RunFigures(labels_matched=4, rank=0.1)
    (folder.path / "observables.json").write_text(json.dumps({"n_effective": 5.0, "rank": 0.2, "cost": float("nan")}))
    found = load_figures(folder)
    assert (found.n_effective, found.rank, found.labels_matched) == (5, 0.2, 4)
    add_figures(folder, stability=0.5)
    assert load_figures(folder).stability == 0.5
    assert load_figures(folder).n_effective == 5


def test_modalities_are_named_where_all_runs_agree(tmp_path):
    folders = [made(tmp_path, name, loss_source=1.0, loss_target=1.0) for name in "ab"]
    unnamed = ["Loss of the source (nats per cell)", "Loss of the target (nats per cell)"]
    assert compare_runs(folders).figures.index.tolist() == unnamed
    for folder, target in zip(folders, ("ADT", "Image"), strict=True):
        sides = (InputSummary(name, 3, 2, 1, 0, "") for name in ("RNA", target))
        files.INPUTS.write(folder, Inputs(*sides))
    assert compare_runs(folders).figures.index.tolist() == ["Loss of RNA (nats per cell)", unnamed[1]]


def test_one_run_is_no_comparison(tmp_path):
    with pytest.raises(PsmatchError, match="A comparison needs at least two runs"):
        compare_runs([made(tmp_path, "a")])


def test_of_two_methods_only_the_method_differs():
    """Options of one method mean nothing to another: no row says "align = on" against nothing."""
    recipes = [Recipe(), Recipe(matcher=ExactMatcher()), Recipe().with_setting("matcher.epsilon", 0.2)]
    assert differing_settings(recipes[:2]) == {
        "Method": [kind_title(SinkhornMatcher), kind_title(ExactMatcher)],
    }
    assert differing_settings(recipes) == {
        "Method": [kind_title(SinkhornMatcher), kind_title(ExactMatcher), kind_title(SinkhornMatcher)],
        "Method: epsilon": ["0.05", None, "0.2"],
    }


def test_the_fingerprint_of_a_file_is_no_setting():
    specs = [DataSpec(path=f"/data/{name}.h5ad", label_key="label", sha256=name) for name in "ab"]
    recipes = [Recipe().with_data(spec, specs[0]) for spec in specs]
    assert differing_settings(recipes) == {"Source: file": ["a.h5ad", "b.h5ad"]}
