"""What lists say of a run: its data by content or path, its verdict by label, and the note of its user."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_facts import LONGEST_NOTE, NOTE_FILE, RunFacts, read_facts, read_note, write_note
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore


def recipe(source: str, target: str, *, hashes: tuple[str, str] = ("", ""), part: str = "") -> Recipe:
    sides = [
        DataSpec(path=path, label_key="ko", name=name, sha256=each, part=part)
        for path, name, each in zip((source, target), ("RNA", "ADT"), hashes, strict=True)
    ]
    return Recipe(source=sides[0], target=sides[1])


def facts(root: Path, made: Recipe) -> RunFacts:
    return read_facts(RunFolder.create(root, made).path)


def test_the_same_files_are_the_same_data_wherever_they_lie_and_whichever_comes_first(tmp_path: Path) -> None:
    first = facts(tmp_path, recipe("/a/rna.csv", "/a/adt.csv", hashes=("1" * 64, "2" * 64)))
    copied = facts(tmp_path, recipe("/b/copy.csv", "/b/adt.csv", hashes=("1" * 64, "2" * 64)))
    swapped = facts(tmp_path, recipe("/a/adt.csv", "/a/rna.csv", hashes=("2" * 64, "1" * 64)))
    assert first.data == copied.data == swapped.data != ""
    assert (first.data_name, first.data_files) == ("RNA → ADT", "rna.csv, adt.csv")
    others = [
        facts(tmp_path, recipe("/a/rna.csv", "/a/adt.csv", hashes=("1" * 64, "3" * 64))),
        facts(tmp_path, recipe("/a/rna.csv", "/a/adt.csv")),  # the content is not known
        facts(tmp_path, recipe("/a/rna.csv", "/a/adt.csv", part="Antibody Capture")),
        facts(tmp_path, Recipe()),
    ]
    assert len({first.data, *(each.data for each in others)}) == 5
    assert others[-1].data == others[-1].data_name == ""


def test_the_verdict_counts_its_labels_and_damage_is_no_verdict(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, Recipe())
    rows = [{"verdict": name} for name in ("USE", "LABEL_ONLY", "USE")]
    (folder.path / "monitor.json").write_text(json.dumps({"verdict": "CAUTION", "labels": rows}))
    assert read_facts(folder.path).verdict == "Use the matches with caution: 2 use, 1 matched by label only"
    for broken in ('{"verdict": "NO", "labels": []}', '{"verdict": "USE", "labels": [3]}', "[", '{"labels": null}'):
        (folder.path / "monitor.json").write_text(broken)
        assert read_facts(folder.path).verdict == ""


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=LONGEST_NOTE))
def test_a_note_comes_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), Recipe())
    write_note(folder, text)
    assert read_note(folder.path) == text.strip()


def test_a_note_is_replaced_and_removed_and_one_that_is_too_long_changes_nothing(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, Recipe())
    assert read_note(folder.path) == ""
    write_note(folder, "  first try,\nno PCA ")
    with pytest.raises(PsmatchError, match=r"2,000 characters; this one has 2,001"):
        write_note(folder, "x" * (LONGEST_NOTE + 1))
    assert read_note(folder.path) == "first try,\nno PCA"
    write_note(folder, "from a terminal \udcff")  # bytes that are no text
    assert read_note(folder.path) == "from a terminal ?"
    write_note(folder, "")
    assert read_note(folder.path) == ""
    for broken in ('{"text": 3}', "{", "[]"):
        (folder.path / NOTE_FILE).write_text(broken)
        assert read_note(folder.path) == ""


def test_the_list_of_runs_shows_a_note_as_soon_as_it_is_written(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    folder = RunFolder.create(store.runs, Recipe(), name="mine")
    store.annotate(folder, "the one of the talk")
    assert [entry.facts.note for entry in store.entries()] == ["the one of the talk"]
    write_note(folder, "by another process")
    assert [entry.to_dict()["note"] for entry in RunStore(tmp_path).entries()] == ["by another process"]
