"""One dose in any spelling and unit is one label, and no other name is taken for a dose."""

from decimal import Decimal
from itertools import product

import pytest

from psmatch_core.data.labels.suggestions import suggest
from psmatch_core.data.names.doses import dose_of, same_doses, without_unit
from psmatch_core.data.names.look_alikes import folded

FORMS = (
    "{d}_{n}{u}",
    "{d} {n} {u}",
    "{d} ({n} {u})",
    "{d} | {n} {u}",
    "{d}-{n}{u}",
    "{d} @ {n}{u}",
    "{n}{u} {d}",
    "{n} {u}_{d}",
    "{n}{u}-{d}",
)
SAME = (
    (("5000", "nM"), ("5", "uM")),
    (("5", "µM"), ("5", "uM")),
    (("0.2", "mM"), ("200", "μM")),
    (("1500", "ng/ml"), ("1.5", "ug/mL")),
    (("2", "h"), ("120", "min")),
    (("1", "day"), ("24", "hours")),
)
OTHER_NAMES = ("Th17", "CD8", "HLA-DRB1", "H3K27M", "BRAF V600E", "day", "NT", "", "x" * 500, "1e99999999nM")


def counts(labels):
    return dict.fromkeys(labels, 12)


@pytest.mark.parametrize("one", FORMS)
@pytest.mark.parametrize("amounts", SAME)
def test_the_same_dose_is_recognised_in_any_spelling(one, amounts):
    for other in FORMS:
        texts = [form.format(d="Palbociclib", n=n, u=u) for form, (n, u) in zip((one, other), amounts, strict=True)]
        first, second = dose_of(texts[0]), dose_of(texts[1])
        assert (first.name, first.value, first.measure) == (second.name, second.value, second.measure)


def test_doses_of_one_number_in_different_units_are_never_joined():
    assert same_doses(counts(["Taxol_10uM"]), counts(["Taxol_10nM", "Taxol_10"])) == {}
    assert same_doses(counts(["LPS_4h", "LPS_24h"]), counts(["LPS_4ug/ml"])) == {}


def test_a_dose_without_a_unit_takes_the_only_unit_of_the_other_side():
    source, target = counts(["Taxol | 3 nM", "Taxol | 30 nM"]), counts(["Taxol | 3", "Taxol | 30.0"])
    (found,) = suggest(source, target, names=("RNA", "images"))
    assert found.kind == "doses"
    assert dict(found.rename_target) == {"Taxol | 3": "Taxol | 3 nM", "Taxol | 30.0": "Taxol | 30 nM"}
    assert "images writes no unit, which is taken to be that of the other file" in found.reason
    assert same_doses(counts(["Taxol 3 nM", "EGF 3 h"]), target) == {}


def test_labels_of_both_sides_and_controls_stay():
    source = counts(["Taxol_3nM", "DMSO_0.1%", "Taxol_0.003uM"])
    assert same_doses(source, source) == {}
    assert same_doses(counts(["DMSO_0.1%", "DMSO_1mM"]), counts(["DMSO_1000uM"])) == {}


def test_controls_keep_their_time_points():
    source, target = ["LPS_6h", "LPS_2d", "PBS_6h", "PBS_2d"], ["LPS 6 hrs", "LPS 48 h", "PBS 6 hrs", "PBS 48 h"]
    (found,) = suggest(counts(source), counts(target))
    assert found.kind == "doses"
    assert dict(found.rename_target) == dict(zip(target, source, strict=True))
    (found,) = suggest(counts(["LPS", "PBS_6h"]), counts(["LPS", "PBS_24h"]))  # where nothing else has a time
    assert found.kind == "controls"


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_other_names_are_no_doses(name):
    assert dose_of(name) is None
    assert same_doses(counts([name]), counts(["Taxol_1nM"])) == {}


def test_names_without_units_are_no_doses_of_each_other():
    names = ("NKX2-1", "NKX2 1", "IL-2", "IL_2", "HLA_A", "TRBV5-4")
    for one, other in product(names, names):
        assert same_doses(counts([one]), counts([other])) == {} or folded(one) == folded(other)


@pytest.mark.parametrize(
    ("column", "expected"),
    [("dose_nM", ("dose", "nM")), ("Dose (µM)", ("dose", "uM")), ("time.h", ("time", "h")), ("dose", ("dose", "")),
     ("conc_ug/ml", ("conc", "ug/ml"))],
)  # fmt: skip
def test_the_unit_of_a_column(column, expected):
    assert without_unit(column) == expected


def test_a_number_without_a_unit_keeps_its_value():
    assert dose_of("Taxol | 2.50").number == Decimal("2.5")
