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


TIMES = {
    "T24": "T{}",
    "t = 24": "t = {}",
    "t_24": "t_{}",
    "t=24h": "t={}h",
    "T24h": "T{}h",
    "24hpi": "{}hpi",
    "24 h post infection": "{} h post infection",
    "hour 24": "hour {}",
    "24 hrs": "{} hrs",
}


@pytest.mark.parametrize("written", TIMES)
@pytest.mark.parametrize("numbers", [(0, 6, 24, 48), (24,), (1, 2), (4, 8, 72)])
@pytest.mark.parametrize("others", [[], ["untreated"]])
def test_times_are_one_however_they_are_written(written, numbers, others):
    if len(numbers) + len(others) < 2:
        return
    plain, other = ([form.format(n) for n in numbers] for form in ("{} h", TIMES[written]))
    assert same_doses(counts([*plain, *others]), counts([*other, *others])) == dict(zip(other, plain, strict=True))
    assert same_doses(counts([*other, *others]), counts([*plain, *others])) == dict(zip(plain, other, strict=True))


def test_times_of_a_stimulus_may_have_a_t():
    source, target = counts(["LPS T4", "LPS T24", "IFN-g T4"]), counts(["LPS_4h", "LPS_24h", "IFNg 4 h"])
    (found,) = suggest(source, target)
    assert found.kind == "doses"
    assert dict(found.rename_target) == {"LPS_4h": "LPS T4", "LPS_24h": "LPS T24", "IFNg 4 h": "IFN-g T4"}
    assert "has no unit, which is taken to be that of the other file" in found.reason


@pytest.mark.parametrize(
    ("one", "other"), [("day 2", "48 h"), ("week 1", "7 days"), ("2 weeks", "day 14"), ("1 wk", "168 h")]
)
def test_days_and_weeks_are_times(one, other):
    assert dose_of(one).value == dose_of(other).value
    assert dose_of(one).measure == dose_of(other).measure == "time"


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (["T1", "T2"], ["10 h", "20 h"]),
        (["T1", "T2"], ["1 mg/ml", "2 mg/ml"]),
        (["T1", "NK"], ["1 h", "2 h"]),
        (["T24", "HeLa", "5637"], ["24 h", "48 h"]),
        (["T0", "T1", "T2", "T3"], ["0 h", "2 h", "8 h", "24 h"]),
        (["T1", "T2", "T3"], ["1 day", "3 days", "7 days"]),
        (["T1"], ["1 h"]),
        (["T24", "T48"], ["24 h", "48 min"]),
        (["T24", "T48", "T72"], ["24 h", "LPS 48 h"]),
        (["T1D", "T2D"], ["1 d", "2 d"]),
        (["day 1"], ["day 10"]),
        (["T4"], ["24 h"]),
        (["CD4 T1", "CD4 T2"], ["CD8 1 h", "CD8 2 h"]),
        (["week 1"], ["day 1"]),
    ],
)
def test_other_names_are_no_times(source, target):
    for sides in ((source, target), (target, source)):
        assert same_doses(counts(["DMSO", *sides[0]]), counts(["DMSO", *sides[1]])) == {}
