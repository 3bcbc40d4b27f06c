"""The Data page: demos, samples and words; the steps are tested in files of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pages.shell.data_steps import DataStep
from pages.shell.glossary import TERMS
from pages.views.data.sample_files import FOLDER, SAMPLES
from psmatch_core.data.checks import Severity
from psmatch_core.data.readers import DataSpec, inspect_file
from psmatch_core.pipeline.demo_data import write_samples
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, metrics, press


def test_a_demo_is_one_click(empty: Open) -> None:
    app = press(empty(), "Demo: perturbation screen")
    assert "850 cells × 60 features" in plain_text(app)
    assert "To continue:" not in plain_text(app)
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "13"


def test_images_are_recognised_and_shown(empty: Open) -> None:
    app = press(empty(), "Demo: images")
    assert "960 cells, images, 3 × 32 × 32" in plain_text(app)
    assert len(app.get("image")) == 2
    assert metrics(at(app, DataStep.LABELS))["Shared labels"] == "12"
    at(app, DataStep.VALUES)
    assert "Images are used as they are" in plain_text(app)
    assert "images have no counts per cell" in plain_text(app)


def test_every_sample_can_be_downloaded_and_read(empty: Open) -> None:
    offered = {button.label: button for button in empty().get("download_button")}
    assert set(SAMPLES) <= set(offered)
    summaries = {name: inspect_file(DataSpec(path=str(FOLDER / name))) for name in SAMPLES}
    for summary in summaries.values():
        column = summary.column("label") or summary.column("labels")
        assert column is not None
        assert column.counts == {"control": 20, "KO_A": 20, "KO_B": 20}
        assert not [finding for finding in summary.findings if finding.severity is Severity.REJECT]
    assert {summary.format for summary in summaries.values()} >= {"h5ad", "npz"}


def test_samples_are_those_that_the_core_writes(tmp_path: Path) -> None:
    for path in write_samples(tmp_path):
        if path.suffix in (".csv", ".tsv"):
            assert path.read_bytes() == (FOLDER / path.name).read_bytes()
    with np.load(tmp_path / "sample_images.npz") as mine, np.load(FOLDER / "sample_images.npz") as theirs:
        assert all(np.array_equal(mine[key], theirs[key]) for key in ("images", "labels", "obs_names"))


def test_words_are_explained(empty: Open) -> None:
    table = empty().get("table")[0].value
    assert set(table["Term"]) == set(TERMS)
    assert all(len(text) < 200 for text in TERMS.values())
