"""Labels of both modalities compared, and rules on two files together."""

from dataclasses import dataclass, field, replace

import pytest

from psmatch_core.data.checks import CellNames, Severity, Sketch, check_pair, sketch
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.labels.shared_labels import reconcile, suggested_map


def codes(report):
    assert all(len(str(each)) <= 300 for each in report.findings)
    return [each.code for each in report.findings]


def test_labels_are_sorted_into_shared_one_sided_and_small():
    report = reconcile({"a": 9, "b": 9, "c": 1, "s": 3}, {"a": 5, "b": 5, "c": 5, "t": 4})
    assert report.shared == ("a", "b")
    assert report.only_source == ("s",)
    assert report.only_target == ("t",)
    assert report.too_small == (("c", 1, 5),)
    assert codes(report) == ["PM-L11", "PM-L11", "PM-L10"]
    assert "1 label only in source, not in target: s (3 cells)" in report.findings[0].problem


def test_a_label_with_exactly_the_fewest_cells_is_shared():
    report = reconcile({"a": 3, "b": 2, "c": 9}, {"a": 3, "b": 3, "c": 9}, minimum_cells=3)
    assert report.shared == ("a", "c")
    assert report.too_small == (("b", 2, 3),)


def test_no_shared_label_is_refused_with_both_lists():
    report = reconcile({"B cell": 5, "T": 5}, {"Mono": 5}, source_name="A.h5ad", target_name="B.h5ad")
    assert report.findings[0].severity is Severity.REJECT
    assert report.findings[0].problem == "No label is shared: A.h5ad has B cell, T; B.h5ad has Mono."


def test_one_shared_label_is_not_enough():
    report = reconcile({"a": 5, "b": 5}, {"a": 5, "c": 5})
    assert report.findings[0].severity is Severity.REJECT
    assert "source and target share only one label: a." in report.findings[0].problem


def test_shared_labels_that_are_all_too_small_are_refused():
    report = reconcile({"a": 1}, {"a": 50})
    assert codes(report) == ["PM-L10"]
    assert report.findings[0].severity is Severity.REJECT


LOOKALIKES = {
    "spaces": ("KO_A", " KO_A"),
    "case": ("B cell", "b cell"),
    "case, spaces": ("B cell", "b  cell "),
    "Unicode form": ("Zelle é", "Zelle e\u0301"),
    "similar characters": ("B cell", "\u0412 cell"),
    "1.0 and 1": ("1", "1.0"),
    "spelling": ("CD4-T cell", "CD4_T_cell"),
}


@pytest.mark.parametrize("why", LOOKALIKES)
def test_lookalikes_are_found_named_and_mapped(why):
    here, there = LOOKALIKES[why]
    report = reconcile({here: 5, "x": 5}, {there: 5, "x": 5})
    assert report.lookalikes == ((here, there, why),)
    assert suggested_map(report) == {there: here}
    assert [each.severity for each in report.findings] == [Severity.WARN]
    assert f"({why})" in report.findings[0].problem


def test_lookalikes_alone_are_a_warning_since_a_button_solves_them():
    report = reconcile({"B cell": 5}, {"b cell": 5})
    assert report.shared == ()
    assert [each.severity for each in report.findings] == [Severity.WARN]


def test_mapping_never_renames_a_label_that_is_shared():
    report = reconcile({"B": 5, "b ": 5}, {"B": 5})
    assert report.lookalikes == (("b ", "B", "case, spaces"),)
    assert suggested_map(report) == {}


def test_genuinely_different_labels_are_not_lookalikes():
    assert reconcile({"CD4": 5, "KO_A": 5, "A1": 5}, {"CD8": 5, "KO_B": 5, "A11": 5}).lookalikes == ()


@dataclass(frozen=True)
class Column:
    name: str
    kind: str = "text"
    n_distinct: int = 3
    n_missing: int = 0
    counts: dict = field(default_factory=lambda: {"a": 5, "b": 5})
    is_label_candidate: bool = True
    listed: tuple = ()


@dataclass(frozen=True)
class OneSide:
    name: str
    n_cells: int = 60
    sha256: str = ""
    cells: CellNames = field(default_factory=lambda: CellNames.of(["c"])[0])
    features: Sketch = field(default_factory=lambda: sketch(["f"]))
    columns: tuple = ()


def side(name, *, prefix=None, features=None, n_cells=60, **keywords):
    prefix = name if prefix is None else prefix
    names = [f"{prefix}{i}" for i in range(n_cells)]
    return OneSide(
        name,
        n_cells,
        cells=CellNames.of(names)[0],
        features=sketch(features or [f"{name}_f{i}" for i in range(9)]),
        **keywords,
    )


def problems(source, target, **keywords):
    findings = check_pair(source, target, **keywords)
    assert all(each.severity is Severity.WARN for each in findings)
    assert [str(each) for each in findings if len(str(each)) > 300] == []
    return [each.problem for each in findings]


def test_two_modalities_of_different_cells_give_no_finding():
    assert problems(side("A"), side("B")) == []


def test_same_cell_names_are_reported_with_the_decision():
    assert problems(side("A", prefix=""), side("B", prefix="")) == [
        "A and B: 60 cell names are equal, but they only number the cells (0, 1): equal numbers need not be the same "
        "cell."
    ]
    barcodes = CellNames.of([f"{a}{b}{c}TTGACA" for a in "ACGT" for b in "ACGT" for c in "ACGT"])[0]
    labels = Column("cell_type", listed=("a", "b", "c", "d") * 16)
    sides = [replace(side(name), cells=barcodes, columns=(labels,)) for name in "AB"]
    assert problems(*sides, source_label_key="cell_type") == [
        "A and B: 64 cell names are equal, and the labels agree (100% of these cells, 25% by chance)."
    ]


def test_same_modality_and_same_file_are_reported_and_not_refused():
    genes = [f"G{i}" for i in range(100)]
    assert (
        "share 80 feature names and look like the same modality"
        in problems(side("A", features=genes), side("B", features=genes[:80]))[0]
    )
    twice = [side(name, sha256="ab", features=genes) for name in "AB"]
    assert "the same file was loaded twice" in problems(*twice)[0]
    assert problems(side("A", sha256="ab"), side("B", sha256="ab", features=genes)) == []  # one file, two modalities


def test_very_different_sizes_are_reported():
    assert "matched about 167 times" in problems(side("A", n_cells=2000), side("B", n_cells=12))[0]


def test_column_that_is_called_differently_is_proposed():
    a, b = side("A", columns=(Column("cell_type"),)), side("B", columns=(Column("annotation"),))
    assert problems(a, b, source_label_key="cell_type") == [
        "B has no column cell_type; its column annotation holds the same labels."
    ]
    assert problems(a, b, source_label_key="cell_type", target_label_key="annotation") == [
        "Labels are in column cell_type of A and in annotation of B."
    ]


def test_numbers_on_one_side_and_text_on_the_other_are_reported():
    a = side("A", columns=(Column("pair_id", "whole numbers", 60), Column("k", "whole numbers", counts={"1": 5})))
    b = side("B", columns=(Column("pair_id", "text", 60), Column("k", "numbers like 1.0", counts={"1": 5})))
    assert problems(a, b, source_label_key="k") == [
        "Labels are whole numbers (1) in A and numbers like 1.0 (1) in B.",
        "Column pair_id (pair ids?) holds whole numbers in A and text in B.",
    ]


def test_pair_ids_that_occur_twice_are_reported_where_they_are_chosen_or_called_so():
    a, b = (
        side(name, columns=(Column(key, n_distinct=58, n_missing=1),))
        for name, key in (("A", "nucleus"), ("B", "spot"))
    )
    assert problems(a, b) == []
    assert problems(a, b, pair_keys=("nucleus", "spot")) == [
        "Pair column nucleus: values occur more than once in a file (2 cells beyond the first), so they do not name "
        "one cell."
    ]
    called = [side(name, columns=(Column("pair_id", n_distinct=58),)) for name in "AB"]
    assert "Pair column pair_id: values occur more than once" in problems(*called)[0]
    whole = [side(name, columns=(Column("pair_id", n_distinct=60),)) for name in "AB"]
    assert problems(*whole) == []
    groups = [side(name, columns=(Column("pair_id", n_distinct=6),)) for name in "AB"]
    assert problems(*groups) == []


def test_messages_stay_short_however_long_the_names():
    long, name = [str(i) * 90 for i in range(9)], "n" * 90
    source, target = {f"B {each}": 1234567 for each in long}, {f"b {each}": 1234567 for each in long}
    columns = (Column(long[0], "numbers like 1.0", 60, dict.fromkeys(long, 5)), Column(long[1], "whole numbers", 60))
    others = (Column(long[0], "true or false", 60, dict.fromkeys(long, 5)), Column(long[1], "text", 60))
    for counts in (target, dict.fromkeys(long, 5), {**source, "x" * 90: 7}, dict.fromkeys(source, 1)):
        report = reconcile(source, counts, source_name=name, target_name=name)
        assert report.findings
        assert all(len(str(each)) <= 300 for each in report.findings), [str(each) for each in report.findings]
    a = side(name, prefix="c", columns=columns, n_cells=2000)
    for b in (side(name, prefix="c", columns=others), side(name, features=long, columns=columns[1:])):
        assert problems(a, b, source_label_key=long[0])
        assert problems(a, b, source_label_key=long[0], target_label_key=long[1])


def test_sketch_counts_small_sets_exactly_and_estimates_large_ones():
    small = sketch(f"c{i}" for i in range(100))
    assert small.shared_with(sketch(f"c{i}" for i in range(50, 300))) == (50, True)
    large = sketch(f"c{i}" for i in range(40_000))
    count, is_exact = large.shared_with(sketch(f"c{i}" for i in range(20_000, 60_000)))
    assert not is_exact
    assert abs(count - 20_000) < 2_000
    assert large.shared_with(large) == (40_000, True)


def test_the_estimate_holds_for_sets_of_very_different_size():
    few, many = sketch(f"c{i}" for i in range(8_000)), sketch(f"c{i}" for i in range(200_000))
    for one, other in ((few, many), (many, few)):
        count, is_exact = one.shared_with(other)
        assert not is_exact
        assert abs(count - 8_000) < 2_500


@pytest.mark.parametrize("control", [[], ["NT"]])
@pytest.mark.parametrize("is_turned", [False, True])
def test_ids_of_genes_on_one_side_and_names_on_the_other_are_told(control, is_turned):
    ids, names = [f"ENSG0000014151{i}" for i in range(4)] + control, ["TP53", "MYC", "KRAS", "EGFR", *control]
    sides = [dict.fromkeys(each, 20) for each in ((names, ids) if is_turned else (ids, names))]
    named = ("images", "rna") if is_turned else ("rna", "images")
    report = reconcile_by_rules(LabelRules(), *sides, source_name=named[0], target_name=named[1])
    (refused,) = [each for each in report.findings if each.code in ("PM-L09", "PM-L15")]
    assert refused.hint == "rna has Ensembl ids and images names of genes: write one column in the way of the other."


def test_ids_on_both_sides_are_not_taken_for_names():
    sides = [dict.fromkeys([f"ENSG0000014151{i + 4 * k}" for i in range(4)], 20) for k in (0, 1)]
    report = reconcile_by_rules(LabelRules(), *sides)
    assert "Ensembl" not in " ".join(each.hint for each in report.findings)
