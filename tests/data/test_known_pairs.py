"""The decision about known pairs, written into both modalities."""

from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.data.checks import EQUAL_NAMES, NO_PAIRS, Pairing
from psmatch_core.data.known_pairs import with_known_pairs
from psmatch_core.data.modality import Modality
from psmatch_core.matching.match import known_ids
from tests.conftest import make_adata, make_modality

WORDS = np.array([f"{a}{b}{c}" for a in "ACGT" for b in "ACGT" for c in ("TTGA", "CAAG", "GGTC", "ATCC")])  # 64 names


def sides(ids=None, other_ids=None, *, names=None, other_names=None, n=60):
    found = [make_modality(name, n=n, seed=seed) for seed, name in enumerate(("RNA", "ADT"))]
    for at, (own, cells) in enumerate(((ids, names), (other_ids, other_names))):
        own = None if own is None else np.array(own, dtype=str)
        cells = found[at].obs_names if cells is None else np.array(cells, dtype=str)
        found[at] = replace(found[at], pair_ids=own, obs_names=cells)
    return found


def test_equal_names_become_the_ids_of_both_sides_and_strangers_have_none():
    source, target, pairs = with_known_pairs(*sides(names=WORDS[:60], other_names=[*WORDS[:57], "x", "y", "z"]))
    assert (pairs.how, pairs.n_equal) == (Pairing.NAMES, 57)
    assert source.pair_ids.tolist() == [*WORDS[:57], "", "", ""]
    assert target.pair_ids.tolist() == [*WORDS[:57], "", "", ""]
    assert known_ids(source, target) is not None


def test_names_that_are_equal_but_for_a_prefix_get_the_same_id():
    rna, adt = np.char.add("rna_", WORDS[:60]), np.char.add("adt_", WORDS[:60])
    source, target, pairs = with_known_pairs(*sides(names=rna, other_names=adt))
    assert pairs.how is Pairing.PARTS
    assert source.pair_ids.tolist() == target.pair_ids.tolist() == WORDS[:60].tolist()


def test_counting_names_leave_no_ids_unless_the_user_says_so():
    counted = [f"cell_{i}" for i in range(60)]
    both = sides(names=counted, other_names=counted)
    source, target, pairs = with_known_pairs(*both)
    assert pairs.how is Pairing.NONE
    assert source.pair_ids is None
    assert known_ids(source, target) is None
    source, target, _ = with_known_pairs(*both, EQUAL_NAMES)
    assert source.pair_ids.tolist() == target.pair_ids.tolist() == counted


def test_a_pair_column_is_taken_as_it_is_unless_there_are_none():
    counted = [str(i) for i in range(60)]
    both = sides(ids=counted, other_ids=counted[::-1])
    source, target, pairs = with_known_pairs(*both)
    assert (pairs.how, pairs.n_equal) == (Pairing.COLUMN, 60)
    assert pairs.reason == "60 cells have the same value in both pair columns."
    assert target.pair_ids.tolist() == source.pair_ids.tolist()[::-1]
    source, target, pairs = with_known_pairs(*both, NO_PAIRS)
    assert pairs.how is Pairing.NONE
    assert (source.pair_ids, target.pair_ids) == (None, None)


def test_values_that_several_cells_share_name_none_of_them():
    """A column of donors is no pair column; empty values are no value."""
    ids = ["d1", "d1", "", "", *(f"c{i}" for i in range(56))]
    source, _, pairs = with_known_pairs(*sides(ids=ids, other_ids=ids[::-1]))
    assert pairs.n_equal == 56
    assert "2 values that several cells of a file share do not name a cell." in pairs.reason
    assert source.pair_ids.tolist()[:4] == [""] * 4
    donors = ["d1", "d2"] * 30
    source, _, pairs = with_known_pairs(*sides(ids=donors, other_ids=donors))
    assert (pairs.how, source.pair_ids) == (Pairing.NONE, None)
    assert pairs.reason.startswith("The pair columns share no value that names one cell on each side.")


def test_a_pair_column_on_one_side_only_does_not_count():
    _, _, pairs = with_known_pairs(*sides(ids=WORDS[:60]))
    assert pairs.how is Pairing.NONE


def test_missing_values_of_a_pair_column_are_no_id():
    adata = make_adata(n=6)
    adata.obs["cell"] = ["a", None, "c", np.nan, "e", "f"]
    modality = Modality.from_anndata(adata, label_key="label", name="RNA", pair_key="cell")
    assert modality.pair_ids.tolist() == ["a", "", "c", "", "e", "f"]


@pytest.mark.parametrize("how", ["automatic", EQUAL_NAMES, NO_PAIRS])
def test_training_does_not_depend_on_known_pairs(how):
    both = sides(names=WORDS[:60], other_names=WORDS[:60])
    source, target, _ = with_known_pairs(*both, how)
    assert [source.fingerprint, target.fingerprint] == [each.fingerprint for each in both]
    assert (source.pair_fingerprint == "") is (how == NO_PAIRS)
