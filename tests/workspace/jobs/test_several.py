"""Matching several modalities as a job: what the core function gives, from the files, with the manners of a job."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import mudata
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.readers import DataSpec
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.pipeline import judge_pairs
from psmatch_core.pipeline.demo_data import VIEWS, demo_specs
from psmatch_core.pipeline.match_modalities import match_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.several_figures import several_figures
from psmatch_core.pipeline.several_inputs import read_files
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.manifest import checked_file, result_files_in
from psmatch_core.workspace.placed_jobs import delete_job, deleted_jobs, jobs_at, own_jobs, rename_job, restore_job
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, QUEUED, RunFolder
from psmatch_core.workspace.store import RunStore
from psmatch_core.workspace.worker import execute
from tests.conftest import make_adata
from tests.waiting import ended, until

pytestmark = pytest.mark.filterwarnings("ignore:From 0.4 .update:FutureWarning", "ignore:Cannot join columns")
QUICK = Recipe(classifier=LinearClassifier(strength=0.05)).with_setting("monitoring.stability", False)
VIEWS_SPECS = {spec.name: spec for spec in demo_specs(VIEWS)}


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "workspace")


def written(place, **labels):
    """Files with these labels, by name of the modality."""
    found = {}
    for seed, (name, each) in enumerate(labels.items()):
        path = place / f"{name}.h5ad"
        make_adata(n=len(each) * 10, n_features=5 + seed, labels=tuple(each), seed=seed).write_h5ad(path)
        found[name] = DataSpec(path=str(path), label_key="label", name=name)
    return found


@pytest.fixture
def specs(tmp_path):
    return written(tmp_path, rna="ABCDE", adt="ABCD", atac="ABCD")


def test_a_job_gives_what_the_function_gives_and_its_files(store):
    job = SeveralJob.create(store.root, QUICK, VIEWS_SPECS)
    assert execute(job, cache=store.stages).state == DONE
    expected = several_figures(match_modalities(read_files(VIEWS_SPECS), job.folder.recipe))
    assert repr(files.SEVERAL_FIGURES.read(job.folder)) == repr(expected)
    held = mudata.read_h5mu(checked_file(job.folder.path, job.folder.exports / "matched.h5mu"))
    assert list(held.mod) == ["RNA", "Protein", "Image"]
    assert held.n_obs == 600


def test_files_are_read_with_their_own_settings_and_labels_of_one_are_left_out(store, specs):
    job = SeveralJob.create(store.root, QUICK, specs, {"atac": Preprocessing(n_top_genes=3)})
    assert job.folder.recipe.labels.unshared == "leave out"
    assert execute(job, cache=store.stages).state == DONE
    figures = files.SEVERAL_FIGURES.read(job.folder)
    left_out = {row.label: row.reason for row in figures.labels if not row.matched}
    assert left_out == {"E": "its label is not in adt, atac"}
    about = json.loads((job.folder.exports / "modalities.json").read_text("utf-8"))
    assert [each["n_top_genes"] for each in about["preprocessing"].values()][-1] == 3
    assert about["files"]["adt"]["path"] == "adt.h5ad"  # no path of the machine leaves it


def test_the_trainings_of_an_earlier_matching_are_used_again_and_no_modality_takes_that_of_another(store, specs):
    """Three modalities of equal shape: if one were kept in the place of another, its scores would be another's."""
    again = {"one": specs["rna"], "two": specs["adt"], "three": specs["atac"]}
    first, second = (SeveralJob.create(store.root, QUICK, again) for _ in range(2))
    assert execute(first, cache=store.stages).state == DONE
    before = {path.name: path.stat().st_mtime_ns for path in store.stages.glob("*.npz")}
    assert len([name for name in before if name.startswith("propensity-")]) == 3
    own = sorted(path.name for path in first.folder.path.glob("*_propensity.npz"))
    assert own == ["source_propensity.npz", "target2_propensity.npz", "target_propensity.npz"]
    assert execute(second, cache=store.stages).state == DONE
    assert {path.name: path.stat().st_mtime_ns for path in store.stages.glob("*.npz")} == before
    shown = [repr(files.SEVERAL_FIGURES.read(job.folder)) for job in (first, second)]
    assert shown[0] == shown[1]


def test_held_out_scores_are_kept_and_serve_another_method(store, monkeypatch):
    """As for two modalities: they depend on the classifier and the groups, and not on how scores are matched."""
    job = SeveralJob.create(store.root, QUICK, VIEWS_SPECS)
    assert execute(job, cache=store.stages).state == DONE
    kept = {path.name: path.stat().st_mtime_ns for path in store.stages.glob("held_out_scores-*.npz")}
    assert len(kept) == 3
    own = sorted(path.name for path in job.folder.path.glob("*_held_out_scores.npz"))
    assert own == [f"{side}_held_out_scores.npz" for side in ("source", "target2", "target")]
    monkeypatch.setattr(judge_pairs, "group_scores", lambda *_, **__: pytest.fail("trained again"))
    other = SeveralJob.create(store.root, replace(QUICK, matcher=UniformMatcher()), VIEWS_SPECS)
    assert execute(other, cache=store.stages).state == DONE
    assert {path.name: path.stat().st_mtime_ns for path in store.stages.glob("held_out_scores-*.npz")} == kept
    for pair in files.SEVERAL_FIGURES.read(other.folder).pairs:
        assert pair.held_out["rank"] == pytest.approx(0.5)
    again = SeveralJob.create(store.root, QUICK, VIEWS_SPECS)
    assert execute(again, cache=store.stages).state == DONE
    assert repr(files.SEVERAL_FIGURES.read(again.folder)) == repr(files.SEVERAL_FIGURES.read(job.folder))


def test_a_file_that_is_gone_is_named_and_the_job_can_be_started_again(store, specs):
    job = SeveralJob.create(store.root, QUICK, specs)
    aside = os.path.join(os.path.dirname(specs["atac"].path), "aside")
    os.rename(specs["atac"].path, aside)
    status = execute(job, cache=store.stages)
    assert status.state == FAILED
    assert "atac.h5ad" in status.problem
    assert not files.SEVERAL_FIGURES.is_in(job.folder)
    os.rename(aside, specs["atac"].path)
    assert execute(SeveralJob(job.folder), cache=store.stages).state == DONE


@pytest.mark.parametrize(
    ("third", "said"), [("XYZ", "No label is shared"), ("A", "only one label, A"), ("AX", "share only one label: A")]
)
def test_a_third_without_shared_labels_is_refused_before_anything_is_trained(store, tmp_path, third, said):
    specs = written(tmp_path, rna="ABCD", adt="ABCD", atac=third)
    stages = []
    job = SeveralJob.create(store.root, QUICK, specs)
    status = execute(job, cache=store.stages, also=lambda event: stages.append(event.stage))
    assert status.state == FAILED
    assert said in status.problem
    assert not any(stage.startswith("propensity") for stage in stages)


def test_the_same_file_twice_is_matched_and_said(store, specs):
    same = {**specs, "again": specs["rna"]}
    job = SeveralJob.create(store.root, QUICK, same)
    assert execute(job, cache=store.stages).state == DONE
    assert any("the same file was loaded twice" in note for note in files.SEVERAL_FIGURES.read(job.folder).notes)


def test_names_that_cannot_be_files_are_refused_before_anything_is_written(store, specs):
    with pytest.raises(PsmatchError, match="cannot be the name of a modality"):
        SeveralJob.create(store.root, QUICK, {"a/b": specs["rna"], "adt": specs["adt"], "x": specs["atac"]})
    assert not store.root.exists()


def test_it_waits_in_the_queue_is_cancelled_and_continues_in_a_worker(store, specs, monkeypatch):
    monkeypatch.setenv("PSMATCH_RUNS_AT_ONCE", "1")
    with store.queue.turn("another run", lambda first: None):
        job = store.start_job(SeveralJob.create(store.root, QUICK, specs))
        until(lambda: "waiting for" in job.status().message or job.is_done, lambda: str(job.status()))
        assert job.status().state == QUEUED
        assert store.cancel(job.folder).state == CANCELLED
    store.start_again(job.folder)
    ended(job.folder, state=DONE)
    assert {"matched.h5mu", "modalities.json"} <= {path.name for path in result_files_in(job.folder.path)}


def test_it_is_renamed_moved_aside_and_brought_back(store, specs):
    job = SeveralJob.create(store.root, QUICK, specs)
    assert job.name == "rna → adt → atac"
    rename_job(store, job, "all of it")
    assert [each.name for each in own_jobs(store, SeveralJob)] == ["all of it"]
    delete_job(store, job)
    assert own_jobs(store, SeveralJob) == []
    assert [each.id for each in deleted_jobs(store, SeveralJob)] == [job.id]
    assert restore_job(store, SeveralJob, job.id).specs == specs
    with pytest.raises(PsmatchError, match="No deleted matching has this id"):
        restore_job(store, SeveralJob, job.id)


def test_a_request_that_cannot_be_read_is_said_and_can_be_deleted(store, specs):
    job = SeveralJob.create(store.root, QUICK, specs)
    (job.folder.path / "several.json").unlink()
    with pytest.raises(PsmatchError, match="does not say any more which files"):
        job.specs
    (job.folder.path / "several.json").write_text("{}")
    with pytest.raises(PsmatchError, match="several"):
        job.specs
    delete_job(store, SeveralJob(RunFolder(job.folder.path)))
    assert jobs_at(SeveralJob, store.root / SeveralJob.place) == []
