"""The verdict: agreement decides, flags and doubts lower it, every reason is given, and a file keeps the report."""

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
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.monitor import (
    THRESHOLDS,
    Agreement,
    Evidence,
    Flag,
    HiddenLabels,
    HiddenPair,
    LabelFlag,
    ModalityAgreement,
    MonitorReport,
    Null,
    NullStatistic,
    Verdict,
    judge,
    label_null,
)
from psmatch_core.monitor.stability import LabelStability, Stability
from psmatch_core.monitor.verdict import CAPS, gain_over_frequencies
from tests.conftest import make_modality

NAMES = (("RNA", 1), ("ADT", 2))
FOUND = HiddenLabels((HiddenPair("A", "B", 0.9, 0.5),), (0.0, 0.1, -0.1), 4)
LOST = HiddenLabels((HiddenPair("A", "B", 0.5, 0.5),), (0.0, 0.1, -0.1), 4)
AGREE = ModalityAgreement(Agreement(0.8, 0.001, 0.2), Agreement(0.7, 0.001, 0.2), 8)
DISAGREE = ModalityAgreement(Agreement(0.05, 0.4, 0.2), Agreement(0.1, 0.3, 0.2), 8)


def steady(value, labels=("A", "B", "C")):
    return Stability(tuple(LabelStability(label, value, 0.5, 20) for label in labels))


def halves(cells, features):
    return Evidence(cells=steady(cells), features=steady(features))


@pytest.fixture(scope="module")
def coupling():
    return match(*(fit_propensity(make_modality(n, n=90, seed=s), LinearClassifier(strength=0.1)) for n, s in NAMES))


def verdicts(report):
    return {row.verdict for row in report.labels}


@pytest.mark.parametrize(
    ("cells", "features", "verdict"),
    [
        (0.9, 0.9, Verdict.USE),
        (0.5, 0.1, Verdict.USE),  # their mean decides; with 30 cells a side chance gives up to 0.09
        (0.9, 0.09, Verdict.LABEL_ONLY),
        (0.45, 0.1, Verdict.CAUTION),
        (0.1, 0.1, Verdict.CAUTION),
        (0.9, 0.04, Verdict.LABEL_ONLY),  # other training cells reproduce the noise of single features
        (0.05, 0.1, Verdict.LABEL_ONLY),
        (0.4, -0.4, Verdict.LABEL_ONLY),
        (float("nan"), 0.5, Verdict.USE),  # the one that was measured
        (float("nan"), float("nan"), Verdict.LABEL_ONLY),  # every cell has the same matches
    ],
)
def test_the_mean_agreement_of_both_halvings_decides(coupling, cells, features, verdict):
    report = judge(coupling, halves(cells, features))
    assert verdicts(report) == {verdict}
    assert THRESHOLDS.caution < THRESHOLDS.use


def test_what_was_not_measured_is_never_called_use(coupling):
    report = judge(coupling)
    assert verdicts(report) == {Verdict.CAUTION}
    assert "whether the matches can be reproduced was not measured" in report.reasons
    assert not report.is_measured


def test_words_keep_to_what_was_measured(coupling):
    for evidence in (halves(0.9, 0.9), halves(0.2, 0.2), halves(0, 0)):
        report = judge(coupling, evidence)
        text = " ".join([report.verdict.title, *report.reasons, *(r for row in report.labels for r in row.reasons)])
        assert "correct" not in text
        assert "trust" not in text
        assert "reproduced" in text or "reproducible" in text or "label" in text


def test_a_figure_that_rounds_to_0_has_no_sign(coupling):
    (reason, *_), *_ = [row.reasons for row in judge(coupling, halves(0.5, -0.004)).labels]
    assert "agreement 0.50 between halves of the cells, 0.00 between halves of the features" in reason


@pytest.mark.parametrize("before", [0.9, 0.2, 0])
def test_where_hidden_labels_are_not_found_cells_are_matched_by_label_only(coupling, before):
    report = judge(coupling, replace(halves(before, before), hidden=LOST))
    assert verdicts(report) == {Verdict.LABEL_ONLY}
    assert any("hidden labels are not found again (score 0.00" in reason for reason in report.reasons)
    assert report.verdict is not Verdict.USE
    found = judge(coupling, replace(halves(before, before), hidden=FOUND))
    assert verdicts(found) == verdicts(judge(coupling, halves(before, before)))


def test_modalities_that_do_not_agree_lower_every_label(coupling):
    report = judge(coupling, replace(halves(0.9, 0.9), modalities=DISAGREE))
    assert verdicts(report) == {Verdict.CAUTION}
    assert any("the labels change something that only one modality sees" in reason for reason in report.reasons)
    assert verdicts(judge(coupling, replace(halves(0.9, 0.9), modalities=AGREE))) == {Verdict.USE}
    few = replace(DISAGREE, n_labels=5)  # cannot be judged, so it says nothing
    assert verdicts(judge(coupling, replace(halves(0.9, 0.9), modalities=few))) == {Verdict.USE}


def test_disagreement_is_no_news_where_a_modality_learned_nothing():
    """Then the losses say so already, and the labels are not blamed for it."""
    report = judge(shuffled_coupling(), replace(halves(0.9, 0.9), modalities=DISAGREE))
    assert not any("only one modality sees" in reason for reason in report.reasons)
    assert any("the RNA classifier (source) has learned nothing about the labels" in each for each in report.reasons)
    assert report.count(Verdict.USE) == 0


@pytest.mark.parametrize("flag", [flag for flag in CAPS if flag is not Flag.NO_PLAN])
def test_a_flag_sets_a_limit_and_says_why(coupling, flag):
    flags = {"B": (LabelFlag(flag, "what was found"),)}
    rows = judge(coupling, replace(halves(0.9, 0.9), data_flags=flags)).by_label
    assert rows["B"].verdict is Verdict.CAUTION
    assert rows["B"].reasons[0] == "what was found"
    assert rows["A"].verdict is Verdict.USE
    assert judge(coupling, replace(halves(0, 0), data_flags=flags)).by_label["B"].verdict is Verdict.LABEL_ONLY


def test_a_pair_that_a_modality_does_not_separate_is_named_on_both_labels_and_to_be_merged():
    confused = HiddenLabels((HiddenPair("A", "B", 0.5, 0.5), HiddenPair("A", "C", 1.0, 0.5)), (0.0, 0.1, -0.1), 4)
    row = judge(one_label_in_two(), replace(halves(0.2, 0.2), hidden=confused)).by_label
    (flag,) = [each for each in row["A"].flags if each.flag is Flag.NOT_DISTINGUISHED]
    assert flag.detail == "not distinguished from B by ADT; hidden, 0.50 find their own label, 0.50 by chance"
    assert "merge it with B" in row["A"].advice
    assert "merge it with A" in row["B"].advice
    assert Flag.NOT_DISTINGUISHED not in {each.flag for each in row["C"].flags}


def test_labels_that_both_modalities_separate_are_not_to_be_merged(coupling):
    """Hidden labels are looked for by what the other labels change: labels may differ by something else."""
    confused = replace(FOUND, pairs=(HiddenPair("A", "B", 0.5, 0.5), HiddenPair("A", "C", 1.0, 0.5)))
    report = judge(coupling, replace(halves(0.2, 0.2), hidden=confused))
    assert [row.flags for row in report.labels] == [(), (), ()]
    assert not any("merge" in each for row in report.labels for each in row.advice)


def test_few_cells_ask_for_caution():
    small = match(*(fit_propensity(make_modality(n, n=24, seed=s), LinearClassifier(strength=0.1)) for n, s in NAMES))
    for row in judge(small, halves(0.9, 0.9)).labels:
        assert row.verdict is Verdict.CAUTION
        assert "only 8 cells in RNA" in row.reasons


def test_a_uniform_plan_is_matched_by_label_only(coupling):
    uniform = {label: uniform_block(*block.shape) for label, block in coupling.blocks.items()}
    for row in judge(replace(coupling, blocks=uniform), halves(0.9, 0.9)).labels:
        assert row.verdict is Verdict.LABEL_ONLY
        assert "30.0 effective matches of 30 candidates" in row.reasons[0]
        assert "lower epsilon" in row.advice
    assert not any(row.flags for row in judge(coupling, halves(0.9, 0.9)).labels)


def test_a_label_without_a_plan_is_not_matched(coupling):
    statuses = tuple(replace(each, outcome=Outcome.FAILED) if each.label == "B" else each for each in coupling.statuses)
    blocks = {label: block for label, block in coupling.blocks.items() if label != "B"}
    evidence = Evidence(cells=steady(0.9, ("A", "C")), features=steady(0.9, ("A", "C")), hidden=LOST)
    report = judge(replace(coupling, statuses=statuses, blocks=blocks), evidence)
    assert report.by_label["B"].verdict is Verdict.NOT_MATCHED
    assert "1 label not matched: B" in report.reasons
    failed = tuple(replace(each, outcome=Outcome.FAILED) for each in coupling.statuses)
    assert judge(replace(coupling, statuses=failed, blocks={}), evidence).verdict is Verdict.NOT_MATCHED


def test_the_run_is_called_reproducible_only_if_most_of_its_cells_are(coupling):
    assert judge(coupling, halves(0.9, 0.9)).verdict is Verdict.USE
    mixed = Stability((LabelStability("A", 0.9, 1, 30), LabelStability("B", 0.2, 1, 30), LabelStability("C", 0, 1, 30)))
    report = judge(coupling, Evidence(cells=mixed, features=mixed))
    assert report.verdict is Verdict.CAUTION
    assert report.reasons[0] == "33% of the cells are in labels called 'use'"
    assert report.counted() == "1 use, 1 use with caution, 1 matched by label only"
    assert report.table()["label"].tolist() == ["A", "B", "C"]
    assert judge(coupling, halves(0, 0)).verdict is Verdict.LABEL_ONLY


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
    report = judge(coupling, replace(halves(0.9, 0.9), null=null_of(n_shuffles, n_as_good)))
    assert any("no better than with shuffled labels" in reason for reason in report.reasons) == is_chance
    assert (report.verdict is Verdict.USE) != is_chance


def one_label_in_two():
    """In ADT the cells of A and B are dealt between the two, so that nothing separates them there."""
    rna, adt = (make_modality(name, n=90, seed=seed) for name, seed in NAMES)
    labels = np.array(adt.labels, dtype=object)
    dealt = np.flatnonzero(np.isin(labels, ["A", "B"]))
    labels[dealt] = stream(1, "dealt").permutation(labels[dealt])
    adt = replace(adt, labels=labels)
    return match(*(fit_propensity(each, LinearClassifier(strength=0.1)) for each in (rna, adt)))


def shuffled_coupling():
    models = []
    for name, seed in NAMES:
        modality = make_modality(name, n=90, seed=seed)
        labels = stream(0, "shuffle", name).permutation(modality.labels)
        models.append(fit_propensity(replace(modality, labels=labels), LinearClassifier(strength=1.0)))
    return match(*models)


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


def test_a_report_comes_back_from_its_file_as_it_was(coupling):
    null = label_null(coupling.source, coupling.target, SinkhornMatcher(), n_shuffles=2)
    evidence = replace(halves(0.6, 0.5), null=null, hidden=FOUND, modalities=AGREE, notes=("one thing",))
    report = judge(coupling, evidence, made_of="this")
    again = MonitorReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again == report
    assert again.table().equals(report.table())
    assert again.figures.to_dict() == report.figures.to_dict()


def test_a_damaged_report_and_those_of_other_versions_are_refused(coupling):
    data = judge(coupling, halves(0.6, 0.6)).to_dict()
    with pytest.raises(PsmatchError, match="a later version"):
        MonitorReport.from_dict({**data, "format": 99})
    with pytest.raises(PsmatchError, match="an earlier version, whose verdicts followed other rules"):
        MonitorReport.from_dict({**data, "format": 1})
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
