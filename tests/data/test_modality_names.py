"""Names of several modalities: one rule for all doors, which every name that it allows can keep on any disk."""

import itertools
import unicodedata

import h5py
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality_names import (
    MOST_LETTERS,
    check_modality_names,
    coupling_file,
    pairs_file,
)

NOT_ON_WINDOWS = set('<>:"/\\|?*')
letters = st.characters(categories=("L", "N"))
names = st.text(letters | st.sampled_from(" _-+.:"), min_size=1, max_size=MOST_LETTERS)
long_names = st.text(letters, min_size=MOST_LETTERS - 1, max_size=MOST_LETTERS)
alike = st.text("xyXY_", min_size=1, max_size=5)


def is_allowed(*given_names: str) -> bool:
    try:
        check_modality_names(given_names)
    except PsmatchError:
        return False
    return True


@pytest.mark.parametrize(
    "name", ["rna", "RNA", "Gene Expression", "gene-activity", "CD4+", "v2.1", "Größe", "蛋白质", "1"]
)
def test_usual_names_are_allowed(name):
    assert is_allowed("reference", name)


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "a.", " a", "a ", "a:b", 'a"', "a*", "<a>", "a?", "a\\b", "a/b", "a|b", "é" * 130]
)
def test_names_that_some_system_cannot_keep_are_refused_with_the_rule(name):
    with pytest.raises(PsmatchError) as error:
        check_modality_names(["rna", name])
    assert error.value.hint.startswith(f"A name has 1 to {MOST_LETTERS} letters, digits")
    assert max(map(len, (error.value.problem, error.value.hint))) <= 300


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        (("rna", "RNA"), "'rna' and 'RNA'"),
        (("Stra\u00dfe", "strasse"), "some systems take these names for the same"),
        (("x_y", "x", "y_x"), "Couplings of x_y and x and of x and y_x would both be the file coupling_x_y_x.h5ad"),
        (("X_y", "x", "Y_x"), "would both be the file"),
    ],
)
def test_names_that_share_a_file_are_refused_and_named(taken, said):
    with pytest.raises(PsmatchError, match=said):
        check_modality_names(taken)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(names | long_names, names | long_names)
def test_what_the_rule_allows_is_a_file_and_a_group_everywhere(one, other):
    assume(is_allowed(one, other))
    for file in (coupling_file(one, other), pairs_file(one, other)):
        assert not NOT_ON_WINDOWS & set(file)
        assert file.isprintable()
        assert len(f".{file}.{'9' * 10}-{'9' * 20}.partial".encode()) <= 255
    with h5py.File("names", "w", driver="core", backing_store=False) as held:
        held.create_group(f"mod/{one}")
        assert list(held["mod"]) == [one]


@settings(deadline=None)
@given(st.lists(alike, min_size=2, max_size=5))
def test_names_that_are_allowed_give_each_file_a_name_of_its_own(chosen):
    assume(is_allowed(*chosen))
    files = [coupling_file(*pair) for pair in itertools.combinations(chosen, 2)]
    files += [pairs_file(chosen[0], other) for other in chosen[1:]]
    on_disk = {unicodedata.normalize("NFC", file.casefold()) for file in files}
    assert len(on_disk) == len(files)
