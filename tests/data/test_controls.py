"""Which label is the control, judged by its name; never the label itself."""

import pytest

from psmatch_core.data.controls import control_for, has_control_name, is_control_name


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
