"""Names in a picture: none lies on another, the first are served first, and every point keeps its mark."""

import numpy as np
import plotly.graph_objects as go
import pytest

from psmatch_core.base.randomness import stream
from psmatch_core.plotting.named_points import (
    CHARACTER,
    GAP,
    LINE,
    PLACES,
    PLOT,
    _on_screen,
    _overlap,
    add_named,
    name_positions,
)


def boxes(x, y, names):
    found = []
    for left, bottom, name, place in zip(
        _on_screen(x, PLOT[0]), _on_screen(y, PLOT[1]), names, name_positions(x, y, names), strict=True
    ):
        if place:
            across, up = PLACES[place]
            half = CHARACTER * len(name) / 2
            middle = left + across * (half + GAP), bottom + up * (LINE / 2 + GAP)
            found.append((middle[0] - half, middle[1] - LINE / 2, middle[0] + half, middle[1] + LINE / 2))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_no_two_names_overlap_and_none_leaves_the_picture(seed):
    draw = stream(seed, "names")
    x, y = draw.normal(size=12), draw.normal(size=12)
    found = boxes(x, y, [f"feature_{k:02d}" for k in range(12)])
    assert len(found) >= 5
    for at, one in enumerate(found):
        assert one[0] >= 0
        assert one[2] <= PLOT[0]
        assert not any(_overlap(one, other) for other in found[at + 1 :])


def test_names_far_apart_all_stand_above_their_points():
    assert name_positions(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0]), ["a", "b", "c"]) == ["top center"] * 3


def test_points_in_one_place_keep_their_marks_and_as_many_names_as_fit():
    fig = go.Figure()
    add_named(fig, np.zeros(12), np.zeros(12), [f"name {k}" for k in range(12)])
    (trace,) = fig.data
    assert len(trace.x) == 12
    named = [name for name in trace.text if name]
    assert named == [f"name {k}" for k in range(len(named))]
    assert 2 <= len(named) <= len(PLACES)
