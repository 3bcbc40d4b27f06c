"""The Evaluate page with a finished run."""

from __future__ import annotations

from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts


def test_evaluate_stands_beside_uniform(full: Open) -> None:
    app = full("evaluate")
    assert "700 true pairs" in texts(app)
    by_label = {metric.label: metric for metric in app.metric}
    assert by_label["FOSCTTM"].delta.endswith(", uniform 0.50")
    assert float(by_label["FOSCTTM"].value) < 0.5


def test_evaluate_without_known_pairs_says_what_to_do(full: Open, finished: RunFolder) -> None:
    hidden = finished.path / "evaluation.hidden"
    (finished.path / "evaluation.json").rename(hidden)
    try:
        app = full("evaluate")
    finally:
        hidden.rename(finished.path / "evaluation.json")
    assert "No true pairs are known" in texts(app)


def test_evaluate_has_intervals_and_no_confidence_of_single_cells(full: Open, finished: RunFolder) -> None:
    app = full("evaluate")
    by_label = {metric.label: metric for metric in app.metric}
    assert " to " in by_label["FOSCTTM"].delta
    assert "confident" not in texts(app)
    found = files.ACCURACY.read(finished)
    assert found is not None
    text = texts(app).replace("\\", "")
    assert all(each.finding() in text for results in found.values() for each in results)
