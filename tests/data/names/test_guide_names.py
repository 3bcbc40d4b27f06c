"""Guides, knock-downs and controls fall on one name however the other side writes it."""

import pytest

from psmatch_core.data.labels.suggestions import suggest
from tests.data.labels.test_suggestions import counts, kinds


def test_guides_fall_on_genes_that_the_other_side_writes_in_another_case():
    (found,) = suggest(counts(["TP53_1", "TP53_2", "MYC_1"]), counts(["Tp53", "Myc"]))
    assert dict(found.rename_source) == {"TP53_1": "Tp53", "TP53_2": "Tp53", "MYC_1": "Myc"}


@pytest.mark.parametrize("form", ["{} KD", "{}-KD", "{} (KD)", "{}_knockdown"])
def test_a_knock_down_falls_on_the_gene_of_an_interfering_rna_but_on_no_knock_out(form):
    labels = counts([form.format(gene) for gene in ("TP53", "MYC")])
    (found,) = suggest(labels, counts(["siTP53", "siMYC"]))
    assert (found.kind, found.title) == ("guides", "Collapse 4 guides to 2 genes")
    assert set(dict(found.rename_target).values()) == {"TP53", "MYC"}
    assert kinds(labels, ["TP53 KO", "MYC KO"]) == kinds(labels, ["TP53_OE", "MYC_OE"]) == []


@pytest.mark.parametrize("form", ["{}_{}", "{}+{}", "{}|{}", "{}__{}"])
def test_two_guides_of_controls_are_a_control(form):
    source = [form.format("NegCtrl10", "NegCtrl0"), *(form.format(gene, "NegCtrl0") for gene in ("KLF1", "BAK1"))]
    found = {each.kind: each for each in suggest(counts(source), counts(["control", "KLF1", "BAK1"]))}
    assert dict(found["partners"].rename_source) == {source[1]: "KLF1", source[2]: "BAK1"}
    assert {*dict(found["controls"].rename_source), *dict(found["controls"].rename_target)} & {source[0], "control"}


def test_the_version_of_a_gene_is_no_number_of_a_guide():
    (found,) = suggest(
        counts(["ENSG00000141510.12", "ENSG00000136997.5"]), counts(["ENSG00000141510", "ENSG00000136997"])
    )
    assert found.kind == "spellings"
