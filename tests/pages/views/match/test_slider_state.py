"""What the sliders say is what the maps show: words, and plans of the labels whose slider was moved."""

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
