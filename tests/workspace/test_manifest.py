"""The manifest: a file that is not as it was written is told by name, whatever happened to it."""

import hashlib
import json
import os
import random
import threading

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files, manifest
from psmatch_core.workspace.manifest import MANIFEST, NOT_LISTED, checked_file, damage_in, is_listed
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.worker import execute
from tests.workspace.test_files import INPUTS
from tests.workspace.test_worker import Errand

WRITTEN = {
    "notes.json": lambda folder: files.NOTES.write(folder, ("a note",)),
    "inputs.json": lambda folder: files.INPUTS.write(folder, INPUTS),
    "evaluation_labels.parquet": lambda folder: files.EVALUATION_LABELS.write(folder, pd.DataFrame({"label": ["A"]})),
    "predicted_target_to_source.npy": lambda folder: files.PREDICTED.write(
        folder, np.ones((30, 20)), which="target_to_source"
    ),
}
READ = {
    "notes.json": files.NOTES.read,
    "inputs.json": files.INPUTS.read,
    "evaluation_labels.parquet": files.EVALUATION_LABELS.read,
    "predicted_target_to_source.npy": lambda folder: files.PREDICTED.read(folder, which="target_to_source"),
}


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """The folder of a job that a worker has finished, with an export."""

    def asked(work):
        for write in WRITTEN.values():
            write(work.log.folder)
        (work.log.folder.exports).mkdir()
        (work.log.folder.exports / "pairs.csv").write_bytes(b"a,b")
        (work.log.folder.path / "report.html").write_bytes(b"")

    monkeypatch.setattr(Errand, "asked", staticmethod(asked))
    job = Errand(RunFolder.create_at(tmp_path / "errand", Recipe()))
    assert execute(job).state == DONE
    manifest._digest.cache_clear()  # what reads the files now is another process
    return job.folder


def test_every_file_of_a_finished_job_is_listed_with_its_length_and_hash(finished):
    listed = json.loads((finished.path / MANIFEST).read_text())["files"]
    there = {path.relative_to(finished.path).as_posix() for path in finished.path.rglob("*") if path.is_file()}
    assert listed.keys() == there - NOT_LISTED
    assert {"recipe.json", "events.jsonl", "exports/pairs.csv", *WRITTEN} <= listed.keys()
    for name, facts in listed.items():
        data = (finished.path / name).read_bytes()
        assert facts == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def grown(path):
    path.write_bytes(path.read_bytes() + b" ")


def one_bit(path):
    """As a bad disk does it: neither length nor time say so."""
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def zeros(path):
    path.write_bytes(bytes(path.stat().st_size))


def emptied(path):
    path.write_bytes(b"")


def removed(path):
    path.unlink()


def a_folder(path):
    path.unlink()
    path.mkdir()


def of_another_run(path):
    path.write_bytes(b"[]")


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    "harm", [cut, grown, one_bit, zeros, emptied, removed, a_folder, of_another_run], ids=lambda each: each.__name__
)
def test_a_harmed_file_is_told_by_name_and_the_others_open(finished, harm, name):
    harm(finished.path / name)
    with pytest.raises(PsmatchError, match=rf"{name} of this run is (missing|damaged)") as told:
        READ[name](finished)
    assert "Compute the run again" in told.value.hint
    for other, read in READ.items():
        assert other == name or read(finished) is not None
    if harm not in (one_bit, zeros):
        assert f"1 file of this run is missing or damaged: {name}." in damage_in(finished.path).problem


def test_a_harmed_export_is_not_handed_out(finished):
    path = finished.exports / "pairs.csv"
    assert checked_file(finished.path, path) == path
    one_bit(path)
    manifest._digest.cache_clear()
    with pytest.raises(PsmatchError, match=r"pairs.csv of this run is damaged: its content has changed"):
        checked_file(finished.path, path)
    with pytest.raises(PsmatchError, match="is missing"):
        checked_file(finished.path, finished.exports / "coupling.h5ad")


def test_a_file_is_read_once_for_its_check(finished, monkeypatch):
    hashed = []
    monkeypatch.setattr(hashlib, "file_digest", lambda stream, kind: hashed.append(stream.name) or hashlib.sha256())
    for _ in range(3):
        with pytest.raises(PsmatchError):
            files.NOTES.read(finished)
    assert hashed == [str(finished.path / "notes.json")]


def test_what_is_written_later_is_listed_anew(finished):
    files.NOTES.write(finished, ("another note",))
    files.SELECTIONS.write(finished, {})
    assert files.NOTES.read(finished) == ("another note",)
    assert is_listed(finished.path, finished.path / "selections.json")
    assert damage_in(finished.path) is None
    cut(finished.path / "selections.json")
    with pytest.raises(PsmatchError, match=r"selections\.json of this run is damaged"):
        files.SELECTIONS.read(finished)


def test_a_write_that_fails_leaves_the_earlier_file_listed(finished):
    with pytest.raises(TypeError):
        files.NOTES.write(finished, object())
    assert files.NOTES.read(finished) == ("a note",)
    assert is_listed(finished.path, finished.path / "notes.json")


def test_a_writer_that_is_killed_leaves_files_that_open(finished):
    """At any moment of a later write the file is listed as it is, or not listed."""
    path = finished.path / "notes.json"
    with manifest.listed_anew(finished.path, path):
        assert files.NOTES.load(path) == ("a note",)
        assert files.NOTES.read(finished) == ("a note",)
        path.write_text('["new"]')
        assert files.NOTES.read(finished) == ("new",)


def test_writers_at_the_same_time_lose_nothing(finished):
    def write(each, content):
        for _ in range(5):
            each.write(finished, content)

    writers = [(files.NOTES, ("b",)), (files.SELECTIONS, {}), (files.RUN_FIGURES, {"loss_source": 1.0})]
    threads = [threading.Thread(target=write, args=each) for each in writers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert all(is_listed(finished.path, each.path(finished)) for each, _ in writers)
    assert damage_in(finished.path) is None
    assert [each.read(finished) for each, _ in writers] == [content for _, content in writers]


def test_a_job_that_is_done_again_has_no_manifest_until_its_end(finished, monkeypatch):
    seen = []
    monkeypatch.setattr(Errand, "asked", staticmethod(lambda work: seen.append((finished.path / MANIFEST).exists())))
    execute(Errand(finished))
    assert seen == [False]
    assert (finished.path / MANIFEST).exists()


def test_runs_of_earlier_versions_open_unchecked(finished):
    (finished.path / MANIFEST).unlink()
    (finished.path / "notes.json").write_text('["changed"]')
    assert files.NOTES.read(finished) == ("changed",)
    assert damage_in(finished.path) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3}', b'{"files": {"notes.json": 3}}', b"\xff"])
def test_a_damaged_manifest_harms_no_file(finished, content):
    (finished.path / MANIFEST).write_bytes(content)
    assert files.NOTES.read(finished) == ("a note",)
    assert "manifest.json" in damage_in(finished.path).problem


def test_one_changed_character_of_a_manifest_is_told(finished):
    path, draw = finished.path / MANIFEST, random.Random(0)
    whole = path.read_bytes()
    for _ in range(50):
        data = bytearray(whole)
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        assert damage_in(finished.path) is not None, bytes(data)


def test_a_failed_job_has_no_manifest(tmp_path, monkeypatch):
    def asked(work):
        raise PsmatchError("No.", hint="Yes.")

    monkeypatch.setattr(Errand, "asked", staticmethod(asked))
    job = Errand(RunFolder.create_at(tmp_path / "errand", Recipe()))
    execute(job)
    assert not (job.folder.path / MANIFEST).exists()
