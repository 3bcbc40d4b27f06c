"""The Evaluate page with a finished run."""

from __future__ import annotations

from pages.shell.text import number
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts, without


def test_held_out_pairs_stand_first_beside_uniform_and_the_inflated_figures(full: Open, finished: RunFolder) -> None:
    app = full("evaluate")
    assert "700 held-out pairs: no classifier saw them" in texts(app)
    by_label = {metric.label: metric for metric in app.metric}
    assert by_label["FOSCTTM"].delta.endswith(", uniform 0.50")
    held_out, inflated = files.HELD_OUT_EVALUATION.read(finished), files.EVALUATION.read(finished)
    assert by_label["FOSCTTM"].value == f"{held_out.micro['foscttm']:.2f}"  # its interval is about 0.03 wide
    assert f"inflated: same cells trained on both sides: FOSCTTM {number(inflated.micro['foscttm'])}" in texts(app)


def test_without_held_out_pairs_every_figure_is_called_inflated(full: Open, finished: RunFolder) -> None:
    """As in a run of an earlier version."""
    with without(finished, "held_out_evaluation.json"):
        app = full("evaluate")
    assert "These figures are inflated: same cells trained on both sides." in texts(app)
    assert {"FOSCTTM, inflated", "Rank of the true partner, inflated"} <= {metric.label for metric in app.metric}


def test_evaluate_without_known_pairs_says_what_to_do(full: Open, finished: RunFolder) -> None:
    with without(finished, "evaluation.json"):
        app = full("evaluate")
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
