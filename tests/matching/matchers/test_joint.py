"""Laws of the matchers that take all labels at once, and how they differ from those that take one at a time."""

import numpy as np
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import LabeledCootMatcher, LabeledGromovMatcher, LabelMatcher, LabelProblem, Matcher
from psmatch_core.matching.matchers.joint_matcher import label_masses

MATCHERS = [
    LabeledGromovMatcher(),
    LabeledGromovMatcher(space="scores", epsilon=0.01),
    LabeledCootMatcher(),
    LabeledCootMatcher(solver="exact"),
    LabeledCootMatcher(space="scores", label_mass="uniform"),
]
each = pytest.mark.parametrize("matcher", MATCHERS, ids=repr)


def test_the_table_has_every_matcher_that_couples_all_labels_at_once():
    joint = {kind for kind in Matcher.kinds().values() if not issubclass(kind, LabelMatcher)}
    assert {type(matcher) for matcher in MATCHERS} == joint


def problems(sizes=((24, 18), (10, 16), (1, 5)), noise=0.05, seed=0):
    """Labels far from each other, the same latent cells on both sides; target features are rotated and reordered."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(4, 6))
    order = rng.permutation(6)
    found = []
    for label, (n, m) in enumerate(sizes):
        z = 1.5 * rng.normal(size=4) + rng.normal(size=(max(n, m), 4))
        turn = rng.permutation(max(n, m))[:m]
        x, y = z[:n], z[turn] + noise * rng.normal(size=(m, 4))
        found.append(LabelProblem(f"L{label}", x, y, None, None, label, x @ mixing, (y @ mixing)[:, order]))
    return found


def couple(matcher, given):
    return list(matcher.couple_all(given))


@each
def test_every_plan_is_a_plan(matcher):
    given = problems()
    for problem, (block, status) in zip(given, couple(matcher, given), strict=True):
        P = block.to_array()
        assert P.shape == (problem.x.shape[0], problem.y.shape[0])
        assert (P >= 0).all()
        assert P.sum() == pytest.approx(1, abs=2e-3)
        assert status.label == problem.label
        assert status.outcome in (Outcome.CONVERGED, Outcome.EXACT, Outcome.CLOSED_FORM)


@each
def test_marginals_are_uniform_within_each_label_whatever_the_proportions(matcher):
    given = problems()
    for problem, (block, _) in zip(given, couple(matcher, given), strict=True):
        rows, columns = block.marginals
        n, m = problem.x.shape[0], problem.y.shape[0]
        assert np.abs(rows - 1 / n).sum() + np.abs(columns - 1 / m).sum() < 2e-3


@each
def test_order_of_cells_does_not_matter(matcher):
    given = problems()
    order = np.random.default_rng(5).permutation(18)
    first = given[0]
    turned = LabelProblem("L0", first.x, first.y[order], None, None, 0, first.x_features, first.y_features[order])
    a = couple(matcher, given)[0][0].to_array()
    b = couple(matcher, [turned, *given[1:]])[0][0].to_array()
    assert np.abs(a[:, order] - b).sum() < 0.01


def test_gromov_takes_either_side_as_source():
    given = problems()
    back = [LabelProblem(p.label, p.y, p.x, None, None, p.seed, p.y_features[:, :3], p.x_features) for p in given]
    there = [LabelProblem(p.label, p.x, p.y, None, None, p.seed, p.x_features, p.y_features[:, :3]) for p in given]
    matcher = LabeledGromovMatcher(tolerance=1e-6)
    for (a, _), (b, _) in zip(couple(matcher, there), couple(matcher, back), strict=True):
        assert np.allclose(a.to_array(), b.to_array().T, atol=1e-6)


def test_coot_finds_true_partners_where_features_say_who():
    given = problems(sizes=((40, 40), (30, 30), (30, 30)), noise=0.01, seed=3)
    block = couple(LabeledCootMatcher(epsilon=0.1, feature_epsilon=0.1), given)[0][0]
    x, y = given[0].x, given[0].y
    true = np.linalg.norm(x[:, None] - y[None], axis=2).argmin(axis=1)
    share = block.to_array()[np.arange(40), true].sum()
    assert share > 3 / 40  # three times what a uniform plan puts there


def test_masses_are_what_they_say():
    given = problems(sizes=((30, 10), (10, 10)))
    expected = {"pooled": [40 / 60, 20 / 60], "source": [0.75, 0.25], "target": [0.5, 0.5], "uniform": [0.5, 0.5]}
    assert set(LabeledGromovMatcher.options()["label_mass"].choices) == set(expected)
    for kind, masses in expected.items():
        assert np.allclose(label_masses(given, kind), masses)


def test_label_mass_bears_on_the_plan_and_not_on_its_mass():
    given = problems(sizes=((24, 6), (6, 24)))
    a, b = (couple(LabeledGromovMatcher(label_mass=kind), given)[0][0].to_array() for kind in ("source", "target"))
    assert a.sum() == pytest.approx(b.sum(), abs=2e-3)
    assert np.abs(a - b).sum() > 1e-3


@pytest.mark.parametrize(
    ("matcher", "words"),
    [
        (LabeledGromovMatcher(epsilon=1e-4, max_iterations=1), "nats after 1 linearisations"),
        (LabeledCootMatcher(epsilon=0.05, feature_epsilon=0.05, max_iterations=1), "still moves after 1 turns"),
    ],
)
def test_not_converged_is_a_status_of_every_label(matcher, words):
    for (_, status), problem in zip(couple(matcher, problems()), problems(), strict=True):
        if min(problem.x.shape[0], problem.y.shape[0]) > 1:
            assert status.outcome is Outcome.NOT_CONVERGED
            assert words in status.message
            assert status.iterations == 1


def test_one_cell_goes_with_all_of_the_other_side():
    block, status = couple(LabeledGromovMatcher(), problems())[2]
    assert np.allclose(block.to_array(), 1 / 5)
    assert status.outcome is Outcome.CLOSED_FORM


def test_equal_features_make_every_pair_alike():
    flat = [LabelProblem("A", np.zeros((3, 2)), np.zeros((4, 2)), None, None, 0, np.ones((3, 2)), np.ones((4, 5)))]
    for matcher in (LabeledGromovMatcher(), LabeledCootMatcher()):
        assert np.allclose(couple(matcher, flat)[0][0].to_array(), 1 / 12)


def test_too_much_memory_is_refused_before_work_with_the_estimate():
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(80, 2000))
    given = [LabelProblem("A", wide, wide, None, None, 0, wide, wide)]
    for matcher in (LabeledGromovMatcher(memory_mb=16), LabeledCootMatcher(memory_mb=16)):
        with pytest.raises(PsmatchError, match=r"2,000 .* would take about [\d,]+ MB; the limit is 16 MB") as caught:
            couple(matcher, given)
        assert "Keep fewer features" in caught.value.hint


def test_features_that_are_not_there_are_asked_for():
    bare = [LabelProblem("A", np.ones((3, 2)), np.ones((4, 2)), None, None, 0)]
    with pytest.raises(PsmatchError, match="this method compares cells by their features, which are missing"):
        couple(LabeledGromovMatcher(), bare)


@each
def test_match_gives_them_what_they_need(matcher, models):
    coupling = match(*models, matcher)
    assert set(coupling.labels) == set(models[0].label_names)
    assert not any(status.outcome.needs_attention for status in coupling.statuses)


@pytest.mark.parametrize("kind", ["LabeledGromovMatcher", pytest.param("LabeledCootMatcher", marks=pytest.mark.slow)])
def test_a_whole_run_on_the_demo_takes_them(kind):
    from psmatch_core.evaluation.evaluate import evaluate
    from psmatch_core.pipeline.demo_data import demo_recipe
    from psmatch_core.pipeline.inputs import read_inputs
    from psmatch_core.pipeline.recipe import Recipe
    from psmatch_core.pipeline.run import run

    settings = {"classifier": "LinearClassifier", "classifier.strength": 0.05, "matcher": kind}
    recipe = demo_recipe(Recipe(), "screen")
    for name, value in settings.items():
        recipe = recipe.with_setting(name, value)
    result = run(recipe, *read_inputs(recipe))
    assert len(result.coupling) == 13
    assert evaluate(result.coupling).micro["foscttm"] < 0.35
    assert not any(status.outcome.needs_attention for status in result.coupling.statuses)
