"""Progress of a whole run: a fraction of each stage that rises, and a listener who can end it anywhere."""

import itertools
from collections import defaultdict

import pytest

from psmatch_core.base.errors import Cancelled
from psmatch_core.base.progress import Event, silent
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


def test_a_run_can_be_cancelled_at_any_event():
    n_events = len(events_until())
    for last in {0, n_events // 4, n_events // 2, n_events - 1}:
        with pytest.raises(Cancelled):
            events_until(last)


def test_silence_answers_nothing_and_remembers_nothing():
    assert silent(Event("match", 0.5)) is None
