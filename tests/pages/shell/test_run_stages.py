"""The fraction of a run that is done."""

from __future__ import annotations

import pytest

from pages.shell import run_stages
from psmatch_core.base.progress import Event


def test_how_much_is_done_never_falls_and_ends_at_one() -> None:
    stages = ["read", "preprocess: A", "preprocess: B", "propensity: A", "propensity: B", "match", "evaluate", "export"]
    events: list[Event] = []
    seen = [0.0]
    for stage in stages:
        for part in (0.2, 1.0):
            events.append(Event(stage, part))
            seen.append(run_stages.fraction_done(events))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)
    assert run_stages.fraction_done([each for each in events if each.stage != "evaluate"]) == pytest.approx(1.0)
    assert run_stages.fraction_done(events[:10], stop_after="propensity") == pytest.approx(1.0)
