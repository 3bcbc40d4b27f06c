"""A sceptic's data: within labels the modalities share nothing. No sentence about predictions may say otherwise."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core import plotting
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.cli.run_summary import run_summary
from psmatch_core.data.modality import Modality
from psmatch_core.data.names.controls import OTHERS
from psmatch_core.data.readers import DataSpec
from psmatch_core.evaluation.gain import ADDS
from psmatch_core.pipeline.leave_out import LeaveOut, leave_label_out
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.report import report_html
from psmatch_core.translation.translators import BarycentricTranslator, RidgeTranslator
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import DONE, RunFolder
from psmatch_core.workspace.worker import execute

LABELS = ("control", "IRF9", "JAK2", "STAT1", "STAT2", "IFNGR1")
N = 240


def independent(name: str, *, shared: np.ndarray | None = None) -> AnnData:
    """240 cells of six labels far apart; features are noise within labels, or views of ``shared (n, 4)``."""
    rng = np.random.default_rng(len(name))
    label = np.arange(N) % len(LABELS)
    X = rng.normal(size=(len(LABELS), 10))[label] * 2
    if shared is not None:
        shift = np.random.default_rng(0).normal(size=(len(LABELS), 4))[label] * 2
        X = (shift + shared) @ rng.normal(size=(4, 10))
    X += rng.normal(size=(N, 10))
    obs = pd.DataFrame(
        {"label": np.array(LABELS)[label], "barcode": [f"{i:04d}-{(7919 * i) % 997:03d}" for i in range(N)]},
        index=[f"{name}-{(104729 * (i + 1)) % 100003}" for i in range(N)],
    )
    return AnnData(X=X.astype(np.float32), obs=obs, var=pd.DataFrame(index=[f"{name}_{i}" for i in range(10)]))


def finished(place: Path, *, shared: np.ndarray | None = None, **settings: object) -> RunFolder:
    """A finished run of two such files with a column of known pairs."""
    specs = []
    for name in ("RNA", "Protein"):
        path = place / f"{name}.h5ad"
        path.parent.mkdir(parents=True, exist_ok=True)
        independent(name, shared=shared).write_h5ad(path)
        specs.append(DataSpec(path=str(path), label_key="label", name=name, pair_key="barcode"))
    recipe = replace(Recipe(classifier=LinearClassifier(strength=0.1)), **settings)
    folder = RunFolder.create(place / "runs", recipe.with_data(*specs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "MAPS", ())
        status = execute(RunJob(folder))
    assert status.state == DONE, status
    return folder


@pytest.fixture(scope="module", params=[BarycentricTranslator(), RidgeTranslator()], ids=["mean", "ridge"])
def noise(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return finished(tmp_path_factory.mktemp("noise"), translator=request.param)


def claims(text: str) -> list[str]:
    """Sentences that say that the matching adds something."""
    return re.findall(r"[Tt]he matching adds (?!nothing|more than chance)[^.<]*", " ".join(text.split()))


def test_no_result_says_that_the_matching_adds_anything(noise: RunFolder) -> None:
    accuracy = files.ACCURACY.read(noise)
    assert accuracy is not None
    assert {direction: len(found) for direction, found in accuracy.items()} == dict.fromkeys(files.DIRECTIONS, 2)
    for found in (each for results in accuracy.values() for each in results):
        assert found.gain.kind != ADDS
        assert found.gap_closed != found.gap_closed or found.gap_closed < 0.1
        assert not found.gained
        assert not found.table()["adds"].any()
        assert not claims(found.finding())
        for name in found.features:
            assert not claims(found.feature_finding(name))
        assert "; 0 of 10 features gain" in plotting.feature_r2_bars(found).layout.title.text.replace("<br>", " ")


def test_no_door_says_so_either(noise: RunFolder) -> None:
    report = report_html(noise)
    summary = run_summary(noise, 1.0)
    readme = (noise.exports / "README.txt").read_text(encoding="utf-8")
    for text in (report, summary, readme):
        assert not claims(text.replace("What the matching adds", ""))
        assert "adds nothing that can be measured" in text or "makes predictions worse" in text
    assert "There is no single feature to which the matching adds." in report
    assert "explain" not in summary
    for direction in files.DIRECTIONS:
        table = pd.read_csv(noise.exports / f"translation_r2_{direction}.csv")
        assert not table["adds"].any()


def test_the_figures_by_which_runs_are_compared_show_nothing(noise: RunFolder) -> None:
    figures = files.RUN_FIGURES.read(noise)
    assert figures is not None
    assert "r2" not in figures
    assert figures["r2_within"] < figures["r2_uniform"] + 0.01


def test_a_label_left_out_is_predicted_no_better_than_by_a_uniform_matching() -> None:
    sides = [
        Modality.from_anndata(independent(name), label_key="label", name=name, pair_key="barcode")
        for name in ("RNA", "Protein")
    ]
    recipe = Recipe(classifier=LinearClassifier(strength=0.1))
    found = leave_label_out(recipe, *sides, "STAT1", how=LeaveOut(control=OTHERS))
    for text in (found.finding(), plotting.predicted_means(found).layout.title.text, found.report()):
        assert not claims(text.replace("<br>", " "))
        assert "no better than" in text.replace("<br>", " ")


def test_a_shared_signal_within_labels_is_found(tmp_path: Path) -> None:
    """The same tests on data with a signal: without it, a program that always says "nothing" would pass."""
    folder = finished(tmp_path, shared=np.random.default_rng(7).normal(size=(N, 4)))
    accuracy = files.ACCURACY.read(folder)
    assert accuracy is not None
    _, probe = accuracy["target_to_source"]
    assert probe.gain.kind == ADDS
    assert probe.gained
    assert 0.3 < probe.gap_closed < 1.2
    assert claims(report_html(folder).replace("What the matching adds", ""))
