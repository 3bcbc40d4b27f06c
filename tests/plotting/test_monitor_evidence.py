"""Figures of the monitor: they say what they show, draw every label, and escape what comes from files."""

import re
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.match import match
from psmatch_core.monitor import Evidence, Null, NullStatistic, judge
from psmatch_core.monitor.stability import LabelStability, Stability
from psmatch_core.plotting import agreement_bars, loss_evidence, null_strips
from tests.conftest import make_modality


@pytest.fixture(scope="module")
def report():
    sides = (make_modality("R<b>", seed=1), make_modality("P", seed=2))
    models = [fit_propensity(side, LinearClassifier(strength=0.1)) for side in sides]
    values = {"A": 0.9, "B": 0.3, "C": float("nan")}
    stability = Stability(tuple(LabelStability(label, value, 0.5, 20) for label, value in values.items()))
    return judge(match(*models), Evidence(cells=stability, features=stability))


def text_of(fig):
    return str(fig.layout.title.text)


def test_losses_stand_beside_their_baselines_calibrated_and_raw(report):
    for raw in (False, True):
        fig = loss_evidence(report, raw=raw)
        drawn = next(trace for trace in fig.data if trace.name == "P")
        side = report.sides[1]
        assert drawn.x[0] == pytest.approx(side.raw_loss if raw else side.loss, rel=1e-5)
        assert len(drawn.x) == 1 + len(report.labels)
        assert ("raw" if raw else "calibrated") in text_of(fig)


def test_names_from_files_are_escaped(report):
    assert "R<b>" not in text_of(loss_evidence(report))
    assert "R&lt;b&gt;" in text_of(loss_evidence(report))


def test_agreement_counts_the_reproduced_labels_and_draws_the_known(report):
    fig = agreement_bars(report)
    assert "The matches of 2 of 3 labels are reproduced by other halves" in text_of(fig).replace("<br>", " ")
    assert sum(len(trace.x) for trace in fig.data) == 2


def test_the_null_names_what_beats_chance_and_marks_what_lies_far_out():
    rows = (
        NullStatistic("loss_source", 1.0, tuple(2 + 0.001 * k for k in range(19))),
        NullStatistic("stability", 0.0, tuple(0.01 * k for k in range(-9, 10))),
    )
    fig = null_strips(Null(19, rows, {}, 10, 10))
    assert "Better than chance: loss of the source" in text_of(fig)
    assert "match stability" not in text_of(fig)
    truth = fig.data[1]
    assert truth.marker.symbol == ("triangle-right", "diamond")
    assert np.abs(truth.x).max() <= 8


def test_few_shuffles_can_be_beaten_too():
    rows = (NullStatistic("stability", 0.9, (0.1, 0.2, 0.3)),)
    assert "Better than chance: match stability" in text_of(null_strips(Null(3, rows, {}, 10, 10)))


def test_a_null_that_nothing_beats_says_so():
    rows = (NullStatistic("stability", 0.0, (0.1, 0.2, 0.3)),)
    assert "Nothing is better than with shuffled labels" in text_of(null_strips(Null(3, rows, {}, 10, 10)))


def test_colours_of_verdicts_come_with_shapes(report):
    shown = agreement_bars(replace(report))
    assert len({trace.marker.symbol for trace in shown.data}) == len(shown.data)


def test_four_hundred_labels_show_their_ends_and_say_so(report):
    many = replace(report, labels=tuple(replace(report.labels[k % 2], label=f"L{k}") for k in range(400)))
    for fig in (loss_evidence(many), agreement_bars(many)):
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text_of(fig)))
        assert re.search(r"the 30 [\w ]+ and 30 [\w ]+ of 400 labels; the table lists all", words), words
        assert fig.layout.height < 2200
