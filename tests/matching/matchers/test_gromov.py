"""Gromov-Wasserstein and fused: known geometries, agreement with POT and with each other, what is said and refused."""

from dataclasses import replace

import numpy as np
import ot
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers import FusedGromovMatcher, GromovMatcher, LabelProblem, SinkhornMatcher
from psmatch_core.matching.matchers.geodesics import geodesics
from psmatch_core.matching.matchers.gromov_solver import Distortion, SolverPlan, solver_answer
from tests.conftest import make_modality
from tests.matching.matchers.test_matchers import problem

LENGTHS = {"metric": "euclidean", "edges": "lengths"}


def couple(matcher, given):
    return matcher.couple(given, progress=silent)


def turned(n=24, seed=0, noise=0.0):
    """One cloud seen twice: rotated and in another order; the partner of source i is where ``order`` holds i."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)) * [3.0, 1.5, 1.0]
    order = rng.permutation(n)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    y = x[order] @ rotation + noise * rng.normal(size=(n, 3))
    zeros = np.zeros((n, 2))
    return LabelProblem("STAT1", zeros, zeros, None, None, 0, x_features=x, y_features=y), order


# Distances along the graph


def test_lengths_along_a_line_are_differences():
    found = geodesics(np.arange(10.0)[:, None], 2, **LENGTHS)
    assert np.allclose(found.distances, np.abs(np.subtract.outer(np.arange(10), np.arange(10))) / 9)
    assert (found.n_neighbors, found.n_pieces) == (2, 1)


def test_hops_count_edges_whatever_their_length():
    points = np.array([0.0, 1, 10, 11, 20, 21])[:, None]  # k = 2 joins each to the next two
    found = geodesics(points, 2, metric="euclidean", edges="hops")
    assert found.distances.max() == 1
    steps = np.unique(np.round(found.distances[np.triu_indices(6, 1)] / found.distances[0, 1]))
    assert np.allclose(steps, np.arange(1, steps.size + 1))


def test_correlation_forgets_a_cells_depth_and_offset():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 8))
    scaled = points * rng.uniform(0.2, 5, size=(30, 1)) + rng.normal(size=(30, 1))
    assert np.allclose(geodesics(points, 5).distances, geodesics(scaled, 5).distances)


def test_a_constant_cell_and_duplicates_break_nothing():
    points = np.vstack([np.ones((1, 5)), np.repeat(np.random.default_rng(0).normal(size=(5, 5)), 3, axis=0)])
    for edges in ("hops", "lengths"):
        found = geodesics(points, 4, edges=edges)
        assert np.isfinite(found.distances).all()
        assert found.distances.max() == 1


def test_pieces_are_as_far_apart_as_the_farthest_cells_of_a_piece_and_it_is_said():
    rng = np.random.default_rng(0)
    two = np.vstack([rng.normal(size=(12, 2)), rng.normal(size=(12, 2)) + 1000])
    found = geodesics(two, 3, **LENGTHS)
    assert found.n_pieces == 2
    assert np.allclose(found.distances[:12, 12:], 1)
    given = LabelProblem("A", two, two, None, None, 0, x_features=two, y_features=rng.normal(size=(24, 2)))
    _, status = couple(GromovMatcher(n_neighbors=3, **LENGTHS), given)
    assert "the source graph is in 2 pieces, as far apart as the farthest cells of a piece" in status.message
    assert "the target graph is in" not in status.message


def test_k_is_at_most_half_of_the_cells_and_it_is_said():
    _, status = couple(GromovMatcher(), problem(9, 20))
    assert "k = 10 lowered to 4 on the source side; k = 10 lowered to 9 on the target side" in status.message


# Plans


def test_one_geometry_seen_twice_is_found_again():
    given, order = turned()
    block, status = couple(GromovMatcher(epsilon=0.01, n_neighbors=6, max_iterations=2000, **LENGTHS), given)
    assert status.outcome is Outcome.CONVERGED
    P = block.to_array()
    assert P[order, np.arange(order.size)].sum() > 0.9


def test_the_cost_is_the_sum_over_pairs_of_pairs():
    rng = np.random.default_rng(0)
    C1, C2 = (np.abs(each - each.T) for each in (rng.normal(size=(6, 6)), rng.normal(size=(5, 5))))
    M, plan = rng.random((6, 5)), rng.random((6, 5))
    plan /= plan.sum()
    distortion = Distortion.scaled(C1, C2, linear=M, share=0.3)
    written = np.einsum("ikjl,ij,kl->", (C1[:, :, None, None] - C2[None, None]) ** 2, plan, plan)
    uniform = np.mean((C1[:, :, None, None] - C2[None, None]) ** 2)
    assert distortion.cost(plan) == pytest.approx(0.3 * written / uniform + 0.7 * (M * plan).sum() / M.mean())
    assert distortion.cost(np.full((6, 5), 1 / 30)) == pytest.approx(1)


def test_the_balanced_plan_is_pots():
    given, _ = turned(n=18, noise=0.3)
    matcher = GromovMatcher(epsilon=0.3, n_neighbors=5, tolerance=1e-8, max_iterations=5000, **LENGTHS)
    left, right = (geodesics(each, 5, **LENGTHS).distances for each in given.features)
    scaled = Distortion.scaled(left, right)
    theirs = ot.gromov.entropic_gromov_wasserstein(
        scaled.source, scaled.target, epsilon=0.3, max_iter=5000, tol=1e-12, stopThr=1e-13
    )
    assert np.allclose(couple(matcher, given)[0].to_array(), theirs, atol=1e-6)


def test_without_geometry_fused_is_entropic_transport():
    given = problem(20, 13, noise=0.3)
    fused = couple(FusedGromovMatcher(alpha=0, epsilon=0.1, tolerance=1e-6), given)[0].to_array()
    plain = couple(SinkhornMatcher(epsilon=0.1, tolerance=1e-7), given)[0].to_array()
    assert np.abs(fused - plain).sum() < 1e-4


def test_with_geometry_alone_fused_is_gromov():
    given = problem(20, 13, noise=0.3)
    same = {"epsilon": 0.1, "n_neighbors": 4}
    fused = couple(FusedGromovMatcher(alpha=1, **same), given)[0].to_array()
    assert np.allclose(fused, couple(GromovMatcher(**same), given)[0].to_array())


@pytest.mark.parametrize("matcher", [GromovMatcher(epsilon=0.2), FusedGromovMatcher(epsilon=0.2)], ids=repr)
def test_dear_missing_mass_gives_the_balanced_plan(matcher):
    given = problem(12, 9, noise=0.2)
    strict = couple(replace(matcher, tolerance=1e-4, max_iterations=3000), given)[0].to_array()
    relaxed = couple(replace(matcher, relax=True, rho=1e4, tolerance=1e-4, max_iterations=3000), given)[0].to_array()
    assert np.abs(strict - relaxed).sum() < 0.01


def test_a_cell_far_from_all_is_left_out_and_counted():
    given = problem(20, 20)
    scores = given.x.copy()
    scores[3] += [60, -60, 0, 0]
    block, status = couple(FusedGromovMatcher(relax=True, rho=0.3, align=False), replace(given, x=scores))
    assert status.outcome is Outcome.PARTIAL
    assert "of mass is matched; 1 source cell with under 10% of their share" in status.message
    assert block.marginals[0][3] < 0.1 / 20
    assert block.marginals[0].sum() == pytest.approx(1)


# What is said and refused


def test_no_end_of_the_steps_is_a_status():
    _, status = couple(GromovMatcher(epsilon=0.01, max_iterations=2), problem())
    assert status.outcome is Outcome.NOT_CONVERGED
    assert "after 2 iterations; the plan still changed by" in status.message


@pytest.mark.parametrize(("value", "words"), [(np.nan, "NaN or infinite values"), (0.0, "an empty plan")])
def test_a_plan_that_is_none_is_a_status(value, words):
    solved = SolverPlan(np.full((20, 20), value), 0.0, 7)
    for is_relaxed in (False, True):
        block, status = solver_answer(
            problem(), solved, epsilon=1e-9, is_relaxed=is_relaxed, tolerance=1e-3, notes=("k lowered",)
        )
        assert block is None
        assert status.outcome is Outcome.FAILED
        assert status.message == f"the solver returned {words}; raise epsilon; k lowered"


def test_a_solver_that_gives_up_is_a_failed_label_not_an_error():
    """POT raises where its plan overflows, with relaxed marginals and a tiny epsilon."""
    given, _ = turned(n=11)
    given = replace(given, x=given.x + np.arange(11.0)[:, None], y=given.y - np.arange(11.0)[:, None])
    for epsilon in (1e-3, 1e-6, 5e-8, 1e-12):
        block, status = couple(FusedGromovMatcher(relax=True, epsilon=epsilon, alpha=0.2, align=False), given)
        assert (block is None) == (status.outcome is Outcome.FAILED)
    assert status.outcome is Outcome.FAILED
    assert "the solver returned NaN or infinite values; raise epsilon" in status.message


def test_cells_without_any_geometry_are_all_alike():
    flat = LabelProblem("A", np.zeros((2, 2)), np.zeros((2, 2)), None, None, 0, np.zeros((2, 3)), np.zeros((2, 3)))
    block, status = couple(FusedGromovMatcher(), flat)
    assert np.allclose(block.to_array(), 1 / 4)
    assert status.outcome in (Outcome.CLOSED_FORM, Outcome.CONVERGED)


def test_labels_of_two_cells_are_refused_before_work_with_the_alternative():
    source, target = make_modality(n=61), make_modality("ADT", n=5, labels=("A", "B", "C"), seed=1)
    with pytest.raises(PsmatchError, match="both ways to match them are equally good: A, B") as caught:
        GromovMatcher().check(source, target)
    assert "labels.minimum_cells = 3" in caught.value.hint
    FusedGromovMatcher().check(source, target)


def test_a_label_of_one_cell_is_never_refused():
    three_and_one = make_modality("ADT", n=4, labels=("A", "A", "A", "B"), seed=1)
    GromovMatcher().check(make_modality(n=60), three_and_one)


@pytest.mark.parametrize("matcher", [GromovMatcher(), FusedGromovMatcher()], ids=repr)
def test_a_large_label_is_refused_with_the_estimate_and_the_alternative(matcher):
    n = 4000
    given = LabelProblem("NT", np.zeros((n, 2)), np.zeros((n, 2)), None, None, 0, np.zeros((n, 2)), np.zeros((n, 2)))
    with pytest.raises(PsmatchError, match=r"Label NT: .* of 4,000 × 4,000 cells would take about .* hours") as caught:
        couple(matcher, given)
    assert "entropic" in caught.value.hint


def test_features_are_asked_for_where_they_are_needed():
    bare = LabelProblem("A", np.zeros((5, 2)), np.zeros((5, 2)), None, None, 0)
    with pytest.raises(PsmatchError, match="Label A: this method compares cells by their features, which are missing"):
        couple(GromovMatcher(), bare)
