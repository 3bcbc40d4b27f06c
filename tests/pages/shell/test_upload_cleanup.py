"""Uploads that nobody uses go away; those that a run was made of never do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pages.shell import upload_cleanup

DAY = 86_400
NOW = 2_000_000_000.0


def upload(root: Path, digest: str, *, age: float, visitor: str = "a" * 32) -> Path:
    place = root / "uploads" / visitor / digest
    place.mkdir(parents=True)
    (place / "rna.csv").write_text("cell,label")
    for each in (place / "rna.csv", place, place.parent):
        os.utime(each, (NOW - age * DAY, NOW - age * DAY))
    return place


@pytest.mark.parametrize("kind", ["runs", "deleted"])
def test_old_uploads_go_and_those_of_runs_stay(tmp_path: Path, kind: str) -> None:
    old, young = upload(tmp_path, "0" * 16, age=40), upload(tmp_path, "1" * 16, age=2)
    used = upload(tmp_path, "2" * 16, age=400)
    run = tmp_path / kind / "20200101-000000-0123456789ab"
    run.mkdir(parents=True)
    (run / "recipe.json").write_text(f'{{"source": {{"path": "{(used / "rna.csv").as_posix()}"}}}}')
    assert upload_cleanup.clean_uploads(tmp_path, days=30, now=NOW) == [old]
    assert not old.exists()
    assert young.exists()
    assert used.exists()


@pytest.mark.parametrize("kind", ["several", "several/deleted"])
def test_the_third_file_of_a_matching_stays_too(tmp_path: Path, kind: str) -> None:
    old, used = (upload(tmp_path, digit * 16, age=400) for digit in "02")
    job = tmp_path / kind / "20200101-000000-0123456789ab"
    job.mkdir(parents=True)
    (job / "recipe.json").write_text("{}")
    (job / "several.json").write_text(f'{{"files": {{"third": {{"path": "{(used / "rna.csv").as_posix()}"}}}}}}')
    assert upload_cleanup.clean_uploads(tmp_path, days=30, now=NOW) == [old]
    assert used.exists()
    again = upload(tmp_path, "0" * 16, age=400)
    (job / "several.json").write_text("torn")
    assert upload_cleanup.clean_uploads(tmp_path, days=30, now=NOW) == []  # nobody knows which it used
    assert again.exists()


def test_old_samples_of_cells_go_too(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    (tmp_path / "summaries").mkdir()
    for name, age in (("old.npz", 40), ("young.npz", 2), ("old.json", 40)):
        (tmp_path / "summaries" / name).write_bytes(b"x")
        os.utime(tmp_path / "summaries" / name, (NOW - age * DAY, NOW - age * DAY))
    upload_cleanup.clean_uploads(tmp_path, days=30, now=NOW)
    assert {each.name for each in (tmp_path / "summaries").iterdir()} == {"young.npz", "old.json"}


def test_an_empty_visitors_folder_goes_too(tmp_path: Path) -> None:
    place = upload(tmp_path, "0" * 16, age=40)
    upload_cleanup.clean_uploads(tmp_path, days=30, now=NOW)
    assert not place.parent.exists()


def test_the_rule_is_shown_and_can_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "after 30 days" in upload_cleanup.rule()
    monkeypatch.setenv(upload_cleanup.DAYS_VARIABLE, "-1")
    assert "until its administrator removes them" in upload_cleanup.rule()
    upload(tmp_path, "0" * 16, age=4000)
    assert upload_cleanup.clean_uploads(tmp_path, now=NOW) == []
    monkeypatch.setenv(upload_cleanup.DAYS_VARIABLE, "soon")
    assert upload_cleanup.days_kept() == 30
