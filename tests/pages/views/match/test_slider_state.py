"""What the sliders say is what the maps show: words, and plans of the labels whose slider was moved."""

from types import SimpleNamespace

import numpy as np

from pages.views.match import slider_state
from pages.views.match.slider_state import CouplingAtSliders
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher


def test_the_words_name_who_moved_and_who_did_not(models):
    run = match(*models)
    assert CouplingAtSliders(run, {}, "ε").describe(["A", "B"], 0.05) == "at ε = 0.05 as in the run"
    assert CouplingAtSliders(run, {}, "ε").describe(["A"], None) == "as in the run"
    moved = CouplingAtSliders(run, {"A": 0.02}, "ε")
    assert moved.describe(["A"], 0.05) == "at ε = 0.02 for A"
    assert moved.describe(["A", "B"], 0.05) == "at ε = 0.02 for A, otherwise 0.05 as in the run"
    assert moved.describe(["B"], 0.05) == "at ε = 0.05 as in the run"
    many = CouplingAtSliders(run, dict.fromkeys("ABCDE", 3.0), "k")
    assert many.describe(list("ABCDE"), 5) == "at k = 3 for A, 3 for B, 3 for C and 2 more labels"


def test_other_plans_of_the_same_cells(models):
    run = match(*models)
    sharp = match(*models, SinkhornMatcher(epsilon=0.01))
    changed = run.with_blocks({**run.blocks, "A": sharp["A"]})
    assert changed["A"] is sharp["A"]
    assert changed["B"] is run["B"]
    assert changed.source_cells is run.source_cells
    assert changed.statuses == run.statuses
    assert len(run.with_blocks({"A": run["A"]}).source_cells) == 1


def test_names_of_one_position_stand_together_and_unsolved_ones_are_not_marked(monkeypatch):
    steps = {"sharp": 0, "balanced": 1, "evidence": 1, "smooth": 2}
    monkeypatch.setattr(slider_state, "named_steps", lambda folder, path: steps)
    path = SimpleNamespace(values=np.array([0.02, 0.05, 0.1]), solved=np.array([True, True, False]))
    assert slider_state.marks(None, path) == {"sharp": 0.02, "balanced, evidence": 0.05}
