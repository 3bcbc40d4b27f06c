"""The verdict: every reason against a matching is given, the strictest decides, and a file keeps the report."""

import json
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity
from psmatch_core.matching.blocks import uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import match
from psmatch_core.monitor import THRESHOLDS, MonitorReport, Null, NullStatistic, Verdict, judge, label_null
from psmatch_core.monitor.stability import LabelStability, Stability
from psmatch_core.monitor.verdict import gain_over_frequencies
from tests.conftest import make_modality


def steady(value, labels=("A", "B", "C")):
    return Stability(tuple(LabelStability(label, value, 0.5, 20) for label in labels))


@pytest.fixture(scope="module")
def coupling():
    return match(*(fit_propensity(make_modality(n, n=90, seed=s), LinearClassifier(strength=0.1)) for n, s in NAMES))


NAMES = (("RNA", 1), ("ADT", 2))


def test_distinguished_labels_with_stable_matches_are_trusted(coupling):
    report = judge(coupling, steady(0.9))
    assert [row.verdict for row in report.labels] == [Verdict.BELIEVE] * 3
    assert "stay nearly the same when the classifiers are trained on other cells" in report.labels[0].reasons[0]
    assert report.verdict is Verdict.WITH_CARE  # three labels alone say little about a cell
    assert any("only 3 labels" in reason for reason in report.reasons)


def test_without_a_stability_everything_needs_caution(coupling):
    report = judge(coupling)
    assert {row.verdict for row in report.labels} == {Verdict.WITH_CARE}
    assert "stability was not measured" in report.reasons
    assert np.isnan(report.stability)


@pytest.mark.parametrize(
    ("value", "verdict"), [(0.1, Verdict.DO_NOT), (0.3, Verdict.WITH_CARE), (0.7, Verdict.BELIEVE)]
)
def test_thresholds_of_stability_decide(coupling, value, verdict):
    report = judge(coupling, steady(value))
    assert {row.verdict for row in report.labels} == {verdict}
    assert THRESHOLDS.low_stability < THRESHOLDS.good_stability


def test_matches_that_change_are_not_trusted(coupling):
    report = judge(coupling, steady(0.05))
    assert report.verdict is Verdict.DO_NOT
    assert "100% of the cells are in labels whose matches cannot be trusted" in report.reasons[0]
    assert "matches change when the classifiers are trained on other cells" in report.labels[0].reasons[0]


def null_of(n_shuffles, n_as_good):
    """Statistics of which so many shuffles are at least as good as the true labels."""
    shuffled = (0.0,) * n_as_good + (2.0,) * (n_shuffles - n_as_good)
    losses = [NullStatistic(name, 1.0, shuffled) for name in ("loss_source", "loss_target")]
    p = losses[0].p_value
    assert p == (1 + n_as_good) / (1 + n_shuffles)
    return Null(n_shuffles, tuple(losses), dict.fromkeys("ABC", p), 90, 90)


@pytest.mark.parametrize(
    ("n_shuffles", "n_as_good", "is_chance"),
    [(1, 0, False), (4, 0, False), (4, 1, True), (19, 0, False), (19, 1, True), (99, 4, False), (99, 5, True)],
)
def test_better_than_every_shuffle_is_better_than_chance_however_few_they_are(
    coupling, n_shuffles, n_as_good, is_chance
):
    """With fewer than 19 shuffles no p-value can reach 0.05: then the smallest possible one must be enough."""
    report = judge(coupling, steady(0.9), null_of(n_shuffles, n_as_good))
    assert any("not better than with shuffled labels" in reason for reason in report.reasons) == is_chance
    for row in report.labels:
        assert any("not more stable than with shuffled labels" in reason for reason in row.reasons) == is_chance
        assert (row.verdict is Verdict.BELIEVE) != is_chance


def shuffled_coupling():
    models = []
    for name, seed in NAMES:
        modality = make_modality(name, n=90, seed=seed)
        labels = stream(0, "shuffle", name).permutation(modality.labels)
        models.append(fit_propensity(replace(modality, labels=labels), LinearClassifier(strength=1.0)))
    return match(*models)


def test_a_modality_that_learned_nothing_is_named():
    report = judge(shuffled_coupling(), steady(0.3))
    assert report.verdict is Verdict.DO_NOT
    assert any(
        "the RNA classifier has learned nothing about the labels: held-out loss" in reason for reason in report.reasons
    )


def test_a_classifier_that_learned_nothing_is_the_reason_and_not_its_labels():
    report = judge(shuffled_coupling(), steady(0.05))
    assert report.count(Verdict.DO_NOT) == 3
    assert not any("are in labels whose matches cannot be trusted" in reason for reason in report.reasons)


def test_few_cells_ask_for_caution_and_not_for_refusal():
    """With 8 cells in a label its stability is itself uncertain; with 30 the same stability is a refusal."""
    small = match(*(fit_propensity(make_modality(n, n=24, seed=s), LinearClassifier(strength=0.1)) for n, s in NAMES))
    for row in judge(small, steady(0.05)).labels:
        assert row.verdict is Verdict.WITH_CARE
        assert any("RNA: only 8 held-out cells, too few to be certain" in reason for reason in row.reasons)


def test_a_nearly_uniform_plan_is_named(coupling):
    uniform = {label: uniform_block(*block.shape) for label, block in coupling.blocks.items()}
    for row in judge(replace(coupling, blocks=uniform), steady(0.9)).labels:
        assert row.verdict is Verdict.WITH_CARE
        assert "nearly all cells of the label are equally good matches" in row.reasons
    assert not any("equally good" in reason for row in judge(coupling, steady(0.9)).labels for reason in row.reasons)


def faint(name, seed):
    """A model whose held-out predictions are right for 26 of the 50 cells of each label, and wrong in equal parts."""
    model = fit_propensity(make_modality(name, n=150, seed=seed), LinearClassifier(strength=0.1))
    best = model.y.copy()
    for label in range(3):
        cells = np.flatnonzero(model.y == label)
        best[cells[26:38]], best[cells[38:]] = (label + 1) % 3, (label + 2) % 3
    return replace(model, held_out_logits=3 * np.eye(3)[best])


def test_the_gain_over_the_frequencies_has_its_known_size_and_error():
    """Calibrated, the predicted label has 0.52 and the others 0.24 each, where the frequencies say 1/3."""
    gains = np.log(3 * np.r_[np.full(78, 0.52), np.full(72, 0.24)])
    gain, error = gain_over_frequencies(faint("RNA", 1))
    assert gain == pytest.approx(gains.mean(), rel=1e-3)
    assert error == pytest.approx(gains.std(ddof=1) / np.sqrt(150), rel=1e-3)


def test_a_faint_classifier_is_named():
    report = judge(match(*(faint(*each) for each in NAMES)), steady(0.9))
    assert any("the ADT classifier barely distinguishes the labels" in reason for reason in report.reasons)


def test_an_uninformative_classifier_with_stable_matches_needs_caution():
    report = judge(shuffled_coupling(), steady(0.9))
    assert report.verdict is Verdict.WITH_CARE


def test_a_label_without_a_plan_is_not_trusted(coupling):
    statuses = tuple(replace(each, outcome=Outcome.FAILED) if each.label == "B" else each for each in coupling.statuses)
    blocks = {label: block for label, block in coupling.blocks.items() if label != "B"}
    report = judge(replace(coupling, statuses=statuses, blocks=blocks), steady(0.9, ("A", "C")))
    assert {row.label: row.verdict for row in report.labels}["B"] is Verdict.DO_NOT
    assert any("matches of 1 label cannot be trusted: B" in reason for reason in report.reasons)


def test_a_report_comes_back_from_its_file_as_it_was(coupling):
    null = label_null(coupling.source, coupling.target, matcher(), n_shuffles=2)
    report = judge(coupling, steady(0.6), null, made_of="this")
    again = MonitorReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report
    assert again.table().equals(report.table())


def matcher():
    from psmatch_core.matching.matchers import SinkhornMatcher

    return SinkhornMatcher()


def test_a_damaged_report_and_one_of_a_later_version_are_refused(coupling):
    data = judge(coupling, steady(0.6)).to_dict()
    with pytest.raises(PsmatchError, match="a later version"):
        MonitorReport.from_dict({**data, "format": 99})
    with pytest.raises(PsmatchError, match="damaged"):
        MonitorReport.from_dict({key: value for key, value in data.items() if key != "labels"})


def test_the_evidence_on_a_run_is_that_of_its_models(coupling):
    report = judge(coupling)
    for side, model in zip(report.sides, (coupling.source, coupling.target), strict=True):
        assert side.loss == pytest.approx(model.validation_loss)
        assert side.raw_loss == pytest.approx(model.raw_validation_loss)
        assert side.baseline == pytest.approx(model.label_entropy)
    row = report.labels[0]
    mine = next(each for each in coupling.source.per_label if each.label == row.label)
    assert row.source.loss == pytest.approx(mine.loss)
    assert row.source.baseline == pytest.approx(mine.baseline)
