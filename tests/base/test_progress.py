"""Progress of a whole run: a fraction of each stage that rises, and a listener who can end it anywhere."""

import itertools
from collections import defaultdict

import pytest

from psmatch_core.base.errors import Cancelled
from psmatch_core.base.progress import UNHEARD, Event, StagePart, never_falling, silent, told_together
from psmatch_core.classification.classifiers import MLPClassifier
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.run import run
from psmatch_core.translation.translators import SampledNetworkTranslator
from tests.conftest import make_modality

SMALL = Recipe(
    classifier=MLPClassifier(hidden=(4,), n_epochs=2), translator=SampledNetworkTranslator(hidden=(4,), n_epochs=2)
)


def events_until(last: int | None = None) -> list[Event]:
    """The events of a run; the listener cancels it at the one numbered ``last``."""
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if len(heard) - 1 == last:
            raise Cancelled

    run(SMALL, make_modality("RNA"), make_modality("ADT", n=45, n_features=5, seed=1), progress=listen)
    return heard


def test_a_stage_rises_from_0_to_1_and_falls_only_to_begin_again():
    stages = defaultdict(list)
    for event in events_until():
        stages[event.stage].append(event.fraction)
    assert {"propensity: RNA", "propensity: ADT", "translator: ADT from RNA"} <= set(stages)
    for stage, fractions in stages.items():
        assert 0 <= min(fractions) <= max(fractions) <= 1, stage
        for before, after in itertools.pairwise(fractions):
            assert after >= before or before == 1, stage  # a translator is trained again for its baseline
        assert fractions[-1] == 1, stage


def test_a_run_can_be_cancelled_at_any_event():
    n_events = len(events_until())
    for last in {0, n_events // 4, n_events // 2, n_events - 1}:
        with pytest.raises(Cancelled):
            events_until(last)


def test_silence_answers_nothing_and_remembers_nothing():
    assert silent(Event("match", 0.5)) is None


def test_a_part_tells_shares_of_the_whole_stage_and_leaves_its_end_to_the_caller():
    heard: list[Event] = []
    whole = StagePart(heard.append, "evaluate", "label A", 0.5, 0.9)
    first, second = whole.split(2)
    assert (first.start, first.stop, second.stop) == pytest.approx((0.5, 0.7, 0.9))
    for done in (100, 1_500, 2_000):
        second.tell(done, 2_000)
    assert [each.fraction for each in heard] == pytest.approx([0.71, 0.85])
    assert heard[-1].message == "label A: 1,500 of 2,000 cells"
    second.hear(Event("match", 0.5, "label B"))
    assert (heard[-1].stage, heard[-1].message) == ("evaluate", "label A, label B")
    assert heard[-1].fraction == pytest.approx(0.8)
    UNHEARD.tell(1, 2)  # nobody listens


def test_computations_side_by_side_tell_their_mean_and_never_go_back():
    heard: list[Event] = []
    both = told_together(heard.append, "compare", ("to_source", "to_target"), words=lambda name: name.replace("_", " "))
    both["to_source"](Event("compare", 0.5, "label A"))
    both["to_target"](Event("compare", 0.2, "label A"))
    both["to_source"](Event("compare", 0.4, "label B"))  # by a slower thread
    assert [each.fraction for each in heard] == pytest.approx([0.25, 0.35, 0.35])
    assert heard[1].message == "to target, label A"


def test_a_part_that_begins_is_told_at_its_start():
    heard: list[Event] = []
    part = StagePart(heard.append, "features", "", 0.2, 0.4).begin("scaling")
    part.tell(1, 2, "passes")
    assert [(each.fraction, each.message) for each in heard] == [
        (0.2, "scaling"), (pytest.approx(0.3), "scaling: 1 of 2 passes"),
    ]  # fmt: skip


def test_labels_side_by_side_count_by_their_size():
    heard: list[Event] = []
    both = told_together(heard.append, "match", ("A", "B"), sizes=(3, 1), words="label {}".format)
    StagePart(both["A"], "match", "").tell(50, 100)
    both["B"](Event("match", 1.0))
    both["A"](Event("match", 1.0))
    assert [(each.fraction, each.message) for each in heard] == [
        (0.375, "label A, 50 of 100 cells"), (0.625, "label B"), (1.0, "label A"),
    ]  # fmt: skip
    nothing = told_together(heard.append, "match", ("A",), sizes=(0,))
    nothing["A"](Event("match", 0.5))
    assert heard[-1].fraction == 1


def test_a_share_that_never_falls_keeps_the_words():
    heard: list[Event] = []
    hear = never_falling(heard.append)
    for share, words in ((0.4, "one"), (0.2, "two"), (0.9, "three")):
        hear(Event("match", share, words))
    assert [(each.fraction, each.message) for each in heard] == [(0.4, "one"), (0.4, "two"), (0.9, "three")]
