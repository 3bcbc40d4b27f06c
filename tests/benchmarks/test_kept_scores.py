"""Scores that are kept: the same when they are read again, with the members of both averages."""

import numpy as np
import pytest

from benchmarks.cell_confidence import one_split
from benchmarks.kept_scores import placed, split_scores
from benchmarks.quality_grid import split_rows
from benchmarks.quality_splits import Split
from tests.benchmarks.test_quality_splits import folder  # noqa: F401 - a fixture


@pytest.mark.slow
def test_scores_are_read_as_they_were_made_and_serve_both_benchmarks(folder, tmp_path):  # noqa: F811
    split, kept = Split(folder, 0, "separate"), tmp_path / "kept"
    made = split_scores(split, kept)
    read = split_scores(split, kept)
    assert np.array_equal(made.bagged[1].logits, read.bagged[1].logits)
    assert {path.suffix for path in kept.rglob("*") if path.is_file()} == {".npz"}
    for one, other in zip(made.by_members(made.bagged, 0), read.by_members(read.bagged, 0), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    networks, ridge = (made.by_members(made.default, member) for member in (0, 1))
    scales = made.default[0].fitted.scales
    mean = (networks[0] / scales[0] + ridge[0] / scales[1]) / 2 * np.sqrt(scales[0] * scales[1])
    np.testing.assert_allclose(mean, made.default[0].logits, rtol=1e-5, atol=1e-6)
    assert placed(made.default, networks)[0].space is networks[0]

    cells, labels = one_split(split, kept)
    assert {row["label"] for row in labels} == {"a", "b", "c", "d"}
    assert all(0 <= row[metric] <= 1 for row in cells for metric in ("foscttm", "foscttm_dealt", "rank", "farther"))
    rows = list(split_rows(split, made))
    assert {row["aligner"] for row in rows if "why_not" not in row} >= {"transport 0.1", "exact", "labeled GW"}
    bagged = [row for row in rows if row["representation"] == "feature bagging" and "foscttm" in row]
    assert all(0 < row["foscttm"] < 1 for row in bagged)
