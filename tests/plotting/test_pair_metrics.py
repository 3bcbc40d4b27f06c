"""Metrics of true pairs: the title gives means over pairs, of the coupling and of the uniform plan alike."""

import pandas as pd
import pytest

from psmatch_core.plotting import metric_bars
from psmatch_core.plotting.style import short_number


@pytest.mark.parametrize("metric", ["trace", "trace_fold", "foscttm", "rank"])
def test_labels_count_by_their_pairs_in_both_means_of_the_title(metric):
    """A small label has 1 pair, a large one 9: means over labels would be 0.3 and 0.5."""
    columns = {metric: [0.5, 0.1], f"{metric}_uniform": [0.9, 0.1]}
    title = metric_bars(pd.DataFrame({"label": ["small", "large"], "n_pairs": [1, 9]} | columns), metric).layout.title
    said = title.text.replace("<br>", " ")
    assert f": {short_number(0.14)}, uniform plan {short_number(0.18)}; " in said


def test_the_best_label_stands_on_top_and_keeps_its_own_baseline():
    rows = pd.DataFrame(
        {"label": ["a", "b", "c"], "n_pairs": [2, 5, 9], "rank": [0.4, 0.1, 0.3], "rank_uniform": [0.5, 0.45, 0.55]}
    )
    fig = metric_bars(rows, "rank")
    assert fig.data[0].x == pytest.approx([0.1, 0.3, 0.4])
    assert fig.data[1].x == pytest.approx([0.45, 0.55, 0.5])
    assert list(fig.data[0].hovertext) == ["b, 5 true pairs", "c, 9 true pairs", "a, 2 true pairs"]
    assert metric_bars(rows.rename(columns=lambda name: name.replace("rank", "trace")), "trace").data[0].x == (
        pytest.approx([0.4, 0.3, 0.1])
    )
