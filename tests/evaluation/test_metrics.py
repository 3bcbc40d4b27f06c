"""Metrics on plans whose answer is known."""

import numpy as np
import pytest

from psmatch_core.base.progress import StagePart
from psmatch_core.evaluation.metrics import feature_r2, foscttm, latent_error, latent_mse, latent_r2, true_weight
from psmatch_core.matching.blocks import DenseBlock, uniform_block


def test_uniform_scores_exactly_chance():
    for n in (2, 7, 40):
        order = np.random.default_rng(n).permutation(n)
        weight, rank = true_weight(uniform_block(n, n), np.arange(n), order)
        assert np.all(weight * n == pytest.approx(1.0, abs=1e-12))
        assert rank.mean() == 0.5
        points = np.random.default_rng(n).normal(size=(n, 3))
        assert foscttm(np.tile(points.mean(axis=0), (n, 1)), points).mean() == pytest.approx(0.5, abs=1e-15)


def test_truth_scores_perfectly():
    order = np.random.default_rng(0).permutation(12)
    P = np.zeros((12, 12))
    P[np.arange(12), order] = 1 / 12
    weight, rank = true_weight(DenseBlock(P), np.arange(12), order)
    assert np.array_equal(weight, np.ones(12))
    assert np.array_equal(rank, np.zeros(12))
    points = np.random.default_rng(0).normal(size=(12, 3))
    assert np.array_equal(foscttm(points, points), np.zeros(12))


def test_the_opposite_of_truth_scores_1():
    points = np.arange(10.0)[:, None]
    P = np.ones((10, 10)) - np.identity(10)
    _, rank = true_weight(DenseBlock(P / P.sum()), np.arange(10), np.arange(10))
    assert np.array_equal(rank, np.ones(10))
    backwards = points[::-1]
    assert foscttm(backwards, points).mean() > 0.5


def test_foscttm_is_the_mean_of_both_directions_counted_by_hand():
    """Seen from the projection of cell 1, cell 0 is closer than cell 1; seen from cell 1, nothing is closer."""
    projected, measured = np.array([[0.0], [0.4]]), np.array([[0.0], [1.0]])
    assert foscttm(projected, measured).tolist() == [0.0, 0.5]
    assert foscttm(measured, projected).tolist() == [0.0, 0.5]
    far = np.array([[0.0], [9.0], [10.0]])
    assert foscttm(far, far[:, :1] * 0).tolist() == [0.25, 0.5, 0.75]  # rows tie, columns rank 0, 1 and 2 of 2


def test_rank_counts_written_out():
    P = np.array([[0.4, 0.1, 0.1, 0.3, 0.1]])
    assert true_weight(DenseBlock(P), np.array([0]), np.array([0]))[1][0] == 0.0
    assert true_weight(DenseBlock(P), np.array([0]), np.array([3]))[1][0] == 1 / 4
    assert true_weight(DenseBlock(P), np.array([0]), np.array([1]))[1][0] == (2 + 2 / 2) / 4


def test_a_row_without_mass_is_chance_not_lucky():
    P = np.array([[0.0, 0.0, 0.0], [0.5, 0.25, 0.25]])
    weight, rank = true_weight(DenseBlock(P), np.array([0, 1]), np.array([2, 0]))
    assert weight[0] == 0
    assert rank[0] == 0.5
    assert rank[1] == 0


def test_a_random_permutation_is_chance_on_average():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(300, 4))
    assert foscttm(points[rng.permutation(300)], points).mean() == pytest.approx(0.5, abs=0.02)


def test_a_single_pair_cannot_be_judged():
    assert np.isnan(foscttm(np.zeros((1, 2)), np.zeros((1, 2)))).all()
    assert np.isnan(true_weight(uniform_block(1, 1), np.array([0]), np.array([0]))[1]).all()


def test_label_mean_has_the_variance_as_latent_error_and_a_permutation_twice_that():
    rng = np.random.default_rng(2)
    z = rng.normal(size=(4000, 3))
    assert latent_error(np.tile(z.mean(axis=0), (4000, 1)), z).mean() == pytest.approx(z.var(axis=0).mean(), rel=1e-9)
    assert latent_error(z[rng.permutation(4000)], z).mean() == pytest.approx(2 * z.var(), rel=0.05)


class TestLatent:
    """Three answers are known: the true pairs, a uniform plan, a random partner of the same label."""

    rng = np.random.default_rng(5)
    labels = rng.integers(4, size=6000)
    z = rng.normal(size=(4, 3))[labels] * 5 + rng.normal(size=(6000, 3)) * np.array([0.5, 1.0, 2.0])

    def matched(self, plan_of):
        projected = np.empty_like(self.z)
        for label in range(4):
            mine = np.flatnonzero(self.labels == label)
            projected[mine] = plan_of(mine)
        return latent_r2(projected, self.z, self.labels)

    def test_true_pairs_score_1(self):
        assert latent_mse(self.z, self.z) == 0
        assert latent_r2(self.z, self.z, self.labels) == 1

    def test_uniform_scores_0(self):
        uniform = self.matched(lambda mine: uniform_block(mine.size, mine.size).pull(self.z[mine]) * mine.size)
        assert uniform == pytest.approx(0, abs=1e-9)

    def test_a_random_permutation_scores_minus_1(self):
        assert self.matched(lambda mine: self.z[self.rng.permutation(mine)]) == pytest.approx(-1, abs=0.05)

    def test_states_that_do_not_vary_cannot_be_judged(self):
        assert np.isnan(latent_r2(np.ones((4, 2)), np.ones((4, 2)), np.zeros(4)))


def test_r2_of_truth_and_of_the_mean():
    y = np.random.default_rng(3).normal(size=(50, 4))
    y[:, 3] = 1.0
    per_feature, pooled = feature_r2(y, y, y.mean(axis=0))
    assert np.allclose(per_feature[:3], 1)
    assert np.isnan(per_feature[3])
    assert pooled == 1
    assert feature_r2(np.tile(y.mean(axis=0), (50, 1)), y, y.mean(axis=0))[1] == pytest.approx(0)


def test_a_constant_feature_does_not_enter_the_pooled_r2():
    y = np.random.default_rng(3).normal(size=(50, 2))
    y[:, 1] = 1.0
    wrong = np.column_stack([y[:, 0], y[:, 1] + 100])
    per_feature, pooled = feature_r2(wrong, y, y.mean(axis=0))
    assert per_feature[0] == pooled == 1


def test_metrics_of_many_tiles_are_those_of_all_pairs_at_once_and_their_rows_are_told():
    """n × n distances and plans are never formed whole; 1,100 pairs are five tiles."""
    rng = np.random.default_rng(0)
    n, heard = 1_100, []
    projected, measured = rng.normal(size=(2, n, 3))
    measured[7] = measured[3]  # a tie
    distance = np.linalg.norm(projected[:, None] - measured[None], axis=2)
    own = np.diag(distance)
    expected = [
        ((each < own[:, None] - 1e-9).sum(axis=1) + ((abs(each - own[:, None]) <= 1e-9).sum(axis=1) - 1) / 2) / (n - 1)
        for each in (distance, distance.T)
    ]
    part = StagePart(heard.append, "evaluate", "label A")
    np.testing.assert_allclose(foscttm(projected, measured, part=part), np.mean(expected, axis=0))
    told = [each.fraction for each in heard]
    assert len(told) >= 4
    assert told == sorted(told)
    assert 0 < told[0] < told[-1] < 1

    plan = rng.random((n, n))
    plan[5] = 0
    rows = rng.permutation(n)[:600]
    columns = rng.permutation(n)[:600]
    weight, rank = true_weight(DenseBlock(plan / plan.sum()), rows, columns, part=part)
    for at in rng.integers(600, size=40):
        row, mine = plan[rows[at]], plan[rows[at], columns[at]]
        assert weight[at] == pytest.approx(mine / row.sum() if row.sum() else 0)
        assert rank[at] == pytest.approx((row > mine).sum() / (n - 1) if row.sum() else 0.5)
