"""The matrix of hidden labels: it counts what is not found again, and says what it leaves out."""

import re

from psmatch_core.monitor import HiddenLabels, HiddenPair
from psmatch_core.plotting import hidden_label_matrix


def pairs(names, score=0.9):
    return tuple(
        HiddenPair(one, other, 0.5 + score / 2, 0.5) for i, one in enumerate(names) for other in names[i + 1 :]
    )


def text_of(fig):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", str(fig.layout.title.text)))


def test_pairs_that_are_not_found_are_counted_and_the_worst_is_named():
    found = HiddenLabels((HiddenPair("STAT1", "JAK<2>", 0.51, 0.5), *pairs(["A", "B", "C"])), (0.0, 0.1), 5)
    text = text_of(hidden_label_matrix(found))
    assert "1 of 4 pairs not found again" in text
    assert "0.51, chance 0.50" in text
    assert "JAK<2>" not in text


def test_where_all_are_found_the_title_says_so():
    text = text_of(hidden_label_matrix(HiddenLabels(pairs(["A", "B", "C", "D"]), (0.0, 0.1), 4)))
    assert "All 6 pairs of labels are found again" in text


def test_the_matrix_is_symmetric_and_the_least_found_come_first():
    found = HiddenLabels((*pairs(["A", "B", "C"]), HiddenPair("A", "Z", 0.5, 0.5)), (0.0, 0.1), 4)
    z = hidden_label_matrix(found).data[0].z
    assert z[0, 1] == z[1, 0]
    fig = hidden_label_matrix(found)
    assert fig.layout.yaxis.ticktext[0] == "Z"


def test_many_labels_are_cut_and_the_note_says_so():
    names = [f"L{index:02d}" for index in range(60)]
    fig = hidden_label_matrix(HiddenLabels(pairs(names), (0.0, 0.1), 80))
    text = text_of(fig)
    assert "40 of 60 labels" in text
    assert "1,390 pairs not asked" in text
    assert fig.data[0].z.shape == (40, 40)
