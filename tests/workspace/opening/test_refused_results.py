"""What is no result, or no whole one, is refused by name with what to do, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.manifest import MANIFEST, _digest_of_list, write_manifest
from psmatch_core.workspace.opening import unpacking
from psmatch_core.workspace.opening.found_result import holds_result
from psmatch_core.workspace.opening.open_result import open_result
from psmatch_core.workspace.opening.unpacking import unpack_result
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.workspace.test_new_folder import contents

Harm = Callable[[Path], None]


def refused(given: Path, place: Path) -> PsmatchError:
    """The error of opening; whoever opened it finds nothing in the workspace, and the origin as it was."""
    store = RunStore(place / "workspace")
    before = contents(given) if given.is_dir() else given.read_bytes() if given.exists() else None
    with pytest.raises(PsmatchError) as caught:
        open_result(store, given)
    assert caught.value.hint
    assert len(str(caught.value)) <= 400
    assert not [path for path in store.root.rglob("*") if path.is_file() and not path.name.startswith("runs.sqlite")]
    if given.is_dir():
        assert contents(given) == before
    return caught.value


def cut(name: str) -> Harm:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-3])


def flip(name: str) -> Harm:
    def harm(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return harm


def lose(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def said(name: str, **changed: object) -> Harm:
    """A small file that says something else."""

    def harm(folder: Path) -> None:
        content = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps({**content, **changed}))

    return harm


def without(name: str, *keys: str) -> Harm:
    def harm(folder: Path) -> None:
        content = json.loads((folder / name).read_text("utf-8"))
        (folder / name).write_text(json.dumps({key: value for key, value in content.items() if key not in keys}))

    return harm


def linked(name: str) -> Harm:
    """The same content by a link."""

    def harm(folder: Path) -> None:
        kept = folder.parent / "kept"
        shutil.move(folder / name, kept)
        (folder / name).symlink_to(kept)

    return harm


def listed(name: str, content: bytes) -> Harm:
    """Another content that the list agrees with."""

    def harm(folder: Path) -> None:
        (folder / name).write_bytes(content)
        write_manifest(folder)

    return harm


def outside(folder: Path) -> None:
    """A list that names a file outside the folder."""
    (folder.parent / "secret.txt").write_text("secret")
    manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    manifest["files"]["../secret.txt"] = {"bytes": 6, "sha256": "0"}
    manifest["sha256"] = _digest_of_list(manifest["files"])
    (folder / MANIFEST).write_text(json.dumps(manifest))


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


def npy_that_declares(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": True, "shape": shape})
    return stream.getvalue() + bytes(400)


OF_A_RUN = {
    "a cut file": (cut("coupling.npz"), "PM-R12", "coupling.npz is not as it was written"),
    "a changed byte": (flip("exports/pairs.csv"), "PM-R12", "exports/pairs.csv is not as it was written"),
    "a lost file": (lose("source_propensity.npz"), "PM-R11", "source_propensity.npz is missing"),
    "no manifest": (lose(MANIFEST), "PM-R13", "has no manifest.json"),
    "a torn manifest": (flip(MANIFEST), "PM-R12", "manifest.json"),
    "a later manifest": (said(MANIFEST, version=2), "PM-R13", "is of version 2"),
    "no job.json": (lose("job.json"), "PM-R11", "it lacks job.json"),
    "a torn job.json": (cut("job.json"), "PM-R12", "job.json cannot be read"),
    "no recipe": (lose("recipe.json"), "PM-R11", "it lacks recipe.json"),
    "a run that works": (said("status.json", state="running"), "PM-R11", "is not finished: running"),
    "a failed run": (said("status.json", state="failed", problem="No room."), "PM-R11", "failed (No room)"),
    "a state of later": (said("status.json", state="paused"), "PM-R12", "status.json cannot be read"),
    "a job of a run": (said("job.json", kind="leave_out"), "PM-R10", "belongs to a run"),
    "a kind of later": (said("job.json", kind="orbit"), "PM-R10", "belongs to a run"),
    "a link": (linked("target.npz"), "PM-R14", "target.npz is a link"),
    "a linked state": (linked("status.json"), "PM-R14", "status.json is a link"),
    "a list that leads out": (outside, "PM-R14", "which is not in the folder"),
    "python objects": (
        listed("labels.npz", npz(a=np.array([{}], dtype=object))), "PM-R14", "holds Python objects",
    ),
    "a pickle for an array": (listed("map_pca.npz", b"\x80\x04N."), "PM-R12", "is no array file"),
    "an array of a terabyte": (
        listed("measured_source.npy", npy_that_declares((2**38, 1))), "PM-R12", "another size than it holds",
    ),
    "no table": (listed("labels.parquet", b"PAR1"), "PM-R12", "labels.parquet is no table"),
    "a coupling of later": (listed("coupling.npz", npz(a=np.zeros(2))), "PM-R13", "cannot read it"),
    "settings of later": (
        listed("recipe.json", b'{"kind": "Recipe", "matcher": {"kind": "OrbitMatcher"}}'), "PM-R13", "cannot read it",
    ),
    "settings of nobody": (listed("recipe.json", b'{"kind": "Recipe", "matcher": 3}'), "PM-R13", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_A_RUN)
def test_a_run_that_is_not_whole_is_refused_by_the_name_of_what_is_wrong(two: Path, tmp_path: Path, case: str) -> None:
    harm, code, words = OF_A_RUN[case]
    folder = Path(shutil.copytree(two, tmp_path / "made" / "run"))
    harm(folder)
    error = refused(folder, tmp_path)
    assert words in error.problem
    assert error.code == code


OF_MANY = {
    "of an earlier version": (without("modalities.json", "figures", "written"), "PM-R13", "lacks figures, written"),
    "a changed table": (flip("labels.csv"), "PM-R12", "labels.csv is not as it was written"),
    "a lost coupling": (lose("coupling_rna_adt.h5ad"), "PM-R11", "coupling_rna_adt.h5ad is missing"),
    "no modalities.json": (lose("modalities.json"), "PM-R11", "it lacks modalities.json"),
    "a torn one": (cut("modalities.json"), "PM-R12", "modalities.json cannot be read"),
    "figures of later": (said("modalities.json", figures={"orbits": 3}), "PM-R13", "of another version"),
    "a list that leads out": (
        said("modalities.json", written={"../secret": {"bytes": 1, "sha256": ""}}), "PM-R12", "not in its folder",
    ),
    "files of nobody": (said("modalities.json", files=[1, 2, 3]), "PM-R12", "cannot be read"),
    "names that lead out": (said("modalities.json", files={"../a": {}, "b": {}, "c": {}}), "PM-R1", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", OF_MANY)
def test_a_result_of_three_that_is_not_whole_is_refused(many: Path, tmp_path: Path, case: str) -> None:
    harm, code, words = OF_MANY[case]
    folder = Path(shutil.copytree(many, tmp_path / "made" / "views"))
    harm(folder)
    error = refused(folder, tmp_path)
    assert words in error.problem
    assert error.code.startswith(code)


def test_what_is_no_result_is_named(two: Path, many: Path, cells: Path, tmp_path: Path) -> None:
    assert "holds no result of psmatch" in refused(cells, tmp_path).problem
    assert "exports of a run, and not the run itself" in refused(two / "exports", tmp_path).problem
    assert "There is no folder or zip nowhere" in refused(tmp_path / "nowhere", tmp_path).problem
    both = tmp_path / "both"
    shutil.copytree(two, both / "one")
    shutil.copytree(many, both / "other")
    assert refused(both, tmp_path).problem == "both holds 2 results: one, other."
    (tmp_path / "rna.zip").write_bytes((cells / "rna.h5ad").read_bytes())
    assert "is no zip archive that can be read" in refused(tmp_path / "rna.zip", tmp_path).problem


def test_a_run_that_was_only_begun_is_refused(tmp_path: Path) -> None:
    folder = RunFolder.create_at(tmp_path / "begun", Recipe())
    assert "is not finished: queued" in refused(folder.path, tmp_path).problem


def test_results_are_told_from_data(two: Path, many: Path, cells: Path, tmp_path: Path) -> None:
    """``psmatch app PLACE`` opens a result as a result, and a folder or a zip of data as data."""
    for place in (two, many):
        assert holds_result(place)
        assert holds_result(Path(shutil.make_archive(str(tmp_path / place.name), "zip", place)))
    assert not holds_result(cells)
    assert not holds_result(cells / "rna.h5ad")
    assert not holds_result(Path(shutil.make_archive(str(tmp_path / "cells"), "zip", cells)))


def entry(name: str, *, mode: int = 0, flag: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    made.flag_bits = flag
    return made


HARMFUL = {
    "a way up": ([entry("../evil.json")], "would be written outside"),
    "a way up in the middle": ([entry("run/../../evil.json")], "would be written outside"),
    "a way up by backslashes": ([entry("run\\..\\..\\evil.json")], "would be written outside"),
    "an absolute path": ([entry("/etc/evil.json")], "would be written outside"),
    "a drive": ([entry("C:/evil.json")], "would be written outside"),
    "a line break": ([entry("run/evil\n.json")], "would be written outside"),
    "a link": ([entry("run/recipe.json", mode=stat.S_IFLNK | 0o777)], "is a link"),
    "a pipe": ([entry("run/recipe.json", mode=stat.S_IFIFO | 0o666)], "is no file"),
    "the same twice": ([entry("run/a.json"), entry("run/A.json")], "is in it twice"),
}


@pytest.mark.parametrize("case", HARMFUL)
def test_an_archive_writes_nothing_outside_its_folder(tmp_path: Path, case: str) -> None:
    entries, words = HARMFUL[case]
    archive = tmp_path / "evil.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for each in entries:
            packed.writestr(each, b"{}")
    error = refused(archive, tmp_path)
    assert words in error.problem
    assert error.code == "PM-R14"
    assert sorted(os.listdir(tmp_path)) == ["evil.zip", "workspace"]


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "locked.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("run/recipe.json", b"{}")
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    assert "is encrypted" in refused(archive, tmp_path).problem


def test_no_size_in_an_archive_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive of 100 kB that unpacks to 100 MB, with its true size and with one that it makes up."""
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("run/recipe.json", bytes(10**8))
    with pytest.raises(PsmatchError, match="holds more than"):
        unpack_result(archive, tmp_path / "out", most=10**7)
    content = archive.read_bytes()
    lying = content.replace(struct.pack("<L", 10**8), struct.pack("<L", 1000))
    assert lying != content
    archive.write_bytes(lying)
    with pytest.raises(PsmatchError, match="zip archive that can be read"):
        unpack_result(archive, tmp_path / "out", most=10**7)
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 10**6
    monkeypatch.setattr(unpacking, "MOST_ENTRIES", 2)
    with zipfile.ZipFile(archive, "w") as packed:
        for at in range(3):
            packed.writestr(f"run/{at}", b"")
    assert refused(archive, tmp_path).code == "PM-R15"


def test_a_full_disk_is_said_before_it_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "run.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("run/recipe.json", bytes(1000))
    monkeypatch.setattr(unpacking, "SPARE", shutil.disk_usage(tmp_path).total)
    assert refused(archive, tmp_path).code == "PM-S05"
