"""compare_distributions: beside every figure a floor that it compares with, one kind for all labels, nothing silent."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.compared_cells import Comparing
from psmatch_core.evaluation.distributions import (
    DISTANCE_MEASURES,
    FLOOR,
    Distributions,
    compare_distributions,
)
from psmatch_core.evaluation.reference_space import ReferenceSpace

WAY = "target_to_source"


def cloud(n=400, d=6, seed=0, labels=("A", "B"), shift=0.0):
    rng = np.random.default_rng(seed)
    label = np.array(labels)[np.arange(n) % len(labels)]
    X = rng.normal(size=(n, d)) + shift + (label == labels[0])[:, None]
    adata = AnnData(X=X.astype(np.float32), obs={"label": label}, var={"gene": [f"g{i}" for i in range(d)]})
    adata.obs_names = [f"c{seed}_{i}" for i in range(n)]
    return Modality.from_anndata(adata, label_key="label", name="ADT")


OBSERVED = cloud()


def compared(candidates, labels=None, observed=OBSERVED, **settings):
    labels = cloud(seed=1).labels if labels is None else labels
    return compare_distributions(candidates, labels, observed, Comparing(**settings), direction=WAY)


def test_new_cells_of_the_same_distribution_lie_at_the_floor_and_moved_ones_above_it():
    again = cloud(seed=1)
    result = compared({"same": again.X, "moved": again.X + 1})
    for measure in DISTANCE_MEASURES:
        means = {name: result.micro[name][measure] for name in result.candidates}
        assert means[FLOOR] > 0 or measure in ("kl", "mmd2")  # two halves differ; unbiased estimates may be below 0
        assert abs(means["same"] - means[FLOOR]) < 0.35 * (means["moved"] - means[FLOOR])
    assert result.candidates == ("same", "moved", FLOOR)


def test_every_candidate_is_compared_with_as_many_cells_as_the_floor():
    row = compared({"same": cloud(seed=1).X}).per_label[0]
    assert (row.n_predicted, row.n_observed, row.n_compared, row.n_reference) == (200, 200, 100, 100)
    few = cloud(n=60, seed=2)
    row = compared({"same": few.X}, few.labels).per_label[0]
    assert (row.n_predicted, row.n_compared, row.n_reference) == (30, 30, 100)


def test_the_kernel_is_as_wide_as_the_reference_cells_are_apart():
    """Six z-scored features with a spread of 0.9 within a label: two cells are about 0.9 √12 apart."""
    row = compared({"same": cloud(seed=1).X}).per_label[0]
    assert row.bandwidth == pytest.approx(0.9 * np.sqrt(12), rel=0.1)


def test_units_of_a_feature_do_not_matter():
    scale = np.array([1, 10, 100, 0.1, 1, 1], dtype=np.float32)
    plain = compared({"same": cloud(seed=1).X})
    scaled = compared(
        {"same": cloud(seed=1).X * scale}, observed=OBSERVED.with_features(OBSERVED.X * scale, OBSERVED.var_names)
    )
    for measure in DISTANCE_MEASURES:
        assert scaled.micro["same"][measure] == pytest.approx(plain.micro["same"][measure], rel=1e-3, abs=1e-4)


def test_micro_weighs_labels_by_their_translated_cells():
    labels = np.array(["A"] * 300 + ["B"] * 60)
    X = np.random.default_rng(3).normal(size=(360, 6))
    result = compared({"x": X}, labels)
    a, b = (row.distances["x"]["w1"] for row in result.per_label)
    assert result.micro["x"]["w1"] == pytest.approx((300 * a + 60 * b) / 360)
    assert result.macro["x"]["w1"] == pytest.approx((a + b) / 2)


def test_wasserstein_is_of_one_kind_for_all_labels_and_the_result_says_which():
    labels = np.array(["A"] * 300 + ["B"] * 60)
    X = np.random.default_rng(3).normal(size=(360, 6))
    assert compared({"x": X}, labels).w1_kind == "exact"
    sliced = compared({"x": X}, labels, exact_cells=99)
    assert sliced.w1_kind == "sliced"
    assert sliced.micro["x"]["w1"] < compared({"x": X}, labels).micro["x"]["w1"]


def test_small_labels_samples_and_unmatched_cells_are_noted():
    again = cloud(seed=1)
    labels = again.labels.copy()
    labels[:390:2] = "C"
    values = again.X.astype(float)
    values[1] = np.nan
    result = compared({"same": values}, labels, most_cells=50)
    assert set(result.skipped) == {"A", "C"}
    assert result.skipped["A"] == "5 translated and 200 observed cells; 20 of each are needed"
    assert "1 cell without a translation" in result.notes[0]
    assert "more than 50 cells per modality" in result.notes[1]
    assert result.per_label[0].n_compared == 50


def test_where_no_label_has_enough_cells_no_table_of_nothing_is_shown():
    again = cloud(seed=1)
    report = compared({"same": again.X}, np.array([f"L{at // 10}" for at in range(400)])).report()
    assert "no label was compared with observed cells" in report
    assert "L0: not compared, " in report
    assert "nan" not in report.lower()


def test_one_point_for_all_cells_has_an_infinite_divergence_and_no_error():
    result = compared({"mean": np.zeros((400, 6))})
    assert result.micro["mean"]["kl"] == np.inf
    assert np.isfinite(result.micro["mean"]["w1"])


def test_the_space_keeps_the_axes_of_most_variance_and_says_how_much():
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(500, 2))
    X = latent @ rng.normal(size=(2, 30)) + 0.05 * rng.normal(size=(500, 30))
    space = ReferenceSpace.of(X, 2)
    assert space.axes.shape == (30, 2)
    assert space.explained > 0.95
    assert ReferenceSpace.of(X, 0).place(X).std(axis=0) == pytest.approx(1)


def test_table_and_plain_data_hold_the_same():
    result = compared({"same": cloud(seed=1).X})
    again = Distributions.from_dict(result.to_dict())
    assert again.table().equals(result.table())
    assert again.macro == result.macro
    assert {"label", "n_predicted", "w1_same", "w1_floor", "kl_floor"} <= set(result.table().columns)
    assert "w1 same" in repr(result)


def test_it_is_the_same_twice_and_another_with_another_seed():
    X, labels = cloud(seed=1).X, cloud(seed=1).labels
    first, again = (compare_distributions({"x": X}, labels, OBSERVED, direction=WAY, seed=1) for _ in range(2))
    other = compare_distributions({"x": X}, labels, OBSERVED, direction=WAY, seed=2)
    pd.testing.assert_frame_equal(first.table(), again.table())
    assert not first.table().equals(other.table())


def test_values_of_another_shape_are_refused():
    with pytest.raises(PsmatchError, match="x: 3 × 6 values were given for 400 cells × 6 features of ADT"):
        compared({"x": np.zeros((3, 6))})
