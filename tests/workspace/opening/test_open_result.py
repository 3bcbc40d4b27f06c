"""A result of the command line becomes a run or a matching of a workspace, figure by figure, and its origin stays."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.cli.main import main
from psmatch_core.workspace import files, results
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.manifest import checked_file, damage_in, result_files_in, write_manifest
from psmatch_core.workspace.opening.named_data import ELSEWHERE, missing_data
from psmatch_core.workspace.opening.open_result import open_result, opened_origin
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.placed_jobs import delete_job, jobs_at, own_jobs, restore_job
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.worker import execute
from tests.workspace.test_new_folder import contents


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "workspace")


def zipped(folder: Path, place: Path) -> Path:
    return Path(shutil.make_archive(str(place / folder.name), "zip", folder.parent, folder.name))


def test_an_opened_run_has_the_figures_of_its_origin_number_by_number(two: Path, store: RunStore) -> None:
    before = contents(two)
    opened = open_result(store, two)
    origin = RunFolder(two)
    assert (opened.kind, opened.is_new, opened.folder.status().state) == (RunJob.kind, True, DONE)
    assert results.load_figures(opened.folder) == results.load_figures(origin)
    assert files.MONITOR_REPORT.read(opened.folder) == files.MONITOR_REPORT.read(origin)
    pd.testing.assert_frame_equal(files.LABELS.read(opened.folder), files.LABELS.read(origin))
    couplings = [results.load_matching(each, results.load_models(each)) for each in (opened.folder, origin)]
    assert (couplings[0].to_sparse() != couplings[1].to_sparse()).nnz == 0
    for path in result_files_in(two):
        if path.name != "recipe.json" or path.parent != two:
            assert (opened.folder.path / path.relative_to(two)).read_bytes() == path.read_bytes(), path
    assert contents(two) == before
    assert damage_in(opened.folder.path) is None
    assert checked_file(opened.folder.path, opened.folder.path / "recipe.json")


def test_an_opened_run_is_listed_renamed_deleted_restored_and_computed_on(two: Path, store: RunStore) -> None:
    folder = open_result(store, two).folder
    (entry,) = store.entries()
    assert (entry.id, entry.name, entry.state) == (folder.id, "my run", DONE)
    assert entry.facts.verdict
    origin = opened_origin(folder)
    assert origin is not None
    assert (origin.name, origin.made) == ("my run", RunFolder(two).created)
    store.rename(folder, "of the cluster")
    store.delete(folder)
    assert store.entries() == []
    store.restore(folder.id)
    assert [each.name for each in store.entries()] == ["of the cluster"]
    assert execute(MonitorJob.create(folder), cache=store.stages).state == DONE


def test_an_opened_matching_has_the_figures_and_files_of_its_origin(many: Path, store: RunStore) -> None:
    before = contents(many)
    opened = open_result(store, many)
    assert opened.kind == SeveralJob.kind
    (job,) = own_jobs(store, SeveralJob)
    assert job.name == "rna → adt → atac"
    assert job.is_done
    said = json.loads((many / "modalities.json").read_text("utf-8"))
    figures = files.SEVERAL_FIGURES.read(job.folder)
    assert figures is not None
    assert figures.notes == tuple(said["notes"])
    cycles = pd.read_csv(many / "cycle_consistency.csv")
    assert figures.cycle["agreement"] == pytest.approx(np.average(cycles["agreement"], weights=cycles["n_cells"]))
    assert contents(job.folder.exports) == before == contents(many)
    assert {name: Path(spec.path) for name, spec in job.specs.items()} == {
        name: many.parent / f"{name}.h5ad" for name in ("rna", "adt", "atac")
    }
    assert all(spec.sha256 for spec in job.specs.values())
    delete_job(store, job)
    assert jobs_at(SeveralJob, store.root / SeveralJob.place) == []
    assert restore_job(store, SeveralJob, job.id).is_done


def test_what_the_app_computes_from_the_same_files_is_what_was_opened(many: Path, store: RunStore) -> None:
    opened = SeveralJob(open_result(store, many).folder)
    again = SeveralJob.create(store.root, opened.folder.recipe, opened.specs, opened.preprocessing)
    assert execute(again).state == DONE
    assert repr(files.SEVERAL_FIGURES.read(again.folder)) == repr(files.SEVERAL_FIGURES.read(opened.folder))


@pytest.mark.parametrize("which", ["two", "many"])
def test_a_folder_its_zip_and_a_second_time_are_one_result(
    which: str, store: RunStore, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place: Path = request.getfixturevalue(which)
    archive = zipped(place, tmp_path)
    first = open_result(store, archive)
    assert first.folder.job["opened"]["name"] == place.name
    for again in (place, archive, first.folder.path):
        found = open_result(store, again)
        assert (found.folder.id, found.is_new) == (first.folder.id, False)
    elsewhere = open_result(RunStore(tmp_path / "other"), place)
    assert elsewhere.is_new
    assert not list(store.root.glob(".opening-*"))


def test_a_run_of_another_workspace_brings_the_jobs_inside_it(two: Path, store: RunStore, tmp_path: Path) -> None:
    other = RunStore(tmp_path / "other")
    run = open_result(other, two).folder
    assert execute(MonitorJob.create(run), cache=other.stages).state == DONE
    waiting = RunFolder.create(run.path / "left_out", run.recipe, kind="leave_out", name="A", leave_out={"label": "A"})
    opened = open_result(store, run.path)
    assert MonitorJob.of_run(opened.folder).is_done
    (left_out,) = opened.left_out
    assert waiting.id in left_out
    assert "not finished" in left_out
    assert files.MONITOR_REPORT.read(opened.folder) == files.MONITOR_REPORT.read(run)


def test_a_matching_of_another_workspace_is_opened_too(many: Path, store: RunStore, tmp_path: Path) -> None:
    other = open_result(RunStore(tmp_path / "other"), many).folder
    opened = open_result(store, zipped(other.path, tmp_path))
    assert opened.kind == SeveralJob.kind
    assert repr(files.SEVERAL_FIGURES.read(opened.folder)) == repr(files.SEVERAL_FIGURES.read(other))


def test_on_a_shared_server_a_result_names_only_files_that_may_be_read(
    two: Path, many: Path, tmp_path: Path, cells: Path
) -> None:
    """A visitor's zip could otherwise be a way to read any file of the server."""
    anna = PersonalStore(tmp_path / "lab", owner=hash_owner("anna"))
    ben = replace(anna, owner=hash_owner("ben"))
    allowed = str(cells / "adt.h5ad")
    run = open_result(anna, two, may_read=allowed.__eq__).folder
    source, target = run.recipe.source, run.recipe.target
    assert source is not None
    assert target is not None
    assert target.path == allowed
    assert Path(source.path) == run.path / ELSEWHERE / "rna.h5ad"
    assert missing_data(run.recipe) == ("rna.h5ad",)
    specs = SeveralJob(open_result(anna, many, may_read=lambda path: False).folder).specs
    assert all(Path(spec.path).parent.name == ELSEWHERE for spec in specs.values())
    assert [entry.id for entry in anna.entries()] == [run.id]
    assert ben.entries() == []
    assert ben.open(run.id).is_read_only
    assert open_result(ben, two).is_new  # what somebody else has opened is not said
    with pytest.raises(PsmatchError, match="belongs to somebody else"):
        ben.delete(ben.open(run.id))


@pytest.mark.parametrize("path", ["../../../secret.h5ad", "..", "C:\\cells\\rna.h5ad", "rna.h5ad", "/"])
def test_a_path_in_a_result_never_leads_anywhere_else(two: Path, store: RunStore, tmp_path: Path, path: str) -> None:
    folder = copied(two, tmp_path)
    recipe = json.loads((folder / "recipe.json").read_text("utf-8"))
    recipe["source"] |= {"path": path, "labels_path": path}
    rewrite(folder, "recipe.json", json.dumps(recipe).encode())
    opened = open_result(store, folder, may_read=lambda path: False).folder
    assert opened.recipe.source is not None
    for named in (opened.recipe.source.path, opened.recipe.source.labels_path):
        assert Path(named).parent == opened.path / ELSEWHERE
        assert not Path(named).exists()


def test_a_cluster_that_a_result_names_is_not_asked(two: Path, store: RunStore, tmp_path: Path) -> None:
    folder = copied(two, tmp_path)
    job = json.loads((folder / "job.json").read_text("utf-8"))
    (folder / "job.json").write_text(json.dumps({**job, "executor": "dask://evil:1", "owner": "somebody"}))
    assert {"executor", "owner"} & open_result(store, folder).folder.job.keys() == set()


def test_files_that_are_not_listed_stay_outside(two: Path, store: RunStore, tmp_path: Path) -> None:
    folder = copied(two, tmp_path)
    for name in ("report.html", "more.txt", "exports/.hidden"):
        (folder / name).write_text("<script>")
    opened = open_result(store, folder).folder
    assert not [name for name in contents(opened.path) if name.endswith((".html", "more.txt", ".hidden"))]


def copied(folder: Path, place: Path) -> Path:
    return Path(shutil.copytree(folder, place / "copy"))


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Change a listed file as somebody would who makes a folder of their own: the list is made to fit."""
    (folder / name).write_bytes(content)
    write_manifest(folder)


def test_the_command_line_adds_it_and_the_list_has_it(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PSMATCH_WORKSPACE", str(tmp_path / "app"))
    assert main(["runs", "--add", str(zipped(two, tmp_path)), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["is_new"]
    assert main(["runs", "--add", str(two)]) == 0
    assert f"has it already: run {said['id']} (my run)" in capsys.readouterr().out
    assert main(["runs", str(tmp_path / "app")]) == 0
    assert "my run" in capsys.readouterr().out
    assert main(["runs", "--add", str(tmp_path / "nothing")]) == 1


def test_nothing_of_the_checks_is_in_the_way_of_a_workspace_zip(two: Path, store: RunStore, tmp_path: Path) -> None:
    """What systems add to an archive is passed over; a folder around the run does no harm."""
    archive = tmp_path / "mac.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in contents(two):
            packed.write(two / name, f"downloads\\my run\\{name}")
        packed.writestr("__MACOSX/._x", b"")
        packed.writestr("downloads/.DS_Store", b"")
    assert open_result(store, archive).folder.job["name"] == "mac"
