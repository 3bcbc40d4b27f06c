"""A third modality on the Data page: loaded, labelled and checked as the others, matched by a job, shown, removed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.shell import demos, session, several
from pages.shell.data_steps import DataStep
from pages.shell.workspace import Workspace
from psmatch_core.base import disk
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.several_figures import SeveralFigures
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.ownership import PersonalStore, hash_owner
from psmatch_core.workspace.placed_jobs import jobs_at
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RunStatus
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import PATIENCE, ROOT, Open, opener, plain_text
from tests.pages.views.data.visitor import at, csv, hand_over, loaded, press
from tests.waiting import ended

LABELS = ["control", "STAT1", "MYC"] * 8
OTHER = ["control", "STAT1", "JAK2"] * 8
QUICK = Recipe(classifier=LinearClassifier(strength=0.05)).with_setting("monitoring.stability", False)


def three(empty: Open, third: list[str], *, name: str = "image.csv", content: bytes = b"") -> AppTest:
    """Two tables with the same labels and a third one, on step 1."""
    app = loaded(empty, LABELS, LABELS)
    return hand_over(app, "third", name, content or csv(third, prefix="c", n_features=4, seed=2))


def quickly(app: AppTest) -> AppTest:
    """The same with a classifier that trains in a second."""
    workspace: Workspace = app.session_state["workspace"]
    app.session_state["workspace"] = replace(workspace, classifier=QUICK.classifier)
    return app.run()


def jobs(tmp_path: Path) -> list[SeveralJob]:
    return jobs_at(SeveralJob, tmp_path / "workspace" / SeveralJob.place)


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [each.value for each in app.dataframe]


def has_button(app: AppTest, label: str) -> bool:
    return any(each.label.startswith(label) for each in app.button)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SeveralJob]:
    """A workspace with a finished matching of three uploaded tables, done by the real worker."""
    root = tmp_path_factory.mktemp("several") / "workspace"
    with pytest.MonkeyPatch.context() as patch:
        app = quickly(three(opener(root, patch), OTHER))
        press(app, "Match all three")
    (job,) = jobs_at(SeveralJob, root / SeveralJob.place)
    ended(job.folder, state=DONE)
    return root, job


@pytest.fixture
def opened(done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The finished matching, opened from the list by a new visitor."""
    root, job = done
    app = opener(root, monkeypatch)()
    app.button(key=f"several.open.{job.id}").click().run()
    assert not app.exception
    return app


def figures_of(job: SeveralJob) -> SeveralFigures:
    found = files.SEVERAL_FIGURES.read(job.folder)
    assert found is not None
    return found


def test_a_third_is_offered_once_two_are_there(empty: Open) -> None:
    uploaders = [each.key for each in empty().get("file_uploader")]
    assert not any(key.startswith("upload.third") for key in uploaders)
    app = loaded(empty, LABELS, LABELS)
    assert any(each.key.startswith("upload.third") for each in app.get("file_uploader"))
    assert not has_button(app, "Match all three")


def test_a_third_file_is_read_labelled_and_chosen_from_as_the_others_are(empty: Open) -> None:
    app = three(empty, OTHER)
    assert "Modality 3" in [each.value for each in app.subheader]
    assert "24 cells × 4 features" in plain_text(app)
    assert app.button(key="data.step.files").label.startswith("1 Files · 3 of 3")
    at(app, DataStep.LABELS)
    boxes = [each for each in app.selectbox if each.label.startswith("Label column")]
    assert [each.value for each in boxes] == ["label"] * 3
    assert "2 labels of 4 are in all three." in plain_text(app)
    (table,) = [each for each in tables(app) if "n_image" in each]
    assert dict(zip(table["label"], table["reason"], strict=True)) == {
        "JAK2": "its label is not in rna, protein", "MYC": "its label is not in image", "STAT1": "", "control": ""
    }  # fmt: skip
    at(app, DataStep.VALUES)
    assert len([each for each in app.selectbox if each.label == "Matrix"]) == 3
    at(app, DataStep.JUDGE)
    assert [each for each in app.get("table")[0].value.columns if each] == ["rna", "protein", "image"]
    (command,) = [each.value for each in app.code if each.value.startswith("psmatch match-many")]
    assert command.startswith("psmatch match-many rna=rna.csv protein=protein.csv image=image.csv --label")
    assert "THIRD_FILE" not in command


def test_a_run_of_two_knows_nothing_of_the_third(empty: Open) -> None:
    app = loaded(empty, LABELS, LABELS)
    before = app.session_state["workspace"].recipe
    hand_over(app, "third", "image.csv", csv(OTHER, prefix="c", seed=2))
    workspace = app.session_state["workspace"]
    assert workspace.recipe == before
    assert not workspace.missing
    assert has_button(app, "Match and judge")


def test_the_third_is_removed_and_nothing_of_it_stays(empty: Open) -> None:
    app = press(three(empty, OTHER), "Remove the third modality")
    assert app.session_state["workspace"].third is None
    assert "image.csv" not in plain_text(app)
    assert app.button(key="data.step.files").label.startswith("1 Files · 2 of 2")
    assert not has_button(app, "Match all three")


@pytest.mark.parametrize(
    ("labels", "name", "said"),
    [
        (["x", "y"] * 12, "image.csv", "No label is shared"),
        (["control", "z"] * 12, "image.csv", "share only one label: control"),
        (["control"] * 24, "image.csv", "Choose the label column of the third modality"),
        (OTHER, "a (1).csv", "cannot be the name of a modality"),
    ],
)
def test_a_third_that_cannot_be_matched_is_told_before_a_start(
    empty: Open, labels: list[str], name: str, said: str
) -> None:
    app = three(empty, labels, name=name)
    assert "To match all three: " in plain_text(app)
    assert said in plain_text(app)
    assert not has_button(app, "Match all three")
    assert has_button(app, "Match and judge")  # the two are not held up
    at(app, DataStep.LABELS)
    at(app, DataStep.JUDGE)


def test_a_name_of_another_modality_is_told(empty: Open) -> None:
    app = three(empty, OTHER)
    (box,) = [each for each in app.text_input if each.value == "image"]
    box.set_value("RNA").run()
    assert not app.exception
    assert "Two modalities are called 'rna' and 'RNA'" in plain_text(app)
    assert not has_button(app, "Match all three")
    (box,) = [each for each in app.text_input if each.value == "RNA"]
    box.set_value("rna").run()
    at(app, DataStep.LABELS)  # the table of labels by modality waits for names that differ
    assert not app.exception


def test_the_same_file_again_is_told_and_has_another_name(empty: Open) -> None:
    app = three(empty, [], name="rna.csv", content=csv(LABELS))
    assert app.session_state["workspace"].third.name == "rna third"
    at(app, DataStep.LABELS)
    assert "the same file was loaded twice" in plain_text(app)


def test_a_third_file_that_is_no_data_is_refused_and_the_place_stays(empty: Open) -> None:
    app = loaded(empty, LABELS, LABELS)
    hand_over(app, "third", "image.csv", b"\x00\x01")
    assert app.error
    assert app.session_state["workspace"].third is None
    assert any(each.key.startswith("upload.third") for each in app.get("file_uploader"))


def test_a_third_file_beside_a_demo_of_two(empty: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(empty(), "Demo: images")
    third = pd.read_csv(BytesIO(csv([f"intervention {i % 3}" for i in range(24)], prefix="c")))
    hand_over(app, "third", "more.csv", third.to_csv(index=False).encode())
    workspace = app.session_state["workspace"]
    assert [side.name for side in several.sides_of(workspace)] == ["Circles", "Squares", "more"]
    assert not app.exception


def test_a_press_starts_a_job_with_what_the_page_shows(done: tuple[Path, SeveralJob]) -> None:
    root, job = done
    assert list(job.specs) == ["rna", "protein", "image"]
    assert [spec.label_key for spec in job.specs.values()] == ["label"] * 3
    assert str(root / "uploads") in job.specs["image"].path
    assert RunStore(root).entries() == []  # it is no run


def test_the_result_is_that_of_the_core(done: tuple[Path, SeveralJob], opened: AppTest) -> None:
    figures = figures_of(done[1])
    assert plain_text(opened).count(figures.answer()) == 1
    assert figures.cycles_in_words() in plain_text(opened)
    (pairs,) = [each for each in tables(opened) if "n_candidates" in each]
    assert list(pairs["pair"]) == ["rna → protein", "rna → image", "protein → image"]
    assert list(pairs["verdict"]) == [each.verdict.value if each.verdict else "not judged" for each in figures.pairs]
    assert list(pairs["agreement"]) == [pair.cycle["agreement"] for pair in figures.pairs]
    assert list(pairs["agreement_turned"]) == [pair.cycle["agreement_turned"] for pair in figures.pairs]
    assert list(pairs["shared_mass_uniform"]) == [pair.cycle["shared_mass_uniform"] for pair in figures.pairs]
    assert "MYC (its label is not in image)" in plain_text(opened)
    assert "No true pairs are known" in plain_text(opened)


def test_each_pair_is_shown_by_label(done: tuple[Path, SeveralJob], opened: AppTest) -> None:
    figures = figures_of(done[1])
    (box,) = [each for each in opened.selectbox if each.label == "Pair"]
    for pair in figures.pairs:
        box.set_value(f"{pair.source} → {pair.target}").run()
        assert not opened.exception
        (table,) = [each for each in tables(opened) if "status" in each]
        assert list(table["label"]) == [row.label for row in pair.labels]
        assert list(table["n_effective"]) == [row.n_effective for row in pair.labels]
        (box,) = [each for each in opened.selectbox if each.label == "Pair"]


def test_all_files_are_offered_and_a_damaged_one_is_named(
    done: tuple[Path, SeveralJob], opened: AppTest, tmp_path: Path
) -> None:
    offered = [each.label for each in opened.get("download_button")]
    exports = {path.name for path in done[1].folder.exports.iterdir()}
    assert offered[0] == "matched.h5mu"
    assert set(offered) == exports
    assert {"pairs_rna_protein.csv", "pairs_rna_image.csv", "coupling_protein_image.h5ad"} <= exports
    path = done[1].folder.exports / "labels.csv"
    kept = path.read_bytes()
    try:
        path.write_bytes(b"other")
        opened.run()
        assert not opened.exception
        assert "labels.csv of this run is damaged" in "".join(each.value for each in opened.error).replace("\\", "")
    finally:
        path.write_bytes(kept)


def test_opening_loads_the_files_and_a_change_is_said(opened: AppTest) -> None:
    workspace = opened.session_state["workspace"]
    assert [side.name for side in several.sides_of(workspace)] == ["rna", "protein", "image"]
    assert "Settings have changed since" not in plain_text(opened)
    opened.session_state["workspace"] = replace(workspace, seed=workspace.seed + 1)
    opened.run()
    assert "Settings have changed since" in plain_text(opened)
    assert has_button(opened, "Match all three")
    press(opened, "Close")
    assert "matched together" not in plain_text(opened)


def test_another_file_or_rule_closes_the_result(opened: AppTest) -> None:
    workspace: Workspace = opened.session_state["workspace"]
    assert workspace.several_id
    changed = replace(workspace.labels, minimum_cells=3)
    assert not workspace.with_labels(changed).several_id
    assert not workspace.with_side("third", None).several_id
    assert not workspace.with_side("source", None).several_id
    assert workspace.with_side("third", replace(workspace.third, name="other")).several_id  # type: ignore[type-var]


def visited(root: Path, monkeypatch: pytest.MonkeyPatch, link: str) -> AppTest:
    """A new visitor who comes by the link of a matching."""
    opener(root, monkeypatch)
    app = AppTest.from_file(str(ROOT / "main.py"), default_timeout=PATIENCE)
    app.query_params["matching"] = link
    app.run()
    assert not app.exception
    return app


def test_the_address_leads_back_to_it_and_forgets_it_once_closed(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visited(done[0], monkeypatch, done[1].id)
    assert figures_of(done[1]).answer() in plain_text(app)
    assert done[1].id in app.query_params["matching"]
    press(app, "Close")
    assert "matching" not in app.query_params
    app.run()
    assert "matched together" not in plain_text(app)


def test_a_link_that_leads_nowhere_is_told(done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch) -> None:
    for link in ("20200101-000000-0123456789ab", "../runs", "x"):
        app = visited(done[0], monkeypatch, link)
        assert "No matching of yours has this link" in "".join(each.value for each in app.error)


def test_opening_keeps_the_run_of_the_same_two_files(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, job = done
    monkeypatch.setattr(session, "store", lambda: RunStore(root))
    opened = session.workspace_with_several(Workspace(), job.id)
    same = replace(opened, third=None, several_id="", run_id="mine", seed=7)
    again = session.workspace_with_several(same, job.id)
    assert (again.run_id, again.seed, again.several_id) == ("mine", 7, job.id)
    assert again.third == opened.third
    other = replace(same, target=replace(same.source, matrix="raw"))  # type: ignore[type-var]
    assert session.workspace_with_several(other, job.id) == opened


def test_the_list_renames_deletes_and_restores(
    done: tuple[Path, SeveralJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(done[0], tmp_path / "workspace")
    (job,) = jobs(tmp_path)
    app = opener(tmp_path / "workspace", monkeypatch)()
    assert "Matchings of three modalities" in [each.value for each in app.subheader]
    app.text_input(key=f"several.name.{job.id}").set_value("the whole screen").run()
    app.button(key=f"several.rename.{job.id}").click().run()
    assert "the whole screen" in plain_text(app)
    app.button(key=f"several.delete.{job.id}").click().run()
    assert jobs(tmp_path) == []
    assert "The matching was deleted" in plain_text(app)
    press(app, "Undo")
    assert [each.name for each in jobs(tmp_path)] == ["the whole screen"]


@pytest.mark.parametrize("state", [FAILED, CANCELLED])
def test_one_that_ended_early_is_said_and_can_be_started_again(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(three(empty, OTHER), "Match all three")
    (job,) = jobs(tmp_path)
    assert job.is_active
    (button,) = [each for each in app.button if each.label == "Match all three"]
    assert button.disabled
    job.folder.write_status(RunStatus(state=state, problem="It did not fit.", hint="Use less."))
    app.run()
    assert not app.exception
    assert ("was cancelled" if state == CANCELLED else "It did not fit.") in plain_text(app)
    press(app, "Continue" if state == CANCELLED else "Try again")
    assert job.is_active


def test_it_is_cancelled_from_its_box(empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    app = press(three(empty, OTHER), "Match all three")
    press(app, "Cancel")
    assert jobs(tmp_path)[0].status().state == CANCELLED


def test_a_full_disk_and_a_machine_that_is_too_small_start_nothing(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = three(empty, OTHER)
    monkeypatch.setenv("PSMATCH_MEMORY_BUDGET", "100 MB")
    app.run()
    (button,) = [each for each in app.button if each.label == "Match all three"]
    assert button.disabled
    assert "100 MB are allowed" in "".join(each.value for each in app.error).replace("\\", "")
    monkeypatch.delenv("PSMATCH_MEMORY_BUDGET")
    app.run()

    def full(*given: object, **named: object) -> None:
        raise disk.full_disk_error("a file of this matching")

    monkeypatch.setattr(files.RunFile, "write", full)
    press(app, "Match all three")
    assert "The disk is full" in "".join(each.value for each in app.error)
    assert list((tmp_path / "workspace" / SeveralJob.place).iterdir()) == []


def test_another_person_neither_sees_nor_changes_it(
    done: tuple[Path, SeveralJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, job = done
    bob = PersonalStore(root, owner=hash_owner("bob"))
    monkeypatch.setattr(session, "store", lambda: bob)
    assert several.current_several(Workspace(several_id=job.id)) is None
    assert several.current_several(Workspace(several_id="../runs")) is None


@pytest.mark.slow
def test_the_demo_of_three_opens_in_one_click_and_shows_its_truth(
    empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, quick = demos.start_several, QUICK.classifier
    monkeypatch.setattr(demos, "start_several", lambda workspace: start(replace(workspace, classifier=quick)))
    app = press(empty(), "Demo: three modalities")
    (job,) = jobs(tmp_path)
    ended(job.folder, state=DONE)
    app.run()
    assert not app.exception
    figures = figures_of(job)
    assert figures.answer() in plain_text(app)
    assert "Against the truth of the demo" in plain_text(app)
    assert "These figures are inflated" in plain_text(app)
    (truth,) = [each for each in tables(app) if "n_known" in each]
    assert list(truth["foscttm"]) == [pair.known["foscttm"] for pair in figures.pairs]
    assert list(truth["foscttm_uniform"]) == pytest.approx([0.5] * 3)
    assert [each for each in app.code if each.value.startswith("psmatch match-many")] == []


@pytest.mark.slow
def test_the_demo_is_computed_once_for_a_person(empty: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: None)
    for _ in range(2):
        press(empty(), "Demo: three modalities")
    assert len(jobs(tmp_path)) == 1


def test_a_demo_that_cannot_be_started_is_told(
    empty: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nothing_shipped: None
) -> None:
    def refuse(workspace: Workspace) -> SimpleNamespace:
        raise demos.PsmatchError("The disk is full.", hint="Free space.")

    monkeypatch.setattr(demos, "start_several", refuse)
    app = press(empty(), "Demo: three modalities")
    assert "The disk is full." in "".join(each.value for each in app.error).replace("\\", "")
