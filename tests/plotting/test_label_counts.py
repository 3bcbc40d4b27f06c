"""Cells per label: the largest labels on top, by the cells of both modalities together."""

from psmatch_core.plotting import label_counts


def test_labels_are_ordered_by_the_cells_of_both_modalities_and_alike_ones_by_name():
    source = {"few": 9, "many": 2, "b": 3, "alone": 8}
    target = {"few": 1, "many": 40, "b": 5, "a": 8, "other": 12}
    left, right, alone = label_counts(source, target, source_name="RNA", target_name="ADT").data
    order = ["many", "other", "few", "a", "alone", "b"]  # 42, 12, 10 and three times 8
    assert left.customdata.tolist() == [source.get(label, 0) for label in order]
    assert right.customdata.tolist() == [target.get(label, 0) for label in order]
    assert [text.split(":")[0] for text in left.hovertext] == order
    assert alone.y.tolist() == [left.y[place] for place in (1, 3, 4)]
