"""What is varied: every combination or position by position, typed as people type it."""

import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.sweeps.points import LIST, Axis, Sweep, describe_point, parse_axis, short_names


def test_values_are_typed_as_on_the_command_line():
    assert parse_axis("matcher.epsilon=0.01, 0.02,0.05") == Axis("matcher.epsilon", (0.01, 0.02, 0.05))
    assert parse_axis("classifier.kind=LinearClassifier,MLPClassifier").values == ("LinearClassifier", "MLPClassifier")
    assert parse_axis("classifier.network.hidden=[96],[96, 96]").values == ([96], [96, 96])
    assert parse_axis("seed=0,0,1").values == (0, 0, 1)


@pytest.mark.parametrize("text", ["matcher.epsilon", "=1,2", "seed=", "seed=1,,2"])
def test_what_is_no_option_with_values_is_told(text):
    with pytest.raises(PsmatchError, match="is not an option with values"):
        parse_axis(text)


def test_a_grid_is_every_combination_and_a_list_position_by_position():
    axes = (Axis("matcher.epsilon", (0.1, 0.2)), Axis("seed", (0, 1)))
    assert [tuple(point.values()) for point in Sweep(axes).points] == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]
    assert [tuple(point.values()) for point in Sweep(axes, LIST).points] == [(0.1, 0), (0.2, 1)]


def test_a_grid_has_each_value_once_and_a_list_as_often_as_it_is_typed():
    axes = (parse_axis("matcher.epsilon=0.1,0.1,0.2"), parse_axis("seed=0,1,0"))
    assert [tuple(point.values()) for point in Sweep(axes, LIST).points] == [(0.1, 0), (0.1, 1), (0.2, 0)]
    assert [tuple(point.values()) for point in Sweep(axes).points] == [(0.1, 0), (0.1, 1), (0.2, 0), (0.2, 1)]
    assert len(Sweep((parse_axis("classifier.network.hidden=[96],[96],[8, 8]"),)).points) == 2


def test_recipes_differ_from_the_base_by_their_point_alone():
    sweep = Sweep((Axis("matcher.epsilon", (0.1, 0.2)), Axis("seed", (3,))))
    recipes = sweep.recipes(Recipe())
    assert [recipe.to_dict()["matcher"]["epsilon"] for recipe in recipes] == [0.1, 0.2]
    assert {recipe.seed for recipe in recipes} == {3}
    assert recipes[0].with_setting("matcher.epsilon", 0.05).with_setting("seed", 0) == Recipe()


def test_a_kind_is_set_before_its_options():
    sweep = Sweep((Axis("classifier.kind", ("LinearClassifier",)), Axis("classifier.strength", (0.1, 1.0))))
    assert [recipe.to_dict()["classifier"]["strength"] for recipe in sweep.recipes(Recipe())] == [0.1, 1.0]


def test_an_option_that_a_run_does_not_have_names_the_run():
    sweep = Sweep((Axis("classifier.kind", ("LinearClassifier", "MLPClassifier")), Axis("classifier.n_epochs", (5,))))
    with pytest.raises(PsmatchError, match="classifier LinearClassifier, n_epochs 5: There is no setting"):
        sweep.recipes(Recipe())


@pytest.mark.parametrize(
    ("axes", "how", "words"),
    [
        ((), "grid", "must vary at least one option"),
        ((Axis("seed", (1, 2)), Axis("matcher.epsilon", (0.1,))), LIST, "seed has 2, matcher.epsilon has 1"),
        ((Axis("seed", (1, 2)), Axis("seed", (3,))), "grid", "seed occurs twice"),
        ((Axis("seed", tuple(range(501))),), "grid", "501 runs; a sweep can have at most 500"),
    ],
)
def test_what_cannot_be_swept_is_told_at_birth(axes, how, words):
    with pytest.raises(PsmatchError, match=words):
        Sweep(axes, how)


def test_a_sweep_comes_back_from_plain_data():
    sweep = Sweep((Axis("matcher.epsilon", (0.1, 0.2)), Axis("classifier.network.hidden", ([96], [8, 8]))))
    assert Sweep.from_dict(sweep.to_dict()).points == sweep.points


def test_a_point_is_told_by_the_last_part_of_its_names():
    assert describe_point({"matcher.epsilon": 0.02, "seed": 1}) == "epsilon 0.02, seed 1"
    assert describe_point({"classifier.kind": "MLPClassifier"}) == "classifier MLPClassifier"


def test_options_that_end_alike_are_told_by_as_much_of_their_names_as_it_takes():
    both = ["source_preprocessing.n_top_genes", "target_preprocessing.n_top_genes", "seed"]
    assert list(short_names(both).values()) == both
    assert short_names(["matcher.epsilon", "translator.kind"]) == {
        "matcher.epsilon": "epsilon",
        "translator.kind": "translator",
    }
    assert list(short_names(["a.b.n", "c.b.n", "n"]).values()) == ["a.b.n", "c.b.n", "n"]
    assert list(short_names(["classifier.network.kind", "network"]).values()) == ["classifier.network", "network"]
    assert describe_point({both[0]: 100, both[1]: 200}) == f"{both[0]} 100, {both[1]} 200"
