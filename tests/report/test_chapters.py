"""The chapters of a report: each number in its column, each name at its side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base import disk
from psmatch_core.base.records import to_plain
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.data.readers import DataSpec
from psmatch_core.exploration.markers import find_markers
from psmatch_core.monitor import Verdict
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report.chapters import CHAPTERS
from psmatch_core.report.chapters.attention import attention_chapter
from psmatch_core.report.chapters.cells import cell_maps, cells_chapter
from psmatch_core.report.chapters.data import data_chapter
from psmatch_core.report.chapters.markers import markers_chapter
from psmatch_core.report.chapters.match import LABEL_COLUMNS, match_chapter
from psmatch_core.report.chapters.propensity import propensity_chapter
from psmatch_core.report.chapters.settings import settings_chapter
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.ending import describe_ending
from psmatch_core.workspace.groups import group_of
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.results import load_readable
from psmatch_core.workspace.run_facts import write_note
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, LOST, RunFolder, RunState, RunStatus
from psmatch_core.workspace.saved_markers import delete_markers, save_markers
from psmatch_core.workspace.worker import execute
from tests.conftest import make_adata


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    """A finished run: 60 RNA cells of three labels; 40 ADT cells, 10 of them of a label of their own."""
    place = tmp_path_factory.mktemp("chapters")
    specs = []
    for name, n, labels in (("RNA", 60, ("A", "B", "C")), ("ADT", 40, ("A", "B", "C", "only ADT"))):
        adata = make_adata(n=n, seed=n, labels=labels)
        if name == "RNA":
            adata.obsm["X_umap"] = np.random.default_rng(0).normal(size=(n, 2))
        adata.write_h5ad(place / f"{name}.h5ad")
        specs.append(DataSpec(path=str(place / f"{name}.h5ad"), label_key="label", name=name))
    folder = RunFolder.create(place / "runs", Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAPS", ())
        status = execute(RunJob(folder))
    assert status.state == DONE, status
    return LoadedRun.load(folder)


@dataclass(frozen=True)
class Uninformed:
    """A scored modality whose classifier has learned nothing."""

    modality: Any
    validation_loss: float = 1.2
    label_entropy: float = 1.1
    notes: tuple[str, ...] = ()


def chapter(add: Any, run: LoadedRun) -> Page:
    page = Page()
    add(run, page)
    return page


def tables(page: Page) -> list[pd.DataFrame]:
    found = [part for part in page.parts if part["kind"] == "table"]
    return [
        pd.DataFrame([[text for text, _ in row] for row in each["rows"]], columns=[name for name, _ in each["columns"]])
        for each in found
    ]


def texts(page: Page) -> str:
    return "\n".join(
        [part["text"] for part in page.parts if "text" in part]
        + [text for part in page.parts for text in part.get("texts", ())]
    )


def test_markers_that_were_kept_are_in_the_report(run: LoadedRun) -> None:
    assert chapter(markers_chapter, run).parts == []
    coupling = run.coupling
    assert coupling is not None
    sides = load_readable(run.folder)
    found = find_markers(coupling, sides, group_of(run.folder, coupling, "label = A"), n_resamples=20)
    save_markers(run.folder, found, "label A")
    page = chapter(markers_chapter, run)
    assert "label = A (20 cells) compared with all other cells (40)." in texts(page)
    assert found.finding() in texts(page)
    assert len(page.figures) == 2
    for table, values in zip(tables(page), ("measured", "projected"), strict=True):
        assert table["feature"].tolist() == found.of(values)["feature"].tolist()
    delete_markers(run.folder, "label A")


def test_a_run_with_no_results_has_no_chapter_but_its_state_and_settings(tmp_path: Any) -> None:
    waiting = LoadedRun.load(RunFolder.create(tmp_path, Recipe()))
    for add in CHAPTERS:
        has_parts = bool(chapter(add, waiting).parts)
        assert has_parts == (add in (attention_chapter, settings_chapter)), add


@pytest.mark.parametrize("state", [FAILED, CANCELLED, LOST])
def test_a_run_that_did_not_finish_says_so_first_and_praises_nothing(tmp_path: Any, state: RunState) -> None:
    folder = RunFolder.create(tmp_path, Recipe())
    status = RunStatus(state=state, stage="match", problem="The file is damaged.", hint="Give another.", pid=1)
    disk.write_json(folder.path / "status.json", to_plain(status))
    page = chapter(attention_chapter, LoadedRun.load(folder))
    first = page.parts[0]
    assert (first["kind"], first["style"]) == ("text", "attention")
    assert first["text"] == describe_ending(folder)
    assert "no matching" in first["text"] or "matching," in first["text"]
    assert "labels were matched" not in texts(page)
    assert "no label can be called matched" in texts(page)


def test_the_verdict_stands_first_among_what_needs_attention(run: LoadedRun) -> None:
    report, _ = run.judged
    assert report.verdict is not Verdict.USE  # nothing was measured in this run
    parts = chapter(attention_chapter, run).parts
    at = [part.get("text") for part in parts].index("What needs attention")
    assert parts[at + 1]["text"] == f"{report.verdict.title}. Labels: {report.counted()}."
    assert parts[at + 1]["style"] == "attention"
    assert "Nothing" not in texts(chapter(attention_chapter, run))


def test_the_note_of_the_user_stands_in_the_report(tmp_path: Any) -> None:
    folder = RunFolder.create(tmp_path, Recipe())
    write_note(folder, "for the <b>talk</b>")
    assert "Note: for the <b>talk</b>" in texts(chapter(attention_chapter, LoadedRun.load(folder)))


def test_excluded_cells_are_counted_by_modality_and_reason(run: LoadedRun) -> None:
    (table,) = tables(chapter(attention_chapter, run))
    assert table.to_numpy().tolist() == [["ADT", "its label is in this modality only", "10"]]


def test_a_modality_that_learned_nothing_is_named(run: LoadedRun) -> None:
    assert "has learned nothing" not in texts(chapter(attention_chapter, run))
    models = run.models
    assert models is not None
    uninformed = LoadedRun(run.folder, (models[0], Uninformed(models[1].modality)), None, None)  # type: ignore[arg-type]
    said = texts(chapter(attention_chapter, uninformed))
    assert "The ADT classifier has learned nothing about the labels: its held-out loss (1.20 nats)" in said
    assert "RNA classifier" not in said


def test_the_maps_are_of_the_scores_and_of_the_file(run: LoadedRun) -> None:
    scores, own = cell_maps(run)
    assert (scores.title, own.title) == ("PCA of the scores", "X_umap of the file")
    assert scores.source is not None
    assert scores.target is not None
    assert np.isfinite(scores.source).all()
    assert np.isfinite(scores.target).all()
    assert own.source == pytest.approx(np.random.default_rng(0).normal(size=(60, 2)), rel=1e-5)
    assert own.target is None
    (cells,) = [part for part in chapter(cells_chapter, run).parts if part["kind"] == "cells"]
    assert cells["names"] == ["RNA", "ADT"]


def test_the_table_of_the_data_counts_each_modality(run: LoadedRun) -> None:
    (table,) = tables(chapter(data_chapter, run))
    rows = table.set_index("name")
    assert rows.loc["RNA", ["side", "cells", "features", "labels", "excluded cells"]].tolist() == [
        "source", "60", "8", "3", "0",
    ]  # fmt: skip
    assert rows.loc["ADT", ["side", "cells", "labels", "excluded cells"]].tolist() == ["target", "30", "3", "10"]


def test_losses_and_accuracies_stand_in_their_columns(run: LoadedRun) -> None:
    (table,) = tables(chapter(propensity_chapter, run))
    rows = table.set_index("modality")
    for model in run.models or ():
        row = rows.loc[model.modality.name]
        for column, value in {
            "calibrated loss [nats]": model.validation_loss,
            "label entropy [nats]": model.label_entropy,
            "accuracy": model.accuracy,
            "balanced accuracy": model.balanced_accuracy,
            "calibration error": model.reliability.expected_error,
        }.items():
            assert float(row[column]) == pytest.approx(value, rel=5e-3), column


def test_the_table_of_labels_is_that_of_the_run_and_begins_with_what_needs_attention(run: LoadedRun) -> None:
    (table,) = tables(chapter(match_chapter, run))
    labels = files.LABELS.read(run.folder)
    assert labels is not None
    assert table["label"][0] == "only ADT"
    assert sorted(table["label"]) == sorted(labels["label"])
    shown, kept = table.set_index("label"), labels.set_index("label")
    for name in ("n_source", "n_target", "iterations"):
        assert {label: int(value) for label, value in shown[LABEL_COLUMNS[name]].items()} == kept[name].to_dict()


def test_a_direction_names_whose_features_are_predicted(run: LoadedRun) -> None:
    assert run.describe("target_to_source") == "ADT features of RNA cells"
    assert run.describe("source_to_target") == "RNA features of ADT cells"


def test_the_settings_repeat_the_run_without_a_path_of_the_server(run: LoadedRun) -> None:
    page = chapter(settings_chapter, run)
    (recipe,) = [part["text"] for part in page.parts if part["kind"] == "details"]
    assert '"path": "RNA.h5ad"' in recipe
    assert not re.search(r'"path": "/', recipe)
    assert run.folder.id in texts(page)
