"""One name in another spelling is seen, and no name is taken for another."""

from itertools import combinations

import pytest

from psmatch_core.data.labels.suggestions import suggest
from psmatch_core.data.names.guide_names import collapsed_guides
from psmatch_core.data.names.spellings import human_name, same_spellings, spelling
from tests.data.labels.test_suggestions import DRUGS, GENES, TYPES, counts

SAME = {
    "marks": ["SB 203580", "SB203580", "SB-203580", "sb_203580"],
    "Greek": ["IFN-γ", "IFNg", "IFN-gamma", "IFNγ", "IFN gamma"],
    "cells": ["NK cells", "NK", "NK cell"],
    "order of words": ["T reg", "Treg", "T-reg"],
    "zeros before": ["A01", "A1", "a-01"],
    "left by a program": [
        "TP53",
        "b'TP53'",
        '"TP53"',
        "'TP53'",
        "['TP53']",
        "('TP53',)",
        "[b'TP53']",
        "{'TP53'}",
        "[TP53]",
    ],
    "names of R": ["5-FU", "X5.FU", "5 FU", "5FU"],
    "plural": ["Monocytes", "monocyte", "Monocyte"],
    "plural of letters": ["pDCs", "pDC"],
    "plus": ["CD4+ T cells", "CD4 T cell", "CD4+ T"],
    "decimal comma": ["0,5", "0.5"],
    "decimal comma of a dose": ["DrugX 2,5", "DrugX_2.5"],
    "spaces before a sign": ["DMSO 0.1%", "DMSO 0.1 %", "DMSO 0,1 %"],
    "zeros after": ["DrugX_1", "DrugX 1.0", "DrugX 1,00"],
    "days": ["d3", "Day 3", "day3", "D03", "3 days", "3d"],
    "gene and id": ["TP53|ENSG00000141510", "TP53 (ENSG00000141510.12)", "ENSG00000141510_TP53", "TP53"],
    "version": ["ENSG00000141510.12", "ENSG00000141510", "ENSG00000141510.5"],
}
OTHER = [
    ("TP5_31", "TP53_1"), ("A1-1", "A11"), ("CD8-", "CD8"), ("CD8+", "CD8-"), ("10", "1"), ("0.1", "1"), ("0.5", "5"),
    ("d3", "d30"), ("d3", "week 3"), ("IL-1", "IL-1b"), ("IFN-α", "IFN-γ"), ("ENSG00000141510", "ENSG00000141511"),
    ("KRAS", "KRA"), ("FAS", "FA"), ("1,234", "1.234"), ("['A','B']", "A"), ("X1", "X2"), ("MAX1", "MA1"),
    ("100", "1.00"), ("1,000", "1"), ("A10", "A1"), ("H2-K1", "H2K11"),
]  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_all_spellings_of_a_name_have_one_text(kind):
    assert len({spelling(each) for each in SAME[kind]}) == 1


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_different_names_have_different_texts(one, other):
    assert spelling(one) != spelling(other)


@pytest.mark.parametrize("names", [GENES, TYPES, DRUGS], ids=["genes", "cell types", "drugs"])
def test_no_two_ordinary_names_are_one(names):
    assert len({spelling(each) for each in names}) == len(names)


def test_a_spelling_of_a_spelling_is_itself():
    for names in (*SAME.values(), GENES, TYPES, DRUGS):
        for each in names:
            assert spelling(spelling(each)) == spelling(each)


@pytest.mark.parametrize(("one", "other"), [pair for each in SAME.values() for pair in combinations(each, 2)])
def test_both_sides_are_joined_unless_a_look_alike_does_it_already(one, other):
    found = same_spellings(counts(["STAT1", one]), counts(["STAT1", other]))
    assert found in ({other: one}, {})
    assert same_spellings(counts(["STAT1", other]), counts(["STAT1", one])) == {new: old for old, new in found.items()}


def test_what_one_side_tells_apart_is_never_joined():
    assert same_spellings(counts(["NK", "NK cells"]), counts(["NK cell"])) == {}
    assert same_spellings(counts(["NK"]), counts(["NK cells", "NK-cell"])) == {}
    assert same_spellings(counts(["NK", "NK cell"]), counts(["NK", "NK cell"])) == {}


@pytest.mark.parametrize(
    ("mouse", "human"),
    [
        ("Trp53", "TP53"),
        ("Trp53 KO", "TP53_KO"),
        ("Trp73", "TP73"),
        ("Zfp281", "ZNF281"),
        ("Cd8b1", "CD8B"),
        ("Trp63_KO", "TP63 KO"),
    ],
)
def test_a_gene_of_the_mouse_is_offered_as_that_of_human_and_the_reason_says_so(mouse, human):
    for sides in ((counts(["Kras", mouse]), counts(["KRAS", human])), (counts([human, "NT"]), counts([mouse, "NT"]))):
        (found,) = [each for each in suggest(*sides) if each.kind == "spellings"]
        assert {*found.rename_source, *found.rename_target} <= {(mouse, human), (human, mouse)}
        assert "one gene in human and mouse" in found.reason
    assert same_spellings(counts([mouse, human]), counts([human])) == {}  # both are known on one side


@pytest.mark.parametrize("name", ["TRPV1", "Trpm7", "ZFP36", "Zfp1", "Trp5", "CD8B12", "Trp530"])
def test_other_names_are_those_of_both_species(name):
    assert human_name(name) in (name, name.replace("ZFP", "ZNF"))


def test_guides_of_genes_of_the_mouse_fall_on_the_human_names():
    found, _ = collapsed_guides(
        counts(["sgTrp53_1", "sgMyc_2", "sgKras_1", "NT"]), counts(["TP53", "MYC", "KRAS", "NT"])
    )
    assert found == {"sgTrp53_1": "TP53", "sgMyc_2": "MYC", "sgKras_1": "KRAS"}


@pytest.mark.parametrize("other", [["yes", "no"], ["1", "0"], ["TRUE", "FALSE"], ["T", "F"], ["Y", "N"]])
def test_truth_is_one_only_where_both_sides_hold_nothing_else(other):
    found = same_spellings(counts(["True", "False"]), counts(other))
    expected = dict(zip(other, ["True", "False"], strict=True))
    assert found in (expected, {})
    assert found == expected or other == ["TRUE", "FALSE"]  # these look alike already
    assert same_spellings(counts(["True", "False", "NT"]), counts([*other, "NT"])) == {}


def test_marks_of_a_program_are_taken_away_on_the_side_that_has_them():
    wrapped, plain = counts(["b'TP53'", "b'MYC'"]), counts(["TP53", "MYC"])
    (found,) = suggest(wrapped, plain)
    assert (dict(found.rename_source), found.rename_target) == ({"b'TP53'": "TP53", "b'MYC'": "MYC"}, ())
    (found,) = suggest(plain, wrapped)
    assert (dict(found.rename_target), found.rename_source) == ({"b'TP53'": "TP53", "b'MYC'": "MYC"}, ())


def test_a_decimal_comma_joins_no_two_guides():
    found = suggest(counts(["0", "0,1", "1"]), counts(["0", "0.1", "1"]))
    assert [each.kind for each in found] == ["spellings"]


def test_parts_in_another_order_are_one_name():
    source, target = counts(["ctrl_D1", "stim_D1", "ctrl_D2"]), counts(["D1_ctrl", "D1_stim", "D2_ctrl"])
    (found,) = suggest(source, target)
    assert (found.kind, found.title) == ("spellings", "Write 3 names in one way")
    assert dict(found.rename_target) == {"D1_ctrl": "ctrl_D1", "D1_stim": "stim_D1", "D2_ctrl": "ctrl_D2"}
    assert same_spellings(counts(["A_B", "B_A"]), counts(["A|B"])) == {}


def test_a_dose_and_the_spelling_of_its_drug_are_one_suggestion():
    source, target = counts(["Nutlin-3a 10uM", "JQ1 1uM"]), counts(["nutlin3a_10000 nM", "jq1_1 µM"])
    (found,) = suggest(source, target)
    assert found.kind == "doses"
    assert dict(found.rename_target) == {"nutlin3a_10000 nM": "Nutlin-3a 10uM", "jq1_1 µM": "JQ1 1uM"}
