"""A run as one HTML file: what it says, and that it needs nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.main import main
from psmatch_core.data.readers import DataSpec
from psmatch_core.monitor import Monitoring
from psmatch_core.pipeline.leave_out import LeaveOut
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import report_html, write_report
from psmatch_core.workspace import files, worker
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.jobs.monitor import MonitorJob
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.manifest import remove_manifest
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.conftest import make_adata

HOSTILE = "</script><img src=x>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run of two small files, one of whose labels the other lacks."""
    place = tmp_path_factory.mktemp("report")
    specs = []
    for seed, name in enumerate(("RNA", "ADT")):
        adata = make_adata(n=60, seed=seed, labels=("A", "B", "C", HOSTILE if seed else "only here"))
        adata.write_h5ad(place / f"{name}.h5ad")
        specs.append(DataSpec(path=str(place / f"{name}.h5ad"), label_key="label", name=name))
    recipe = Recipe(classifier=LinearClassifier(strength=0.1)).with_data(*specs)
    made = RunFolder.create(place / "runs", recipe, name="mine & <b>yours</b>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAPS", ())  # UMAP takes longer than everything else here
        status = worker.execute(RunJob(made))
    assert status.state == "done", status
    return made


@pytest.fixture(scope="module")
def text(folder: RunFolder) -> str:
    return report_html(folder)


def test_it_asks_nobody_for_anything(text: str) -> None:
    assert "default-src 'none'" in text
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=", text)
    assert text.count("plotly.js v") == 1


def test_texts_from_files_stay_texts(text: str) -> None:
    assert HOSTILE not in text
    assert "<b>yours" not in text
    assert "mine &amp; &lt;b&gt;yours&lt;/b&gt;" in text


def test_labels_that_need_attention_are_said_in_words(text: str) -> None:
    words = text[text.index("What needs attention") : text.index(">Data</h2>")]
    assert "Label only here (15 source and 0 target cells): label in one modality only" in words


def test_every_chapter_has_its_figures(text: str) -> None:
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
    names = [name for name, _ in data["figures"]]
    assert len(names) >= 7
    for name, figure in data["figures"]:
        assert f'id="{name}"' in text
        assert figure["layout"]["meta"]["title"]
    assert set(data["templates"]) == {"light", "dark"}
    for heading in ("Propensity", "Match", "Monitor", "Translate", "Settings and versions"):
        assert f">{heading}" in text
    assert "label in one modality only" in text[text.index("why cells were excluded") :]


@pytest.fixture(scope="module")
def thorough(folder: RunFolder) -> str:
    """The report of the run after everything that can be asked of it was asked."""
    store = RunStore(folder.path.parents[1])
    assert worker.execute(MonitorJob.create(folder, Monitoring(n_shuffles=3))).state == "done"
    assert worker.execute(LeaveOutJob.create(folder, "A", LeaveOut())).state == "done"
    assert worker.execute(EpsilonPathJob.create(folder, "B")).state == "done"
    assert store.runs == folder.path.parent
    return report_html(folder)


def test_what_was_asked_later_has_its_chapter(text: str, thorough: str) -> None:
    assert "are reproduced by other halves" in text  # every run is measured when it is matched
    assert "were not measured" not in thorough
    for words in (
        "Perturbations left out and predicted",
        "unseen cells predicted, compared with",
        "shuffled, lowest",
        "B, solved at 25 values of epsilon",
        "cells) gain little",
    ):
        assert words in thorough, words
        assert words not in text, words


def test_what_another_version_measured_is_said_and_left_out(folder: RunFolder, thorough: str) -> None:
    remove_manifest(folder.path)
    path = folder.path / "monitor.json"
    kept = path.read_text(encoding="utf-8")
    path.write_text('{"format": 99}', encoding="utf-8")
    assert "The monitor report was written by a later version" in report_html(folder)
    path.write_text(kept.replace('"made_of": "', '"made_of": "x'), encoding="utf-8")
    assert "measurements belong to an earlier matching and are not shown" in report_html(folder)
    path.write_text(kept, encoding="utf-8")


def test_no_folder_of_the_machine_is_told(text: str, folder: RunFolder) -> None:
    assert str(folder.path.parents[1]) not in text


def test_a_run_that_has_only_begun_says_so(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path, Recipe(), name="just begun")
    text = report_html(made)
    assert "This run has not started yet. It has no data, classifiers, matching, evaluation" in text
    assert "all labels were matched" not in text


def test_the_command_writes_it_where_it_is_told(
    folder: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["report", str(folder.path), "--out", str(tmp_path / "mine.html")]) == 0
    assert (tmp_path / "mine.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "mine.html" in capsys.readouterr().out


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PsmatchError, match=f"The folder {tmp_path.name} holds no run."):
        write_report(RunFolder(tmp_path))
