"""Projects: every run in exactly one, the latest first, with names that differ and the settings that distinguish."""

from __future__ import annotations

from pathlib import Path

from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.projects import NO_DATA, distinguishing_settings, group_by_data
from psmatch_core.workspace.run_facts import RunFacts
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.run_index import RunEntry
from tests.workspace.test_run_facts import recipe


def entry(run_id: str, data: str, name: str = "RNA → ADT", files: str = "rna.csv, adt.csv") -> RunEntry:
    return RunEntry(run_id, "", 0.0, DONE, facts=RunFacts(data=data, data_name=name if data else "", data_files=files))


def test_runs_are_grouped_by_their_data_in_the_order_of_the_list() -> None:
    runs = [entry("5", "b", "A → B"), entry("4", "a"), entry("3", ""), entry("2", "b", "A → B"), entry("1", "a")]
    found = group_by_data(runs)
    assert [each.name for each in found] == ["A → B", "RNA → ADT", NO_DATA]
    assert [[run.id for run in each.runs] for each in found] == [["5", "2"], ["4", "1"], ["3"]]
    assert group_by_data([]) == []


def test_projects_of_one_name_are_told_apart_by_their_files() -> None:
    found = group_by_data([entry("2", "a"), entry("1", "b", files="other.csv, adt.csv")])
    assert [each.name for each in found] == ["RNA → ADT (rna.csv, adt.csv)", "RNA → ADT (other.csv, adt.csv)"]
    found = group_by_data([entry("3", "b"), entry("2", "c", "A → B"), entry("1", "a")])
    same = "RNA → ADT (rna.csv, adt.csv)"
    assert [each.name for each in found] == [f"{same}, data set 2", "A → B", same]


def test_what_distinguishes_a_run_is_said_and_where_a_file_lies_is_not(tmp_path: Path) -> None:
    made = [recipe("/a/rna.csv", "/a/adt.csv"), recipe("/b/rna.csv", "/b/adt.csv").with_setting("matcher.epsilon", 0.2)]
    folders = [RunFolder.create(tmp_path, each) for each in made]
    assert distinguishing_settings(folders) == [{"Method: epsilon": "0.05"}, {"Method: epsilon": "0.2"}]
    (folders[0].path / "recipe.json").write_text("{")
    assert distinguishing_settings(folders) == [{}, {}]
    assert distinguishing_settings(folders[1:]) == [{}]
    assert distinguishing_settings([folders[1], folders[1]]) == [{}, {}]


def test_a_run_without_settings_leaves_the_others_in_their_places(tmp_path: Path) -> None:
    made = [Recipe(), Recipe(), Recipe(seed=7)]
    folders = [RunFolder.create(tmp_path, each) for each in made]
    (folders[0].path / "recipe.json").write_text("{")
    first, second, third = distinguishing_settings(folders)
    assert (first, list(second.values()), list(third.values())) == ({}, ["0"], ["7"])
