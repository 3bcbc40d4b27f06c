"""Laws that every matcher keeps: one table, every law runs over the whole of it."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from psmatch_core import transport
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import silent
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers import (
    ExactMatcher,
    FusedGromovMatcher,
    GromovMatcher,
    KnownPairsMatcher,
    LabelMatcher,
    LabelProblem,
    NeighborMatcher,
    RandomMatcher,
    SharedSpaceMatcher,
    SinkhornMatcher,
    UnbalancedMatcher,
    UniformMatcher,
)
from psmatch_core.matching.matchers.entropic_matcher import _engine_status
from psmatch_core.matching.matchers.problem import aligned
from psmatch_core.transport.entropic import measure
from tests.transport.entropic.test_solve import SPARSE

MATCHERS = [
    SinkhornMatcher(),
    SinkhornMatcher(epsilon=0.05, epsilon_unit="absolute", align=False),
    ExactMatcher(),
    NeighborMatcher(n_neighbors=5),
    NeighborMatcher(n_neighbors=3, normalize=True),
    UnbalancedMatcher(),
    GromovMatcher(epsilon=0.02),
    GromovMatcher(relax=True, space="scores", metric="euclidean", edges="lengths"),
    FusedGromovMatcher(),
    FusedGromovMatcher(relax=True),
    SharedSpaceMatcher(),
    RandomMatcher(),
    UniformMatcher(),
    KnownPairsMatcher(),
]
BLIND = (UniformMatcher, RandomMatcher)  # know the label and nothing else
each = pytest.mark.parametrize("matcher", MATCHERS, ids=repr)


def test_the_table_has_every_matcher_that_works_label_by_label():
    assert {type(matcher) for matcher in MATCHERS} == set(LabelMatcher.kinds().values())


def problem(n=20, m=20, seed=0, noise=0.05, ids=True):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(max(n, m), 4))
    order = rng.permutation(max(n, m))[:m]
    x, y = latent[:n], latent[order] + noise * rng.normal(size=(m, 4))
    names = np.array([f"c{i}" for i in range(max(n, m))])
    features = np.column_stack([latent, rng.normal(size=(max(n, m), 2))])
    return LabelProblem(
        "STAT1", x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True),
        names[:n] if ids else None, names[order] if ids else None, seed,
        x_features=features[:n], y_features=features[order] + noise * rng.normal(size=(m, 6)),
    )  # fmt: skip


def couple(matcher, given):
    return matcher.couple(given, progress=silent)


@each
@pytest.mark.parametrize("sizes", [(20, 20), (20, 13), (7, 20), (1, 5), (5, 1), (1, 1)])
def test_every_plan_is_a_plan(matcher, sizes):
    block, status = couple(matcher, problem(*sizes))
    assert (status.n_source, status.n_target) == sizes
    if block is None:
        assert status.outcome is Outcome.FAILED
        assert status.message
        return
    P = block.to_array()
    assert P.shape == sizes
    assert (P >= 0).all()
    assert P.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("matcher", [m for m in MATCHERS if not isinstance(m, RandomMatcher)], ids=repr)
def test_order_of_cells_does_not_matter(matcher):
    given = problem()
    order = np.random.default_rng(5).permutation(20)
    turned = LabelProblem(
        "STAT1", given.x, given.y[order], given.source_ids, given.target_ids[order], 0,
        x_features=given.x_features, y_features=given.y_features[order],
    )  # fmt: skip
    a, b = couple(matcher, given)[0].to_array(), couple(matcher, turned)[0].to_array()
    assert np.allclose(a[:, order], b, atol=1e-5)


@pytest.mark.parametrize("matcher", [m for m in MATCHERS if not isinstance(m, BLIND)], ids=repr)
def test_true_partners_are_found_where_scores_are_clear(matcher):
    given = problem(noise=0.01)
    P = couple(matcher, given)[0].to_array()
    true = given.target_ids[None, :] == given.source_ids[:, None]
    assert (P * true).sum() > 4 / 20  # four times what a uniform plan puts there


@pytest.mark.parametrize("matcher", [SinkhornMatcher(), ExactMatcher(), NeighborMatcher(n_neighbors=4)], ids=repr)
def test_alignment_forgets_a_shift_and_a_stretch(matcher):
    given = problem()
    moved = LabelProblem("STAT1", given.x, given.y * 7 + 3, given.source_ids, given.target_ids, 0)
    assert np.allclose(couple(matcher, given)[0].to_array(), couple(matcher, moved)[0].to_array(), atol=1e-4)


def test_aligned_clouds_share_centre_and_scale():
    given = problem()
    x, y = aligned(given.x, given.y * 9)
    assert np.allclose(x.mean(axis=0), 0)
    assert np.sqrt(np.mean(x**2)) == pytest.approx(np.sqrt(np.mean(y**2)))


def test_one_cell_goes_with_all_of_the_other_side():
    block, status = couple(SinkhornMatcher(), problem(1, 5))
    assert np.allclose(block.to_array(), 1 / 5)
    assert status.outcome is Outcome.CLOSED_FORM


def test_equal_scores_make_every_pair_alike():
    flat = LabelProblem("A", np.zeros((4, 3)), np.zeros((6, 3)), None, None, 0)
    block, status = couple(SinkhornMatcher(), flat)
    assert np.allclose(block.to_array(), 1 / 24)
    assert "all scores are equal" in status.message


def test_not_converged_is_a_status_with_the_error():
    _, status = couple(SinkhornMatcher(epsilon=0.01, max_iterations=2), problem(noise=0.5))
    assert status.outcome is Outcome.NOT_CONVERGED
    assert status.iterations > 0
    assert status.marginal_error > 1e-3
    assert f"after {status.iterations} iterations" in status.message


def test_an_epsilon_below_double_precision_is_said():
    _, status = couple(SinkhornMatcher(epsilon=1e-20), problem())
    assert status.outcome is Outcome.NOT_CONVERGED
    assert "epsilon is too small beside the costs" in status.message


def test_a_mass_that_is_not_exactly_1_is_said(monkeypatch):
    _, status = couple(SinkhornMatcher(), problem())
    assert "mass" not in status.message
    monkeypatch.setattr(measure.measure, "__kwdefaults__", {"most_pairs": 0})  # as above 4 million pairs
    given = problem(n=300, m=300)
    result = transport.solve(given.x, given.y, 0.02, options=transport.SolveOptions(schedule=SPARSE))
    assert result.row_error > 1e-6
    status = _engine_status(given, 0.02, result)
    assert status.message == f"the mass of the plan is 1 to within {result.row_error:.1g}"


def test_epsilon_in_mean_costs_is_reported_in_units_of_cost():
    _, status = couple(SinkhornMatcher(epsilon=0.1, align=False), problem())
    given = problem()
    mean = np.linalg.norm(given.x[:, None] - given.y[None], axis=2).mean()
    assert status.epsilon == pytest.approx(0.1 * mean)


def test_smaller_epsilon_is_sharper():
    spread = [couple(SinkhornMatcher(epsilon=e), problem(noise=0.5))[0].n_effective.mean() for e in (0.02, 0.1, 0.5)]
    assert spread[0] < spread[1] < spread[2]


def test_exact_costs_no_more_than_any_entropic_plan():
    given = problem(noise=0.5)
    x, y = aligned(given.x, given.y)
    cost = np.linalg.norm(x[:, None] - y[None], axis=2)
    exact, soft = (
        couple(m, given)[0].to_array() for m in (ExactMatcher(), SinkhornMatcher(epsilon=0.05, tolerance=1e-8))
    )
    assert (exact * cost).sum() <= (soft * cost).sum() + 1e-9


@pytest.mark.parametrize("sizes", [(30, 30), (30, 19)])
def test_exact_costs_what_pot_says(sizes):
    import ot

    given = problem(*sizes, noise=0.5)
    x, y = aligned(given.x, given.y)
    cost = np.linalg.norm(x[:, None] - y[None], axis=2)
    block, status = couple(ExactMatcher(), given)
    assert status.outcome is Outcome.EXACT
    assert (block.to_array() * cost).sum() == pytest.approx(ot.emd2([], [], cost), rel=1e-9)


def test_exact_refuses_what_would_not_fit_and_names_the_alternative():
    n = 40_000
    given = LabelProblem("NT", np.zeros((n, 2)), np.zeros((n, 2)), None, None, 0)
    with pytest.raises(PsmatchError, match="Label NT: exact transport of 40,000 × 40,000 cells") as caught:
        couple(ExactMatcher(), given)
    assert "entropic" in caught.value.hint


def test_shared_neighbours_follow_the_formula():
    """J / (4k − J) with the sets written out, against the sparse products."""
    given = problem(n=9, m=7, noise=0.4)
    k = 3
    x, y = given.x, given.y

    def near(points, among):
        return [set(np.argsort(np.linalg.norm(among - point, axis=1), kind="stable")[:k]) for point in points]

    xx, xy, yx, yy = near(x, x), near(x, y), near(y, x), near(y, y)
    J = np.array([[len(xx[i] & yx[j]) + len(xy[i] & yy[j]) for j in range(7)] for i in range(9)])
    expected = J / (4 * k - J)
    expected = expected / expected.sum(axis=1, keepdims=True)
    P = couple(NeighborMatcher(n_neighbors=k, align=False), given)[0].to_array()
    assert np.allclose(P / P.sum(axis=1, keepdims=True), expected)


def test_k_above_the_cells_is_lowered_and_said():
    block, status = couple(NeighborMatcher(n_neighbors=50), problem(4, 6))
    assert "k = 50 lowered to 4 source and 6 target cells" in status.message
    assert np.allclose(block.to_array(), 1 / 24)


def test_every_cell_shares_a_neighbour_with_its_nearest():
    x = np.array([[0.0, 0], [0.1, 0], [50, 50], [50, 50]])
    y = np.array([[0.0, 0.1], [0.1, 0.1], [0.1, 0.1]])
    block, _ = couple(NeighborMatcher(n_neighbors=1, align=False), LabelProblem("A", x, y, None, None, 0))
    assert (block.marginals[0] > 0).all()


def test_known_pairs_need_known_pairs():
    with pytest.raises(PsmatchError, match="True pairs are not known"):
        couple(KnownPairsMatcher(), problem(ids=False))


def test_known_pairs_count_cells_without_partner():
    block, status = couple(KnownPairsMatcher(), problem(20, 13))
    assert status.outcome is Outcome.PARTIAL
    assert "7 source cells without partner" in status.message
    assert block.P.nnz == 13


def test_small_labels_solved_together_are_as_if_solved_alone():
    problems = [problem(n, m, seed=n) for n, m in ((300, 280), (40, 40), (30, 50), (9, 9), (1, 7))]
    matcher = SinkhornMatcher(epsilon=0.1, tolerance=1e-6)
    together = list(matcher.couple_all(problems))
    with ThreadPoolExecutor(2) as executor:
        spread = list(matcher.couple_all(problems, executor=executor))
    for given, (block, status), (other, _) in zip(problems, together, spread, strict=True):
        alone, said = couple(matcher, given)
        assert np.abs(block.to_array() - alone.to_array()).sum() < 1e-4
        assert np.allclose(block.to_array(), other.to_array(), atol=1e-12)
        assert (status.outcome, status.epsilon) == (said.outcome, pytest.approx(said.epsilon, nan_ok=True))


def test_small_labels_are_no_call_of_the_engine_each(monkeypatch):
    """A thousand labels of fifty cells take seconds only where the engine is called for all of them at once."""

    def alone(*arguments, **settings):
        raise AssertionError("a small label was solved by a call of its own")

    monkeypatch.setattr(transport, "solve", alone)
    answers = list(SinkhornMatcher().couple_all([problem(50, 50, seed=seed) for seed in range(100)]))
    assert all(status.outcome is Outcome.CONVERGED for _, status in answers)
