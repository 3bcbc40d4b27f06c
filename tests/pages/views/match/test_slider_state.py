"""What the sliders say is what the maps show: words, and plans of the labels whose slider was moved."""

from pages.views.match.slider_state import Followed
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import SinkhornMatcher


def test_the_words_name_who_moved_and_who_did_not(models):
    run = match(*models)
    assert Followed(run, {}, "ε").words(["A", "B"], 0.05) == "at ε = 0.05 as in the run"
    assert Followed(run, {}, "ε").words(["A"], None) == "as in the run"
    moved = Followed(run, {"A": 0.02}, "ε")
    assert moved.words(["A"], 0.05) == "at ε = 0.02 for A"
    assert moved.words(["A", "B"], 0.05) == "at ε = 0.02 for A, else 0.05 as in the run"
    assert moved.words(["B"], 0.05) == "at ε = 0.05 as in the run"
    many = Followed(run, dict.fromkeys("ABCDE", 3.0), "k")
    assert many.words(list("ABCDE"), 5) == "at k = 3 for A, 3 for B, 3 for C and 2 labels more"


def test_other_plans_of_the_same_cells(models):
    run = match(*models)
    sharp = match(*models, SinkhornMatcher(epsilon=0.01))
    changed = run.with_blocks({**run.blocks, "A": sharp["A"]})
    assert changed["A"] is sharp["A"]
    assert changed["B"] is run["B"]
    assert changed.source_cells is run.source_cells
    assert changed.statuses == run.statuses
    assert len(run.with_blocks({"A": run["A"]}).source_cells) == 1
