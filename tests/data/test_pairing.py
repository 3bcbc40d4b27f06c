"""How true pairs are known: drawn naming schemes, with the pairs there and with strangers in their place."""

import numpy as np
import pytest

from psmatch_core.data.checks import AUTOMATIC, EQUAL_NAMES, NO_PAIRS, CellNames, KnownPairs, Pairing, decide_pairs
from psmatch_core.data.checks.pairing import MOST_LISTED
from psmatch_core.data.names.core_names import core_names
from tests.conftest import SHARED

N, LABELS = 400, 8


def barcodes(rng, n, length=16):
    letters = np.array(list("ACGT"))
    return ["".join(row) for row in letters[rng.integers(0, 4, size=(n, length))]]


def uuids(rng, n):
    return ["-".join(f"{each:04x}" for each in row) for row in rng.integers(0, 2**16, size=(n, 4))]


def big_numbers(rng, n):
    return [str(each) for each in rng.choice(10**9, n, replace=False)]


# Names that say which cell it is.
TELLING = {
    "10x": lambda rng, n: [f"{each}-1" for each in barcodes(rng, n)],
    "10x of four samples": lambda rng, n: [f"{each}-{i % 4 + 1}" for i, each in enumerate(barcodes(rng, n))],
    "archr": lambda rng, n: [f"donor{i % 3}#{each}-1" for i, each in enumerate(barcodes(rng, n))],
    "bare": barcodes,
    "short": lambda rng, n: barcodes(rng, n, 12),
    "uuid": uuids,
    "database numbers": big_numbers,
    "cellxgene": lambda rng, n: [f"{each}-1-{i % 2}" for i, each in enumerate(barcodes(rng, n))],
    "three rounds": lambda rng, n: [
        f"R1.{a:02d}.R2.{b:02d}.R3.{c:02d}"
        for a, b, c in zip(*np.unravel_index(rng.choice(96**3, n, replace=False), (96, 96, 96)), strict=True)
    ],
    "three wells of combinatorial indexing": lambda rng, n: [
        f"{'ABCDEFGH'[a // 12]}{a % 12 + 1:02d}_{'ABCDEFGH'[b // 12]}{b % 12 + 1:02d}_{c:02d}"
        for a, b, c in zip(*np.unravel_index(rng.choice(96**3, n, replace=False), (96, 96, 96)), strict=True)
    ],
    "a well and two barcodes": lambda rng, n: [
        f"{'ABCDEFGH'[a // 12]}{a % 12 + 1}_RT_{b}_LIG_{c}"
        for a, b, c in zip(*np.unravel_index(rng.choice(96**3, n, replace=False), (96, 96, 96)), strict=True)
    ],
    "a well and a barcode": lambda rng, n: [
        f"P1_A{i % 12 + 1:02d}_{each}" for i, each in enumerate(barcodes(rng, n, 10))
    ],
    "accessions": lambda rng, n: [f"SRR{each}" for each in rng.choice(10**7, n, replace=False)],
    "a plate and an id": lambda rng, n: [f"plate{i % 3}_{each}" for i, each in enumerate(big_numbers(rng, n))],
}


def objects(rng, form, n, n_objects=900):
    """Some of the objects of many wells and sites, as filters leave them."""
    at = np.sort(rng.choice(16 * 24 * 9 * n_objects, n, replace=False))
    places = zip(*np.unravel_index(at, (16, 24, 9, n_objects)), strict=True)
    return [form.format(w="ABCDEFGHIJKLMNOP"[r], r=r + 1, c=c + 1, s=s + 1, o=o) for r, c, s, o in places]


# A few of very many objects, by names that say where they lie.
PLACED = {
    "plate, well, site, object": "P1_{w}{c:02d}_{s}_{o:03d}",
    "well, object": "{w}{c}-{o}",
    "well, site, object with words": "{w}{c:02d}_s{s}_obj{o}",
    "lower case": "{w}{c:02d}.f{s}.{o}",
    "rows and columns": "r{r:02d}c{c:02d}f{s:02d}p01-{o}",
    "words apart": "Plate 3, Row {r}, Col {c}, Site {s}, Object {o}",
    "image and object numbers": "ImageNumber_{r}{c:02d}{s}_ObjectNumber_{o}",
    "date, well, object": "2024-05-01_{w}{c:02d}_{o}",
    "slide, field of view, cell": "c_1_{r}{c:02d}_{o}",
    "field of view": "fov{r}{c:02d}_{o}",
    "cell of a large table": "cell_{r}{c:02d}{o:03d}",
}
# Names that only say which row or well it is.
COUNTING = {
    "numbers": lambda n: [str(i) for i in range(n)],
    "cell_1": lambda n: [f"cell_{i + 1}" for i in range(n)],
    "Cell 001": lambda n: [f"Cell {i:05d}" for i in range(n)],
    "cell00000": lambda n: [f"cell{i:05d}" for i in range(n)],
    "c0-1": lambda n: [f"c{i}-1" for i in range(n)],
    "every third row": lambda n: [str(3 * i) for i in range(n)],
    "wells": lambda n: [f"w_{chr(65 + i // 24)}{i % 24 + 1:02d}" for i in range(n)],
    "plates": lambda n: [f"plate{i // 96}_{chr(65 + i % 96 // 12)}{i % 12 + 1:02d}" for i in range(n)],
    "by donor": lambda n: [f"donor{'ABCD'[i % 4]}_{i // 4}" for i in range(n)],
    "by label": lambda n: [f"{['STAT1', 'JAK2', 'NT', 'IRF7'][i % 4]}.{i // 4}" for i in range(n)],
    "images": lambda n: [f"img_{i:04d}.tif" for i in range(n)],
    "site and object": lambda n: [f"s{i // 40}_obj{i % 40}" for i in range(n)],
}


def drawn_labels(rng, n):
    return [f"L{each}" for each in rng.choice(LABELS, n, p=np.arange(1, LABELS + 1) / 36)]


def decided(names, labels, how=AUTOMATIC) -> KnownPairs:
    (one, at), (other, other_at) = CellNames.of(names[0]), CellNames.of(names[1])
    return decide_pairs(one, other, ([labels[0][i] for i in at], [labels[1][i] for i in other_at]), how)


def shuffled(rng, names, labels):
    order = rng.permutation(len(names))
    return [names[i] for i in order], [labels[i] for i in order]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scheme", TELLING)
def test_equal_names_that_tell_cells_apart_are_pairs(scheme, seed):
    rng = np.random.default_rng(seed)
    names, labels = TELLING[scheme](rng, N), drawn_labels(rng, N)
    other = shuffled(rng, names, labels)
    found = decided((names, other[0]), (labels, other[1]))
    assert (found.how, found.n_equal) == (Pairing.NAMES, N)


@pytest.mark.parametrize("scheme", TELLING)
def test_names_that_no_file_shares_are_no_pairs(scheme):
    rng = np.random.default_rng(1)
    sides = [(TELLING[scheme](rng, N), drawn_labels(rng, N)) for _ in range(2)]
    assert decided((sides[0][0], sides[1][0]), (sides[0][1], sides[1][1])).how is Pairing.NONE


@pytest.mark.parametrize("with_pairs", [True, False])
@pytest.mark.parametrize("scheme", COUNTING)
def test_counting_names_are_never_pairs_unless_the_user_says_so(scheme, with_pairs):
    rng = np.random.default_rng(2)
    names, labels = COUNTING[scheme](N), drawn_labels(rng, N)
    others = labels if with_pairs else drawn_labels(rng, N)
    found = decided((names, names), (labels, others))
    assert found.how is Pairing.NONE
    assert f"{N} cell names are equal, but they only number the cells ({names[0]}, {names[1]})" in found.reason
    assert decided((names, names), (labels, others), EQUAL_NAMES).how is Pairing.NAMES


@pytest.mark.parametrize("with_pairs", [True, False])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PLACED)
def test_places_and_numbers_are_never_pairs_however_few_are_in_use(name, seed, with_pairs):
    rng = np.random.default_rng(seed)
    names, labels = objects(rng, PLACED[name], N), drawn_labels(rng, N)
    others = labels if with_pairs else drawn_labels(rng, N)
    found = decided((names, names), (labels, others))
    assert found.how is Pairing.NONE
    assert "but they only number the cells" in found.reason
    assert decided((names, names), (labels, others), EQUAL_NAMES).how is Pairing.NAMES


def test_a_random_half_of_numbered_cells_still_counts():
    rng = np.random.default_rng(3)
    names = [[f"cell_{i}" for i in np.sort(rng.choice(2 * N, N, replace=False))] for _ in range(2)]
    assert "only number the cells" in decided(names, (drawn_labels(rng, N), drawn_labels(rng, N))).reason


AFFIXES = {
    "two endings": ("{}-1", "{}-2"),
    "two beginnings": ("rna_{}", "atac_{}"),
    "one ending": ("{}", "{}-1"),
    "an ending after an ending": ("{}-1_rna", "{}-1"),
    "a beginning and an ending": ("batch1_{}-1", "{}-1"),
    "another separator": ("{}-1", "{}.1"),
    "in the middle": ("s7_rna_{}-1", "s7_adt_{}-1"),
    "two endings after a number": ("{}-1-0", "{}-1"),
}


@pytest.mark.parametrize("affix", AFFIXES)
def test_names_that_are_equal_but_for_a_part_are_pairs(affix):
    rng = np.random.default_rng(4)
    cells, labels = barcodes(rng, N), drawn_labels(rng, N)
    one, other = AFFIXES[affix]
    there, theirs = shuffled(rng, cells, labels)
    names = [one.format(each) for each in cells], [other.format(each) for each in there]
    found = decided(names, (labels, theirs))
    assert (found.how, found.n_equal) == (Pairing.PARTS, N)
    assert f"{N} cell names are equal but for an ending or prefix ({names[0][0]}, {other.format(cells[0])})" in (
        found.reason
    )


@pytest.mark.parametrize("form", ["{b}-1_{s}", "S{s}#{b}-1", "lib{s}:{b}x", "{b}.{s}", "donor{s}_{b}"])
def test_barcodes_name_the_cells_of_several_samples(form):
    random = np.random.default_rng(3)
    cells = ["".join(random.choice(list("ACGT"), 16)) for _ in range(60)]
    source = [form.format(b=each, s=i % 3 + 1) for i, each in enumerate(cells)]
    target = [f"run{i % 3}_{each}" for i, each in reversed([*enumerate(cells)])]
    assert core_names(source, target) == (cells, cells[::-1])
    labels = [f"k{i % 4}" for i in range(60)]
    names = [CellNames.of(each)[0] for each in (source, target)]
    assert decide_pairs(names[0], names[1], (labels, labels[::-1])).n_equal == 60
    assert not decide_pairs(names[0], names[1], (labels, [*labels[::-1][1:], labels[-1]])).are_known


def test_barcodes_of_other_cells_stay_whole_names():
    random = np.random.default_rng(4)
    one, other = (["".join(random.choice(list("ACGT"), 16)) + f"_{i % 2}" for i in range(40)] for _ in range(2))
    assert core_names(one, other)[0] == one


def test_a_part_that_differs_from_cell_to_cell_is_kept():
    """Sample 1 of one file is not sample 2 of the other, though its barcodes are."""
    rng = np.random.default_rng(5)
    cells = barcodes(rng, N)
    one, other = ([f"{each}-{i % 2 + shift}" for i, each in enumerate(cells)] for shift in (1, 3))
    assert decided((one, other), (drawn_labels(rng, N), drawn_labels(rng, N))).how is Pairing.NONE


def test_the_same_numbers_behind_two_prefixes_are_no_pairs():
    rng = np.random.default_rng(6)
    labels = drawn_labels(rng, N)
    names = [f"rna_{i}" for i in range(N)], [f"adt_{i}" for i in range(N)]
    found = decided(names, (labels, labels))
    assert found.how is Pairing.NONE
    assert "only number the cells" in found.reason


@pytest.mark.parametrize("seed", range(5))
def test_barcodes_that_are_equal_by_chance_are_no_pairs(seed):
    """60 of 800, as two samples of one set of barcodes share."""
    rng = np.random.default_rng(seed)
    codes = barcodes(rng, 800 + 740)
    names = (codes[:800], codes[740:])
    found = decided(names, (drawn_labels(rng, 800), drawn_labels(rng, 800)))
    assert found.how is Pairing.NONE
    assert found.reason.startswith("60 cell names are equal (8% of the smaller file), but the labels hardly agree (")


@pytest.mark.parametrize("seed", range(5))
def test_two_sets_with_the_same_barcodes_are_no_pairs(seed):
    rng = np.random.default_rng(seed)
    codes = barcodes(rng, 384)
    found = decided((codes, rng.permutation(codes).tolist()), (drawn_labels(rng, 384), drawn_labels(rng, 384)))
    assert found.how is Pairing.NONE
    assert "384 cell names are equal (100% of the smaller file), but the labels hardly agree" in found.reason


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_cells_that_are_partly_the_same_are_pairs_if_their_labels_agree(share):
    rng = np.random.default_rng(7)
    n = int(share * N)
    codes, labels = barcodes(rng, 2 * N - n), drawn_labels(rng, 2 * N - n)
    found = decided((codes[:N], codes[N - n :]), (labels[:N], labels[N - n :]))
    assert (found.how, found.n_equal) == (Pairing.NAMES, n)
    assert "and the labels agree (100% of these cells" in found.reason


def test_two_annotations_of_the_same_cells_need_not_agree_in_all():
    rng = np.random.default_rng(8)
    codes, labels = barcodes(rng, N), drawn_labels(rng, N)
    noisy = [other if rng.random() < 0.5 else own for own, other in zip(labels, drawn_labels(rng, N), strict=True)]
    assert decided((codes, codes), (labels, noisy)).how is Pairing.NAMES


def test_permuted_labels_are_no_pairs():
    rng = np.random.default_rng(9)
    codes, labels = barcodes(rng, N), drawn_labels(rng, N)
    assert decided((codes, codes), (labels, rng.permutation(labels).tolist())).how is Pairing.NONE


def test_labels_that_cannot_judge_leave_it_to_the_share_of_equal_names():
    rng = np.random.default_rng(10)
    codes = barcodes(rng, N + N // 2)
    alike = ["NT"] * N
    assert decided((codes[:N], codes[:N]), (alike, alike)).how is Pairing.NAMES
    few = decided((codes[:N], codes[N - 60 : 2 * N - 60]), (alike, alike[: len(codes[N - 60 : 2 * N - 60])]))
    assert few.how is Pairing.NONE
    assert "labels cannot confirm that they are the same cells" in few.reason
    (one, _), (other, _) = CellNames.of(codes[:N]), CellNames.of(codes[:N])
    assert decide_pairs(one, other).how is Pairing.NAMES  # no label column is chosen yet


def test_cells_without_a_label_do_not_count():
    rng = np.random.default_rng(11)
    codes, labels = barcodes(rng, N), drawn_labels(rng, N)
    blank = [label if i % 2 else "" for i, label in enumerate(labels)]
    found = decided((codes, codes), (blank, labels))
    assert (found.how, found.n_equal) == (Pairing.NAMES, N // 2)


def test_the_user_overrules_every_decision():
    rng = np.random.default_rng(12)
    codes, labels = barcodes(rng, N), drawn_labels(rng, N)
    none = decided((codes, codes), (labels, labels), NO_PAIRS)
    assert (none.how, none.reason) == (Pairing.NONE, "You decided that there are none.")
    strangers = decided((codes, codes), (labels, drawn_labels(rng, N)), EQUAL_NAMES)
    assert (strangers.how, strangers.n_equal) == (Pairing.NAMES, N)
    assert strangers.reason == f"You decided to take them for pairs: {N} cell names are equal."
    parts = decided(([f"a_{c}" for c in codes], [f"b_{c}" for c in codes]), (labels, labels), EQUAL_NAMES)
    assert parts.how is Pairing.PARTS
    nothing = decided((codes, barcodes(rng, N)), (labels, labels), EQUAL_NAMES)
    assert (nothing.how, nothing.reason) == (Pairing.NONE, "The two files share no cell name.")


def test_pair_columns_come_first_and_the_user_before_them():
    (one, _), (other, _) = CellNames.of(["a", "b"]), CellNames.of(["c", "d"])
    assert decide_pairs(one, other, columns=(True, True)).how is Pairing.COLUMN
    assert decide_pairs(one, other, how=NO_PAIRS, columns=(True, True)).how is Pairing.NONE
    assert decide_pairs(one, other, how=EQUAL_NAMES, columns=(True, True)).how is Pairing.NONE


@pytest.mark.parametrize(("columns", "named"), [((True, False), "source"), ((False, True), "target")])
def test_a_pair_column_on_one_side_names_no_pairs_and_says_so(columns, named):
    (one, _), (other, _) = CellNames.of(["a", "b"]), CellNames.of(["c", "d"])
    other_side = {"source": "target", "target": "source"}[named]
    pairs = decide_pairs(one, other, columns=columns)
    assert pairs.how is Pairing.NONE
    missing = f"The pair column of the {named} is not used, because none is chosen for the {other_side}."
    assert pairs.reason == f"{missing} The two files share no cell name."
    assert "pair column" not in decide_pairs(one, other, how=NO_PAIRS, columns=columns).reason


def test_large_files_are_decided_by_a_sample_that_both_sides_draw_alike():
    rng = np.random.default_rng(13)
    n = 5 * MOST_LISTED
    codes, labels = barcodes(rng, n), drawn_labels(rng, n)
    there, theirs = shuffled(rng, codes, labels)
    names = [f"rna_{each}-1" for each in codes], there[: n // 2]
    found = decided(names, (labels, theirs[: n // 2]))
    assert found.how is Pairing.PARTS
    assert found.n_equal == pytest.approx(n // 2, rel=0.1)
    assert found.reason.startswith("About ")
    counted = [f"cell_{i}" for i in range(n)]
    assert "only number the cells" in decided((counted, counted), (labels, labels)).reason


def test_a_part_is_dropped_only_where_the_other_file_lacks_it():
    assert core_names(["rna_A-1", "rna_C-1"], ["A-1", "C-1"]) == (["A_1", "C_1"], ["A_1", "C_1"])
    assert core_names(["s1_x", "s1_y"], ["s1_x", "s2_x"]) == (["s1_x", "s1_y"], ["s1_x", "s2_x"])
    assert core_names(["one"], ["one", "two"]) == (["one"], ["one", "two"])


@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "how"),
    [
        ("bmmc_cite", Pairing.NAMES),
        ("pbmc10k_cite_mini", Pairing.NAMES),
        ("snare_celllines", Pairing.NAMES),
        ("snare_cortex", Pairing.NAMES),
        ("citeasap_unpaired", Pairing.NONE),
        ("pbmc_rna_atac_unpaired", Pairing.NONE),
        ("papalexi_split", Pairing.NONE),  # paired, but by names that only count
        ("cellpainting_a549", Pairing.NONE),
    ],
)
def test_names_of_real_files(shared, folder, how):
    import anndata

    sides = [anndata.read_h5ad(SHARED / "data" / folder / f"mod{side}.h5ad", backed="r").obs for side in (1, 2)]
    labels = [side["label"].astype(str).tolist() for side in sides]
    assert decided([side.index.tolist() for side in sides], labels).how is how
