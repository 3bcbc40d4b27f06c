"""Rules on values, names and labels: one test for each message, on its text."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import (
    Finding,
    Severity,
    check_labels,
    check_matrix,
    count_labels,
    detect_kind,
    display,
    label_texts,
    raise_rejections,
    unique_names,
)
from psmatch_core.data.checks.names import check_names

RANDOM = np.random.default_rng(0)
COUNTS = RANDOM.poisson(3.0, (60, 20)).astype(np.float32)


def cells(n=60):
    return [f"cell{i}" for i in range(n)]


def genes(n=20):
    return [f"GENE{i}" for i in range(n)]


def matrix_findings(X, obs_names=None, var_names=None, matrix="X"):
    findings = check_matrix(
        X,
        obs_names=obs_names or cells(X.shape[0]),
        var_names=var_names or genes(X.shape[1] if X.ndim > 1 else 1),
        name="RNA",
        matrix=matrix,
    )
    assert all(len(str(each)) <= 300 for each in findings)
    if X.ndim == 2:  # messages stay short however long the names are
        long_cells, long_genes = [f"{i}" * 90 for i in range(X.shape[0])], [f"{i}" * 90 for i in range(X.shape[1])]
        longest = check_matrix(
            X, obs_names=long_cells, var_names=long_genes, name="n" * 40, matrix="layers/" + "m" * 99
        )
        assert all(len(str(each)) <= 300 for each in longest), [str(each) for each in longest]
    return findings


def changed(row, column, value, dtype=np.float32):
    X = COUNTS.astype(dtype)
    X[row, column] = value
    return X


def label_findings(values):
    findings = check_labels(pd.Series(values), name="RNA", label_key="cell_type")
    assert all(len(str(each)) <= 300 for each in findings)
    long = [each + "x" * 90 if isinstance(each, str) and each.strip() else each for each in values]
    for each in check_labels(pd.Series(long), name="n" * 40, label_key="k" * 90):
        assert len(str(each)) <= 300, str(each)
    return findings


def test_good_counts_give_no_finding():
    assert matrix_findings(COUNTS) == ()
    assert matrix_findings(sparse.csr_matrix(COUNTS)) == ()
    assert matrix_findings(COUNTS.astype(int)) == ()


REJECTED = {
    "nan": (changed(7, 3, np.nan), "1 missing (NaN) value in 1 of 20 features: GENE3 (1); the first in cell cell7"),
    "infinite": (changed(2, 1, np.inf), "1 infinite value in 1 of 20 features: GENE1 (1); the first in cell cell2"),
    "overflow": (changed(0, 0, 1e300, float), "magnitude 1e+300 is too large"),
    "constant": (np.ones((60, 20)), "all cells have the same value in all features (1)"),
    "text": (np.full((60, 20), "a", dtype=object), "holds text, not numbers"),
    "complex": (COUNTS.astype(complex), "holds complex numbers"),
    "one cell": (COUNTS[:1], "has only 1 cell"),
    "no cell": (COUNTS[:0], "has no cells (0 cells × 20 features)"),
    "one feature": (COUNTS[:, :1], "has only 1 feature"),
    "no feature": (COUNTS[:, :0], "has no features"),
    "three dimensions": (COUNTS[:, :, None], "has 3 dimensions (60 × 20 × 1)"),
}


@pytest.mark.parametrize("case", REJECTED)
def test_unusable_matrix_is_refused_with_its_reason(case):
    X, words = REJECTED[case]
    findings = matrix_findings(X)
    assert findings[0].severity is Severity.REJECT
    assert words in findings[0].problem
    if X.ndim == 2 and X.dtype.kind == "f":
        assert matrix_findings(sparse.csr_matrix(X))[0].problem == findings[0].problem


WARNED = {
    "empty cells": (changed([1, 2, 5], slice(None), 0), "3 cells of 60 with only zeros (empty): cell1, cell2, cell5"),
    "constant features": (changed(slice(None), [3, 9], 4), "2 features of 20 constant over all cells (zero variance)"),
    "identical cells": (np.vstack([COUNTS[:50], COUNTS[:10]]), "10 cells identical to another cell in all values"),
    "few cells": (np.vstack([COUNTS[:8, :5], COUNTS[20:22, :5]]), "only 10 cells"),
    "more features": (RANDOM.poisson(3.0, (40, 50)), "more features than cells (50 features, 40 cells)"),
}


@pytest.mark.parametrize("case", WARNED)
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_awkward_matrix_is_reported_and_stays_usable(case, storage):
    X, words = WARNED[case]
    findings = matrix_findings(storage(X))
    assert [each.severity for each in findings] == [Severity.WARN]
    assert words in findings[0].problem


def test_scaled_values_are_reported():
    X = (COUNTS - COUNTS.mean(0)) / COUNTS.std(0)
    assert "already scaled" in matrix_findings(X)[0].problem
    assert matrix_findings(X, matrix="obsm/X_pca") == ()


def test_layer_called_counts_that_holds_none_is_reported():
    assert (
        "does not hold counts, although its name says so"
        in matrix_findings(np.log1p(COUNTS), matrix="layers/counts")[0].problem
    )
    assert matrix_findings(COUNTS, matrix="layers/counts") == ()


def test_repeated_sparse_entries_are_reported():
    X = sparse.csr_matrix((np.ones(3), [1, 1, 2], [0, 3] + [3] * 59), shape=(60, 20))
    assert any("sparse entries are unsorted or repeated" in each.problem for each in matrix_findings(X))


def test_names_are_checked():
    assert "1 cell name of 60 is empty" in matrix_findings(COUNTS, ["", *cells(59)])[0].problem
    repeated = matrix_findings(COUNTS, ["c0", "c0", *cells(58)])[0]
    assert repeated.severity is Severity.REJECT
    assert "1 cell name used more than once (duplicates): c0" in repeated.problem
    assert "1 feature name is repeated: G" in matrix_findings(COUNTS, None, ["G", "G", *genes(18)])[0].problem
    assert "read like missing values: NA" in matrix_findings(COUNTS, ["NA", *cells(59)])[0].problem
    assert (
        "looks transposed"
        in matrix_findings(COUNTS, genes(60), [f"AAACCTGAGA{c}CCG-1" for c in "ACGT" * 5])[-1].problem
    )


def test_size_of_matrix_and_names_must_agree():
    assert "60 rows for 59 cell names" in matrix_findings(COUNTS, cells(59))[0].problem
    assert "20 columns for 19 feature names" in matrix_findings(COUNTS, None, genes(19))[0].problem


def test_repeated_names_get_numbers_that_are_free():
    assert unique_names(["a", "a", "a-1", "b", "a"]) == ["a", "a-2", "a-1", "b", "a-3"]


KINDS = {
    "counts": COUNTS,
    "binary": COUNTS > 3,
    "logged": np.log1p(COUNTS),
    "normalized": COUNTS * 33.3,
    "scaled": (COUNTS - COUNTS.mean(0)) / COUNTS.std(0),
    "real": RANDOM.normal(3, 4, (60, 20)),
    "constant": np.zeros((60, 20)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind_of_values_is_detected_dense_or_sparse(kind):
    assert detect_kind(KINDS[kind]).name == kind
    assert detect_kind(sparse.csr_matrix(KINDS[kind])).name == kind
    assert detect_kind(KINDS[kind]).reason


@pytest.mark.parametrize(("largest", "kind"), [(18.4, "logged"), (19.9, "logged"), (20.1, "normalized")])
def test_values_beyond_any_logarithm_of_counts_are_not_logged(largest, kind):
    X = RANDOM.uniform(0, 5, (60, 20))
    X[3, 4] = largest
    assert detect_kind(X).name == kind


def test_labels_of_a_plain_column_give_no_finding():
    assert label_findings(["a", "b", "c"] * 20) == ()
    assert label_findings([True, False] * 30) == ()
    assert label_findings([1, 2, 3] * 20) == ()
    assert label_findings([0.5, 1.0, 10.0] * 20) == ()


REJECTED_LABELS = {
    "unique": ([f"cell{i}" for i in range(60)], "every cell has its own value (60 values, 60 cells)"),
    "continuous": (list(RANDOM.normal(size=60)), "continuous decimal numbers (60 different values)"),
    "continuous text": ([f"{each:.3f}" for each in RANDOM.normal(size=60)], "continuous decimal numbers"),
    "many numbers": (list(range(100)) * 10, "numeric values (100 different numbers)"),
    "one label": (["a"] * 60, "only one label, a"),
    "none": ([None] * 60, "no cell has a label"),
}


@pytest.mark.parametrize("case", REJECTED_LABELS)
def test_unusable_label_column_is_refused_with_its_reason(case):
    values, words = REJECTED_LABELS[case]
    findings = label_findings(values)
    assert [each.severity for each in findings] == [Severity.REJECT]
    assert words in findings[0].problem


WARNED_LABELS = {
    "missing": (["a", "b", None, np.nan] * 15, "30 of 60 cells have no label (missing)"),
    "missing as text": (["a", "b", "nan", "a"] * 15, "15 of 60 cells have no label (missing)"),
    "blank": (["a", "b", "a", "  "] * 15, "15 of 60 cells have an empty (blank) label"),
    "small": (["a"] * 30 + ["b"] * 29 + ["NK cell"], "1 label has too few cells (under 5): NK cell (1 cell)"),
    "many": ([f"g{i}" for i in range(250)] * 5, "250 labels for 1,250 cells"),
    "dates": (["2024-01-01", "2024-02-01"] * 30, "look like dates: 2024-01-01, 2024-02-01"),
    "control": (["a\nb", "c"] * 30, "1 label with a line break, tab, invisible or other control character: a·b"),
    "mixed": ([1, "B", 2.5, "D"] * 15, "mixed values (numbers and text)"),
    "doubtful": (["None", "b"] * 30, "30 cells labelled None, which often means missing"),
    "spelling": (["KO_A", " KO_A", "b"] * 20, "1 label spelled in several ways"),
}


@pytest.mark.parametrize("case", WARNED_LABELS)
def test_awkward_label_column_is_reported_and_stays_usable(case):
    values, words = WARNED_LABELS[case]
    findings = label_findings(values)
    assert [each.severity for each in findings] == [Severity.WARN]
    assert words in findings[0].problem


def test_numbers_read_the_same_in_every_type():
    expected = ["1", "2", None]
    for values in ([1, 2, None], [1.0, 2.0, np.nan], ["1", "2", None], ["1", "2", ""]):
        assert list(label_texts(pd.Series(values))) == expected
    assert list(label_texts(pd.Series([1, 2, None], dtype="Int64"))) == expected
    assert list(label_texts(pd.Series(pd.Categorical([1, 2, None])))) == expected
    assert list(label_texts(pd.Series([True, False]))) == ["True", "False"]
    assert list(label_texts(pd.Series([b"a", "b"], dtype=object))) == ["a", "b"]


def test_one_and_true_in_one_column_stay_two_labels():
    assert count_labels(pd.Series([1, True, 1, True], dtype=object)).counts == {"1": 2, "True": 2}


def test_categories_without_cells_do_not_count():
    values = pd.Categorical(["a", "b", "a"], categories=["a", "b", "gone"])
    assert count_labels(pd.Series(values)).counts == {"a": 2, "b": 1}


def test_refusal_tells_how_many_further_problems_there_are():
    finding = Finding(Severity.REJECT, "PM-X", "First.", "Mend it.")
    note = Finding(Severity.WARN, "PM-Y", "By the way.", "Look.")
    raise_rejections([note])
    with pytest.raises(PsmatchError, match=r"First\. \(2 more problems found\.\) → Mend it\. \[PM-X\]"):
        raise_rejections([note, finding, finding, finding])


def test_names_are_shown_short_and_without_control_characters():
    assert display("a\n\u202eb") == "a··b"
    assert len(display("x" * 500)) == 32


PEAKS = ("chr{}-{}-{}", "chr{}:{}-{}", "chr{}_{}_{}", "{}:{}-{}", "GL00019{}.1:{}-{}", "chr{}_KI270706v1_random-{}-{}")


@pytest.mark.parametrize("form", PEAKS)
def test_peaks_are_features_and_not_cells(form):
    peaks = [form.format(i % 9 + 1, 500 * i, 500 * i + 499) for i in range(60)]
    barcodes = [f"{barcode}-1" for barcode in itertools.islice(map("".join, itertools.product("ACGT", repeat=16)), 60)]
    codes = [each.code for each in check_names(barcodes, peaks, name="atac")]
    assert "PM-F23" not in codes
    assert "PM-F23" in [each.code for each in check_names(peaks, barcodes, name="transposed")]


def test_cells_of_merged_samples_are_still_cells():
    cells = [f"sample_{'ACGT' * 4}-1-{i}" for i in range(60)]
    genes = [f"GENE{i}" for i in range(60)]
    assert "PM-F23" in [each.code for each in check_names(genes, cells, name="transposed")]


@pytest.mark.parametrize(
    "name", ["Total", "grand_total", "Average:", "stdev", "Std. Dev.", "STD", "Standard deviation"]
)
def test_a_row_called_like_a_summary_is_pointed_out(name):
    names = [f"c{i}x" for i in range(30)]
    (found,) = check_names([*names, name], ["G1", "G2"], name="a.csv")
    assert (found.code, found.problem) == ("PM-F74", f"a.csv: 1 row called like a summary of the cells: {name}.")
    assert check_names([*names, "st", "sdc", "meanest"], ["G1", "G2"], name="a.csv") == ()
