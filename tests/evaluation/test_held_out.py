"""The result of leaving a label out: figures worked out by hand, for features of unequal spread."""

import json
from dataclasses import replace

import numpy as np
import pytest

from psmatch_core.evaluation.distributions import compare_distributions
from psmatch_core.evaluation.held_out import CANDIDATES, load_held_out
from tests.evaluation.test_distributions import OBSERVED
from tests.plotting.test_left_out_label import compared, left_out

SPREAD = np.array([1.0, 10.0, 0.1])
MEANS = {
    "observed": np.array([3.0, 40.0, 0.5]),
    "translated": np.array([2.0, 20.0, 0.6]),
    "label_mean": np.array([1.0, 30.0, 0.4]),
    "uniform": np.array([2.0, 30.0, 0.3]),
    "no_change": np.array([1.0, 20.0, 0.4]),
}


def known():
    """Shifts of 2, 2 and 1 standard deviations, of which 1, 0 and 2 are predicted."""
    return replace(left_out(names=["a", "b", "c"]), spread=SPREAD, means=MEANS)


def test_shifts_are_in_standard_deviations_of_each_feature():
    found = known()
    assert found.shifts["observed"] == pytest.approx([2, 2, 1])
    assert found.shifts["translated"] == pytest.approx([1, 0, 2])
    assert found.shift_explained["translated"] == pytest.approx(1 - (1 + 4 + 1) / 9)
    assert found.shift_explained["uniform"] == pytest.approx(1 - (1 + 1 + 4) / 9)
    assert found.shift_explained["label_mean"] == pytest.approx(1 - (4 + 1 + 1) / 9)
    assert found.table()["feature"].tolist() == ["a", "b", "c"]


def test_correlations_of_means_and_of_shifts_are_two_things():
    found = known()
    for name in ("translated", "label_mean", "uniform"):
        assert found.mean_correlation[name] == pytest.approx(np.corrcoef(MEANS[name], MEANS["observed"])[0, 1])
        shift = (MEANS[name] - MEANS["no_change"]) / SPREAD
        assert found.shift_correlation[name] == pytest.approx(np.corrcoef(shift, [2, 2, 1])[0, 1])
    assert found.mean_correlation["no_change"] > 0.99  # the level of a feature says nothing of a shift
    assert np.isnan(found.shift_correlation["no_change"])


def test_the_summary_weighs_labels_by_their_cells():
    labels = np.array(["A"] * 300 + ["B"] * 60)
    X = np.random.default_rng(3).normal(size=(360, 6))
    distances = compare_distributions({"translated": X}, labels, OBSERVED, direction="target_to_source")
    summary = replace(known(), out_of_distribution=distances).summary().set_index("candidate")
    first, second = (row.distances["translated"]["energy"] for row in distances.per_label)
    assert summary.loc["predicted", "energy"] == pytest.approx((300 * first + 60 * second) / 360)


@pytest.mark.parametrize("has_inside", [True, False])
def test_a_saved_result_keeps_both_comparisons_and_all_means(tmp_path, has_inside):
    inside = compared(("C", "D")) if has_inside else None
    found = replace(known(), in_distribution=inside, notes=("one", "two"), settings={"seed": 3})
    again = load_held_out(found.save(tmp_path / "found.npz"))
    assert json.dumps(again.to_dict()) == json.dumps(found.to_dict())  # as texts, in which NaN equals NaN
    assert (again.in_distribution is not None) == has_inside == ("In distribution: held-out cells" in again.report())
    for name in (*CANDIDATES, "observed"):
        np.testing.assert_array_equal(again.means[name], MEANS[name])
    assert again.obs_names.tolist() == ["a", "b", "c"]
