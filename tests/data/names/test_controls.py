"""Which label is the control, judged by its name; never the label itself."""

import pytest

from psmatch_core.data.names.controls import control_for, has_control_name, is_control_name, unnumbered


@pytest.mark.parametrize(
    "name",
    ["NT", "nt", "non-targeting", "Non_Targeting", "control", "ctrl", "DMSO", "untreated", "unperturbed", "NTC",
     "neg control", "safe-harbor", "AAVS1", "scrambled", "WT", "mock", "vehicle"],
)  # fmt: skip
def test_names_that_screens_give_their_controls(name):
    assert is_control_name(name)


@pytest.mark.parametrize("name", ["STAT1", "NTRK1", "CTRL2A", "controlled", "NT5E", "stim", "WTAP", "ctrl|Tcell"])
def test_names_of_genes_and_states_are_none(name):
    assert not is_control_name(name)


def test_the_control_of_a_screen():
    counts = {"STAT1": 50, "non-targeting": 300, "MYC": 40}
    assert control_for("STAT1", counts) == "non-targeting"
    assert control_for("non-targeting", counts) == ""


def test_of_two_controls_the_larger_one():
    assert control_for("STAT1", {"STAT1": 9, "NT": 20, "DMSO": 30}) == "DMSO"
    assert control_for("DMSO", {"STAT1": 9, "NT": 20, "DMSO": 30}) == "NT"


def test_a_label_of_parts_has_the_control_of_its_own_part():
    counts = {"ctrl|Tcell": 900, "stim|Tcell": 800, "ctrl|Bcell": 100, "stim|Bcell": 90}
    assert control_for("stim|Bcell", counts) == "ctrl|Bcell"
    assert control_for("stim|Tcell", counts) == "ctrl|Tcell"
    assert control_for("ctrl|Bcell", counts) == ""
    assert has_control_name("ctrl|Bcell")


def test_cell_types_have_none():
    assert control_for("B cell", {"B cell": 10, "NK": 20}) == ""


@pytest.mark.parametrize(
    "name",
    ["non-targeting_00017", "NonTargeting", "nontargeting_control_guide_12", "NT_2", "NTg3", "sgNTC5", "NTs",
     "No-Target_4",
     "neg_ctrl_3", "NegCtrl0", "negcon", "negative control", "safe_targeting_12", "safe-12", "AAVS1-1", "sgAAVS1_2",
     "ROSA26", "INTERGENIC1216445", "shScr", "scramble_2", "siControl", "sgGFP", "LacZ", "DMSO_0.1%", "0.1% DMSO",
     "DMSO (0.5 %)", "DMSO_24h", "Vehicle_DMSO", "PBS_1", "unstimulated", "unstim", "no treatment", "Mock_2",
     "mock-infected", "wild-type", "control_3",
     # of published screens and libraries (Frangieh 2021, GeCKO, Brunello, Broad GPP, Open Problems, LINCS)
     "NO_SITE_13", "ONE_SITE_2", "ONE_NON-GENE_SITE_12", "ONE_INTERGENIC_SITE_123", "NO_CURRENT_1", "UnTrt",
     "NonTargetingControlGuideForHuman_0001", "Non_Targeting_Human_CRko_0001", "Dimethyl Sulfoxide"],
)  # fmt: skip
def test_controls_with_numbers_doses_and_prefixes(name):
    assert is_control_name(name)


@pytest.mark.parametrize(
    "name",
    ["NTS", "NTF3", "NT5C2", "NTN1", "WT1", "NCL", "CTRB1", "MOCKS", "SCRIB", "SAFB2", "LUC7L", "PBSN", "UNG", "neg",
     "Negative", "poscon", "NC2", "DMSO+IFNg", "Rest", "H2O2", "nt" + "1" * 70],
)  # fmt: skip
def test_genes_calls_and_treatments_are_none(name):
    assert not is_control_name(name)


def test_a_long_name_of_marks_and_digits_ends():
    for name in ("nt" + "1" * 57 + "x", "wt" + "___1" * 14 + "x", "dmso " + "1" * 50 + "x", "nt" + "_1" * 28 + "x"):
        assert not is_control_name(name)


def test_the_number_of_a_guide_is_taken_off_a_control():
    assert unnumbered("non-targeting_00017") == "non-targeting"
    assert unnumbered("NTg1") == "NT"
    assert unnumbered("AAVS1") == "AAVS1"


@pytest.mark.parametrize(
    "name", ["neg-1", "neg_12", "sgNeg", "siNeg_2", "EV", "EV_2", "Cas9 only", "Ctrl_DMSO", "control-DMSO_0.1%", "UT",
             "media", "Media only", "medium_control", "SCRAMBLE_crRNA3"],
)  # fmt: skip
def test_controls_of_smaller_screens(name):
    assert is_control_name(name)


@pytest.mark.parametrize("name", ["EVL", "EVI1", "ut", "UTS2", "medium", "neg", "negr1", "Cas9", "NEG1R", "Ctrl_STAT1"])
def test_names_close_to_them_are_none(name):
    assert not is_control_name(name)
