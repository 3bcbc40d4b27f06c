"""An upload is complete on disk under its content's hash, or not there at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pages.shell import uploads
from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError


def test_an_upload_lies_under_its_content_and_keeps_its_name(tmp_path: Path) -> None:
    kept = uploads.save_upload(io.BytesIO(b"abc"), "../../my data.csv", tmp_path)
    again = uploads.save_upload(io.BytesIO(b"abc"), "../../my data.csv", tmp_path)
    other = uploads.save_upload(io.BytesIO(b"abd"), "my data.csv", tmp_path)
    assert kept == again
    assert kept.name == other.name == "my data.csv"
    assert kept.parent.parent == tmp_path
    assert kept != other
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(disk.os, "fsync", full)
    with pytest.raises(PsmatchError, match=r"The disk is full: a\.csv could not be written"):
        uploads.save_upload(io.BytesIO(b"abc"), "a.csv", tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_on_a_shared_server_no_folder_is_open_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(uploads.ROOTS_VARIABLE, raising=False)
    monkeypatch.setattr(uploads, "is_shared", lambda: True)
    assert uploads.data_roots() == []
    with pytest.raises(PsmatchError, match="There is no file"):
        uploads.server_file(str(Path(__file__)), closed=tmp_path)
    monkeypatch.setenv(uploads.ROOTS_VARIABLE, str(tmp_path))
    assert uploads.data_roots() == [tmp_path.resolve()]


def test_a_folder_of_data_is_opened_as_one_file_but_never_one_that_holds_the_workspace(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(uploads.ROOTS_VARIABLE, str(tmp_path))
    matrix, other = tmp_path / "filtered", tmp_path / "other"
    for folder in (matrix, other, tmp_path / "with" / "workspace"):
        folder.mkdir(parents=True)
    (matrix / "matrix.mtx.gz").write_bytes(b"x")
    (tmp_path / "with" / "matrix.mtx").write_bytes(b"x")
    workspace = tmp_path / "with" / "workspace"
    assert uploads.server_file("filtered", closed=workspace) == matrix
    for refused in ("other", "with", "with/workspace"):
        with pytest.raises(PsmatchError, match="There is no file"):
            uploads.server_file(refused, closed=workspace)
