"""Suggestions on labels: guides, controls and calls are seen, and no ordinary name is taken for one."""

from random import Random

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.labels.label_rules import LabelRules, accept_suggestions, reconcile_by_rules
from psmatch_core.data.labels.suggestions import SUGGESTIONS, suggest

# Approved symbols that end, begin or read like guides, controls or calls, among plain ones.
GENES = [
    "STAT1", "JAK2", "IRF1", "MYC", "BRD4", "NKX2-1", "NKX2-5", "NKX6-1", "HLA-A", "HLA-DRB1", "HLA-DRB5", "MT-CO1",
    "MT-CO2", "MT-ND4L", "CD8A", "CD4", "KRTAP5-1", "KRTAP5-2", "IGHV3-23", "TRBV5-1", "TRBV5-4", "NTRK1", "NTS",
    "NT5E", "NT5C2", "NTF3", "CTRL", "CTRB1", "CTRB2", "WT1", "NCL", "NCOR1", "SCRIB", "SCRT1", "MOCS1", "SAFB",
    "GNG2", "GNG3", "EIF4G1", "CSNK1G1", "ATP6V1G1", "SGK1", "SGCB", "SHH", "SH3GL1", "SIX1", "SIN3A", "GUK1",
    "NONO", "NOG", "NAA10", "UNG", "BLANK1", "MDM2", "H2AC1", "H2-K1", "ERVW-1", "SNORD115-1", "LINC-PINT", "PDX1",
    "ARID1A", "NEGR1", "PBSN", "RHOA", "SEPTIN2", "MARCHF1",
]  # fmt: skip
TYPES = [
    "B cell", "CD4+ T", "CD8+ T", "CD14+ Mono", "CD16+ Mono", "NK", "pDC", "cDC2", "HSC_MPP", "T_reg", "Th17",
    "gdT", "Plasma cell", "Naive B", "CD4 TCM", "CD8 TEM_1", "Ery-1", "Exc_L2-3", "Inh_PVALB", "Oligo", "OPC",
    "Astro", "Micro", "T/NK", "Mast, tissue", "Double-negative T", "DN1", "DP (Q)", "Neutrophil;late",
]  # fmt: skip
DRUGS = [
    "Vorinostat_0.1", "Vorinostat_1", "Vorinostat_10", "Trametinib (10 nM)", "Trametinib (100 nM)",
    "IFN-gamma 10 ng/ml", "IL-2", "IL-6", "IL-10", "TNF-1", "LPS_4h", "LPS_24h", "GSK-J4", "JQ1", "SB-431542",
    "CHIR-99021", "5-FU", "PD-0325901", "A-485", "Nutlin-3", "Poly(I:C)", "anti-CD3+anti-CD28",
]  # fmt: skip
MARKS = ("{}_g{}", "{}_sg{}", "{}-sg{}", "{}g{}", "{}_guide_{}", "sg{}_{}", "sg{}-{}", "{}_sgRNA{}", "{}.g{}")
NUMBERS = ("{}-{}", "{}.{}", "{}_{}", "{}#{}")
PLAIN = [gene for gene in GENES if gene not in ("CTRL",)]


def counts(labels, cells=20):
    return dict.fromkeys(labels, cells)


def kinds(source, target):
    return [each.kind for each in suggest(counts(source), counts(target))]


def test_a_label_of_both_sides_is_counted_once_in_the_title_and_its_cells_on_each():
    guides = counts(("STAT1_g1", "STAT1_g2", "MYC_g1", "MYC_g2"), 9)
    (found,) = suggest(guides, {**guides, "JAK2_g1": 3, "JAK2_g2": 4})
    assert found.title == "Collapse 6 guides to 3 genes"
    assert found.n_cells == (36, 43)


def guides(form, genes, n=3):
    return [form.format(gene, i) for gene in genes for i in range(1, n + 1)]


@pytest.mark.parametrize("names", [GENES, TYPES, DRUGS], ids=["genes", "cell types", "drugs"])
@pytest.mark.parametrize("seed", range(30))
def test_ordinary_names_suggest_nothing(names, seed):
    random = Random(seed)
    sides = [random.sample(names, random.randint(3, len(names))) for _ in range(2)]
    control = {0: [], 1: ["NT"], 2: ["DMSO"]}[seed % 3]
    assert kinds([*sides[0], *control], [*sides[1], *control]) == []


@pytest.mark.parametrize("form", [*MARKS, *NUMBERS])
def test_guides_fall_on_their_genes_whatever_the_genes_are_called(form):
    source, target = counts(guides(form, PLAIN)), counts(PLAIN)
    (found,) = suggest(source, target)
    assert found.kind == "guides"
    assert dict(found.rename_source) == {form.format(gene, i): gene for gene in PLAIN for i in (1, 2, 3)}
    assert found.rename_target == ()
    assert found.n_cells == (len(source) * 20, 0)


@pytest.mark.parametrize("form", MARKS)
def test_guides_on_both_sides_are_seen_without_a_table_of_genes(form):
    labels = counts(guides(form, PLAIN[:9]))
    (found,) = suggest(labels, labels)
    assert dict(found.rename_source) == dict(found.rename_target)
    assert set(dict(found.rename_source).values()) == set(PLAIN[:9])


def test_guides_named_by_sequence_and_by_coordinate():
    random = Random(0)
    by_sequence = [f"{gene}_{''.join(random.choices('ACGT', k=20))}" for gene in PLAIN[:6] for _ in range(2)]
    by_place = [f"{gene}_{strand}_2702290{i}.23-P1P2" for gene in PLAIN[:6] for i, strand in enumerate("+-")]
    for labels in (by_sequence, by_place):
        (found,) = suggest(counts(labels), counts(PLAIN[:6]))
        assert set(dict(found.rename_source).values()) == set(PLAIN[:6])


def test_guides_of_published_screens():
    by_transcript = ["10005_ZBTB4_P1P2_ENSG00000174282", "8271_STAT1_P1_ENSG00000115415"]
    (found,) = suggest(counts(by_transcript), counts(["ZBTB4", "STAT1"]))
    assert [new for _, new in found.rename_source] == ["ZBTB4", "STAT1"]
    (found,) = suggest(counts(["STAT1_A", "STAT1_B", "MYC_A", "NT_B"]), counts(["STAT1", "MYC", "NT"]))
    assert dict(found.rename_source)["NT_B"] == "NT"
    cropped = ["p_sgCREB1_2", "p_sgCREB1_3", "p_sgELK1_6", "p_INTERGENIC393453"]
    assert kinds(cropped, ["CREB1", "ELK1", "control"]) == ["guides", "controls"]
    hashtags = ["HTO_A", "HTO_B", "HTO_A_HTO_B", "Negative"]
    assert kinds(hashtags, ["HTO_A", "HTO_B"]) == ["calls", "several"]


def test_a_number_alone_is_no_guide_unless_the_rest_is_a_label_over_there():
    assert kinds(guides("{}-{}", ["NKX2", "NKX6", "KRTAP5"]), ["GATA6", "STAT1"]) == []


@pytest.mark.parametrize("written", ["{}_rep{}", "{} (replicate {})", "{}-R{}", "{}.plate{}", "rep{1}_{0}", "B{1}-{0}"])
def test_replicates_in_the_names_of_labels_are_collapsed_where_the_other_side_has_none(written):
    genes = ["TP53", "KRAS", "MYC"]
    source = counts([written.format(gene, i) for gene in genes for i in (1, 2)])
    (found,) = suggest(source, counts(genes))
    assert dict(found.rename_source) == {written.format(gene, i): gene for gene in genes for i in (1, 2)}
    assert found.rename_target == ()
    assert kinds(source, source) == []  # both sides have them: the visitor knows what they mean


def test_a_number_that_may_be_a_dose_is_said_to_be_doubtful():
    (found,) = suggest(counts(["JQ1_1", "JQ1_10", "LPS_1", "LPS_10"]), counts(["JQ1", "LPS"]))
    assert "only if the number is a guide's or a replicate's, and no dose or time" in found.reason
    (found,) = suggest(counts(guides("{}_g{}", ["MYC", "STAT1"])), counts(["MYC", "STAT1"]))
    assert "dose" not in found.reason


def test_controls_of_both_sides_become_one():
    source = counts(["STAT1", "MYC", "non-targeting_01", "non-targeting_02", "safe-harbor_1", "AAVS1"], 10)
    target = counts(["STAT1", "MYC", "negcon"], 40)
    (found,) = suggest(source, target)
    assert found.title == "Join 4 names as negcon"
    assert {old for old, _ in found.rename_source} == {"non-targeting_01", "non-targeting_02", "safe-harbor_1", "AAVS1"}
    assert found.rename_target == ()


@pytest.mark.parametrize(
    ("here", "there"),
    [
        (["DMSO 0.1%", "EtOH 1%"], ["DMSO 0,1 %", "EtOH 1 %"]),
        (["DMSO 0.5%", "water 0.5%"], ["DMSO 0.5 %", "water 0.5 %"]),
        (["un-treated", "EtOH 1%"], ["untreated", "EtOH 1 %"]),
    ],
)
def test_several_controls_that_both_sides_spell_differently_stay_several(here, there):
    source, target = counts(["JQ1", "Taxol", *here]), counts(["JQ1", "Taxol", *there])
    found = [*suggest(source, target)]
    assert all(len({new for _, new in (*each.rename_source, *each.rename_target)}) == len(
        [*each.rename_source, *each.rename_target]) for each in found)  # fmt: skip


def test_numbers_of_one_control_are_joined_under_its_plain_name():
    labels = counts(["STAT1", *[f"non-targeting_{i:05d}" for i in range(5)]])
    (found,) = suggest(labels, labels)
    assert {new for _, new in found.rename_source} == {"non-targeting"}
    assert len(found.rename_source) == len(found.rename_target) == 5


def test_different_controls_of_both_sides_stay_apart():
    assert kinds(["DMSO", "untreated", "JQ1"], ["DMSO", "untreated", "JQ1"]) == []
    assert kinds(["DMSO", "untreated", "JQ1"], ["DMSO", "JQ1"]) == []  # untreated has no partner that means the same


def test_a_gene_that_is_called_like_a_control_is_none_beside_another_control():
    (found,) = suggest(counts(["CTRL", "NTC_1", "MYC"]), counts(["non-targeting", "CTRL", "MYC"]))
    assert "CTRL" not in {name for pair in found.rename_source + found.rename_target for name in pair}
    (found,) = suggest(counts(["CTRL", "MYC"]), counts(["negcon", "MYC"]))
    assert found.kind == "controls"


@pytest.mark.parametrize(
    "call",
    ["Doublet", "Negative", "unassigned", "Multiplet", "ambiguous", "unmapped", "No guide", "multiple gRNAs", "Blank",
     "DBL-donor0-donor1", "nan", "NA", "Multi_guide", "low quality", "0 guides", "Low confidence", "LowQ", "Uncalled",
     "unclear", "none detected", "T & NK doublets", "heterotypic_doublet", "not singlet"],
)  # fmt: skip
def test_calls_are_left_out_on_both_sides(call):
    (found,) = suggest(counts(["MYC", "STAT1", call]), counts(["MYC", "STAT1"]))
    assert (found.kind, found.leave_out, found.n_cells) == ("calls", (call,), (20, 0))


def test_cells_with_several_guides_are_named_and_left_out_by_one_suggestion():
    single = guides("{}_g{}", ["MYC", "STAT1", "JAK2"])
    joined = ["MYC_g1|STAT1_g2", "JAK2_g3|MYC_g1", "STAT1_g1|non-targeting_00012"]
    found = {each.kind: each for each in suggest(counts([*single, *joined]), counts(["MYC", "STAT1", "JAK2"]))}
    assert found["several"].leave_out == tuple(joined)
    assert found["several"].n_cells == (60, 0)
    assert not {old for old, _ in found["guides"].rename_source} & set(joined)


def test_combinations_that_both_sides_have_are_a_design():
    assert "several" not in kinds(["MYC", "JAK2", "MYC+JAK2"], ["MYC", "JAK2", "JAK2+MYC"])


@pytest.mark.parametrize("mark", ["|", "+", ";", "_", ", "])
def test_two_guides_in_either_order_are_one_label(mark):
    source, target = counts(["MYC", "JAK2", f"MYC{mark}JAK2"]), counts(["MYC", "JAK2", "JAK2+MYC"], 30)
    (found,) = [each for each in suggest(source, target) if each.kind == "orders"]
    assert dict(found.rename_source) == {f"MYC{mark}JAK2": "JAK2+MYC"}


def test_a_control_as_the_second_guide_is_dropped():
    source = counts(["KLF1+ctrl", "ctrl+BAK1", "KLF1+BAK1", "ctrl"])
    (found,) = [each for each in suggest(source, counts(["KLF1", "BAK1", "ctrl"])) if each.kind == "partners"]
    assert dict(found.rename_source) == {"KLF1+ctrl": "KLF1", "ctrl+BAK1": "BAK1"}


def test_a_control_as_the_other_guide_may_be_joined_by_an_underscore():
    labels = ["KLF1_NegCtrl0", "NegCtrl0_BAK1", "NegCtrl0_NegCtrl0", "KLF1_BAK1"]
    (found,) = [each for each in suggest(counts(labels), counts(["KLF1", "BAK1", "ctrl"])) if each.kind == "partners"]
    assert [new for _, new in found.rename_source] == ["KLF1", "BAK1", "NegCtrl0"]


def test_states_of_cell_types_are_no_guides():
    assert kinds(["ctrl|Bcell", "stim|Bcell", "ctrl|T", "stim|T"], ["ctrl|Bcell", "stim|Bcell", "ctrl|T"]) == []


def test_two_guides_of_one_gene_are_that_gene_in_a_library_of_dual_guides():
    (found,) = suggest(counts([f"{gene}_sg1|{gene}_sg2" for gene in PLAIN[:5]]), counts(PLAIN[:5]))
    assert set(dict(found.rename_source).values()) == set(PLAIN[:5])


def drawn_screen(seed):
    """Labels of two modalities with guides, several controls, calls and cells with two guides."""
    random = Random(seed)
    genes = random.sample(PLAIN, 8)

    def side():
        form = random.choice([*MARKS, *NUMBERS, "{}"])
        labels = guides(form, genes) if form != "{}" else list(genes)
        labels += random.choice([["NT"], ["non-targeting_1", "non-targeting_2"], ["sgNTC_4", "AAVS1"], []])
        labels += random.sample(["Doublet", "Negative", "unassigned"], random.randint(0, 2))
        labels += ["|".join(random.sample(labels[:6], 2)) for _ in range(random.randint(0, 3))]
        return {label: random.randint(1, 40) for label in labels}

    return side(), side()


@pytest.mark.parametrize("seed", range(25))
def test_suggestions_are_the_same_for_both_orders_of_the_sides(seed):
    source, target = drawn_screen(seed)
    one, other = suggest(source, target), suggest(target, source)
    assert [each.kind for each in one] == [each.kind for each in other]
    for here, there in zip(one, other, strict=True):
        assert (set(here.rename_source), set(here.rename_target)) == (
            set(there.rename_target),
            set(there.rename_source),
        )
        assert set(here.leave_out) == set(there.leave_out)
        assert here.n_cells == there.n_cells[::-1]


@pytest.mark.parametrize("seed", range(25))
def test_accepting_all_loses_no_cell_without_listing_it(seed):
    source, target = drawn_screen(seed)
    before = reconcile_by_rules(LabelRules(), source, target)
    rules = accept_suggestions(LabelRules(), ["all"], source, target)
    after = reconcile_by_rules(rules, source, target)
    for side, column in (("source", 1), ("target", 2)):
        listed = sum(row[column] for row in after.left_out)
        assert sum(after.counts(side).values()) + listed == sum(before.counts(side).values())
    for side in ("source", "target"):
        kept = [before.counts(side)[label] for label in before.shared if label not in rules.leave_out]
        assert sum(after.counts(side)[label] for label in after.shared) >= sum(kept)
    assert not [each for each in after.findings if each.code == "PM-L27"]


def test_a_suggestion_stands_among_the_findings_and_changes_nothing():
    report = reconcile_by_rules(LabelRules(), counts(["A", "B", "Doublet"]), counts(["A", "B", "Doublet"]))
    (found,) = report.findings
    assert found.code == "PM-L28"
    assert found.hint == "Accept the suggestion 'calls' (leave out 1 call); it is not applied."
    assert report.shared == ("A", "B", "Doublet")


def test_where_nothing_is_shared_the_refusal_names_the_suggestions():
    report = reconcile_by_rules(LabelRules(), counts(guides("{}_g{}", ["MYC", "JAK2"])), counts(["MYC", "JAK2"]))
    assert report.findings[0].code == "PM-L09"
    assert "or accept suggestions (guides)" in report.findings[0].hint


def test_what_is_not_suggested_cannot_be_accepted():
    source = counts(["A", "B", "Doublet"])
    with pytest.raises(PsmatchError, match=r"do not suggest 'guides'. → The labels suggest: calls"):
        accept_suggestions(LabelRules(), ["guides"], source, source)
    with pytest.raises(PsmatchError, match=r"There is no suggestion 'genes'. → Use calls, "):
        accept_suggestions(LabelRules(), ["genes"], source, source)
    assert accept_suggestions(LabelRules(), [], source, source) == LabelRules()
    assert set(SUGGESTIONS) == {"calls", "partners", "orders", "several", "doses", "guides", "controls", "spellings"}


PAIRS = [("MAP2K1", "KRAS"), ("FOXP1", "TLE4"), ("HLA-A", "B2M"), ("SOX2", "SAFB")]


@pytest.mark.parametrize("here", ["{}|{}", "{}+{}", "{};{}", "{} & {}"])
@pytest.mark.parametrize("there", ["{1}_{0}", "{1}+{0}", "{1}|{0}", "{0}__{1}"])
def test_genes_that_are_only_ever_joined_are_brought_into_one_order(here, there):
    """No gene of a designed pair needs a label of its own."""
    source, target = counts(here.format(*each) for each in PAIRS), counts(there.format(*each) for each in PAIRS)
    (found,) = [each for each in suggest(source, target) if each.kind == "orders"]
    renamed = [{dict(pairs).get(label, label) for label in side}
               for pairs, side in ((found.rename_source, source), (found.rename_target, target))]  # fmt: skip
    assert renamed[0] == renamed[1]
    assert len(renamed[0]) == len(PAIRS)


def test_a_design_of_two_guides_keeps_its_control_and_joins_spellings_of_it():
    source = counts(["FOXP1|NT", "TLE4|NT", "FOXP1|TLE4", "NT|NT"])
    target = counts(["NTC_FOXP1", "NTC_TLE4", "TLE4_FOXP1", "NTC_NTC"])
    (found,) = suggest(source, target)
    assert found.kind == "orders"
    assert len(found.rename_source) + len(found.rename_target) == 4


@pytest.mark.parametrize("here", ["sg{}+sg{}", "si{} & si{}", "sh{}|sh{}", "gRNA_{};gRNA_{}", "{}+{}"])
@pytest.mark.parametrize(
    "there", ["{1}&{0}", "{1} and {0}", "{0} plus {1}", "{1}/{0}", "{1} x {0}", "{1}-{0}", "{0}_{1}"]
)
@pytest.mark.parametrize("others", [["NT"], ["NT", "KRAS", "SOX2"]])
def test_one_combination_has_one_name_however_it_is_joined(here, there, others):
    source, target = (counts([*(form.format(*each) for each in PAIRS), *others]) for form in (here, there))
    (found,) = suggest(source, target)
    assert found.kind == "orders"
    renamed = [{dict(pairs).get(label, label) for label in side}
               for pairs, side in ((found.rename_source, source), (found.rename_target, target))]  # fmt: skip
    assert renamed[0] == renamed[1]
    assert len(renamed[0]) == len(PAIRS) + len(others)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sgTP53+sgMYC", "TP63&MYC"),
        ("sgTP53+sgMYC", "siTP53&siMYC"),
        ("IL2+IL10", "IL12&IL10"),
        ("IL2+IL10", "IL2&IL1"),
        ("JQ1 1uM + Taxol 10nM", "Taxol 1 uM + JQ1 10 nM"),
        ("JQ1 1uM + Taxol 10nM", "Taxol 10 uM + JQ1 1 uM"),
        ("day 1+LPS", "LPS&day 10"),
        ("SMAD2+SMAD4", "SMAD3 and SMAD4"),
        ("A+B+C", "A and B"),
        ("CD4+CD8", "CD4 CD8B"),
        ("sgTP53+sgMYC", "TP53-MYCN"),
    ],
)
def test_another_combination_keeps_its_name(one, other):
    assert kinds(["NT", "KRAS", one], ["NT", "KRAS", other]) == []
    assert kinds(["NT", "KRAS", other], ["NT", "KRAS", one]) == []


def test_doses_of_a_combination_may_be_written_in_any_unit():
    source = counts(["DMSO", "JQ1 1uM + Taxol 10nM", "JQ1 1uM + Nutlin 2uM"])
    target = counts(["DMSO", "Taxol 0.01 µM + JQ1 1000 nM", "Nutlin 2 µM & JQ1 1 µM"], 30)
    (found,) = suggest(source, target)
    assert found.kind == "orders"
    assert dict(found.rename_source) == {
        "JQ1 1uM + Taxol 10nM": "Taxol 0.01 µM + JQ1 1000 nM",
        "JQ1 1uM + Nutlin 2uM": "Nutlin 2 µM & JQ1 1 µM",
    }


def test_other_joints_of_both_sides_are_not_brought_together():
    assert kinds(["A|B", "C|D"], ["A_C", "B_D", "B|D"]) == []


@pytest.mark.parametrize(
    "form", ["{} KO", "{}_KO_{}", "{}-KD-{}", "{}_CRISPRi", "{} knock-out", "{}_crRNA{}", "{} #{}"]
)
def test_edits_of_a_gene_are_offered_as_the_gene(form):
    genes = ["FOXP1", "TLE4", "SOX2", "NKX2-1"]
    labels = [form.format(gene, i) for gene in genes for i in (1, 2)]
    (found,) = suggest(counts(labels), counts(genes))
    assert dict(found.rename_source) == {form.format(gene, i): gene for gene in genes for i in (1, 2)}


def test_a_knock_out_and_a_knock_down_of_a_gene_stay_apart():
    labels = ["FOXP1_KO", "FOXP1_KD", "TLE4_KO", "TLE4_KD"]
    (found,) = suggest(counts(labels), counts(["FOXP1", "TLE4"]))
    assert len(found.rename_source) == 2


def test_controls_of_columns_with_nothing_else_in_common_are_not_joined():
    assert kinds(["NT", "FOXP1", "TLE4"], ["unstimulated", "LPS"]) == []
    assert kinds(["NT", "FOXP1", "TLE4"], ["unstimulated", "FOXP1"]) == ["controls"]
    assert kinds(["NT", "FOXP1"], ["non-targeting", "TLE4"]) == ["controls"]


def test_a_missing_code_hides_no_codes():
    for call in ("NA", "Doublet", "Negative"):
        report = reconcile_by_rules(LabelRules(), counts(["1", "2", "3", call]), counts(["1", "2", "3"]))
        assert "PM-L29" in [each.code for each in report.findings]


@pytest.mark.parametrize(
    ("source", "target", "is_doubted"),
    [
        (range(8), range(8), True),
        (range(1, 4), range(3), True),
        (range(2, 5), range(3), False),
        ([0, 10, 100], [0, 10, 100], False),
        (range(3), ["A", "B", "C"], False),
    ],
)
def test_codes_on_both_sides_are_doubted(source, target, is_doubted):
    report = reconcile_by_rules(LabelRules(), counts(map(str, source)), counts(map(str, target)))
    assert ("PM-L29" in [each.code for each in report.findings]) == is_doubted
