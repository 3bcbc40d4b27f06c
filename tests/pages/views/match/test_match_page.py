"""The Match page with a finished run."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest

from pages.shell import cache, map_choice
from pages.views.match.cell_choice import BEST, EXTREME, SELECTED, WHOLE, WORST
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.matchers import Matcher, SharedSpaceMatcher
from psmatch_core.workspace.results import load_readable
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, opened, plain_text, texts


def panels_of(app: Any) -> list[dict[str, Any]]:
    """The panels that each canvas of a page is told to draw."""
    given = [json.loads(each.proto.json) for each in app.get("bidi_component") if "panels" in each.proto.json]
    return [each["panels"] for each in given]


def test_match_lists_labels_and_shows_one(full: Open, finished: RunFolder) -> None:
    app = full("match")
    assert {metric.label: metric.value for metric in app.metric}["Labels matched"] == "13 of 13"
    table = app.dataframe[-1].value  # pictures first, the table under them
    assert set(table["label"]) >= {"control", "STAT1"}
    assert list(table["status"].unique()) == ["converged"]
    app.selectbox(key=f"heat.label.{finished.id}").select("JAK2").run()
    assert not app.exception


def test_match_shows_one_cell(full: Open, finished: RunFolder) -> None:
    app = full("match")
    app.session_state[f"match.tabs.{finished.id}"] = "One cell"
    app.run()
    box = app.selectbox(key=f"cell.{finished.id}.control")
    box.select(box.options[3]).run()
    assert not app.exception


def test_match_steps_through_cells_of_both_sides(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "One cell")
    key = f"cell.{finished.id}.control"
    names = list(app.selectbox(key=key).options)
    assert app.button(key=f"cell.previous.{finished.id}").disabled
    app.button(key=f"cell.next.{finished.id}").click().run()
    assert app.selectbox(key=key).value == names[1]
    assert f"{names[1]} stands out in" in plain_text(app)
    assert "The classifier that scores this cell was trained on it." in texts(app)
    app.selectbox(key=f"cell.side.{finished.id}").select("target").run()
    assert app.selectbox(key=f"cell.{finished.id}.target.{WHOLE}.control").value.startswith("img_")
    assert not app.exception


def test_match_lists_the_cells_whose_matches_agree_best_and_worst(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "One cell")
    seen = []
    for which in (BEST, WORST):
        app.selectbox(key=f"cell.among.{finished.id}").select(which).run()
        box = app.selectbox(key=f"cell.{finished.id}.source.{which}.control")
        assert len(box.options) == EXTREME
        seen.append(float(next(each.value for each in app.metric if "halves" in each.label).replace("−", "-")))
        assert not app.exception
    assert seen[0] > seen[1]


def test_selected_cells_are_opened_one_by_one(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    app.session_state[f"selected.{finished.id}"] = Selection("target", [4, 9, 30])
    app.run()
    app.button(key=f"selected.steps.{finished.id}").click().run()
    assert app.session_state[f"match.tabs.{finished.id}"] == "One cell"
    assert app.selectbox(key=f"cell.side.{finished.id}").value == "target"
    assert app.selectbox(key=f"cell.among.{finished.id}").value == SELECTED
    label = app.selectbox(key=f"cell.label.{finished.id}").value
    box = app.selectbox(key=f"cell.{finished.id}.target.{SELECTED}.{label}")
    modality = cache.coupling(finished).target.modality
    assert box.options == [str(modality.obs_names[at]) for at in (4, 9, 30) if modality.labels[at] == label]
    assert not app.exception


def test_labels_side_by_side_are_drawn_by_their_cells_and_those_left_out_are_named(
    full: Open, finished: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = cache.coupling(finished).source, cache.coupling(finished).target
    sizes = {
        label: sum(int((model.modality.labels == label).sum()) for model in models) for label in models[0].label_names
    }
    monkeypatch.setattr(map_choice, "AT_ONCE", 5)
    monkeypatch.setattr(map_choice, "FIRST_CHOSEN", 2)
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    app.selectbox(key=f"map.labels.{finished.id}").select(map_choice.APART).run()
    box = app.selectbox(key=f"panels.which.{finished.id}")
    assert box.options == [
        "labels 1 to 5 of 13",
        "labels 6 to 10 of 13",
        "labels 11 to 13 of 13",
        "labels of my choice …",
    ]
    assert "5 of 13 labels side by side. Draw around RNA cells" in plain_text(app)
    assert "5 of 13 labels have a panel; the box “Panels” has the others." in texts(app)
    seen = []
    for at, n in ((0, 5), (5, 5), (10, 3)):
        app.selectbox(key=f"panels.which.{finished.id}").select(at).run()
        (drawn,) = panels_of(app)
        assert len(drawn["titles"]) == n
        seen += drawn["titles"]
    assert sorted(seen) == sorted(sizes)
    assert [sizes[each] for each in seen] == sorted(sizes.values(), reverse=True)
    app.selectbox(key=f"panels.which.{finished.id}").select(map_choice.CHOSEN).run()
    app.multiselect(key=f"panels.{finished.id}").set_value([]).run()
    assert "Choose labels to see a panel for each." in [each.value for each in app.info]
    assert app.selectbox(key=f"color.apart.{finished.id}").value == "modality"
    assert not {"label", "families of labels"} & set(app.selectbox(key=f"color.apart.{finished.id}").options)
    assert not app.exception


def test_cells_are_selected_without_drawing(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    assert not [each for each in app.button if each.label == "Select these cells"]  # folded, and not drawn
    app = opened(app, f"typed.open.{finished.id}", True)
    app.radio(key=f"typed.side.{finished.id}").set_value("target")
    app.multiselect(key=f"typed.labels.{finished.id}").set_value(["JAK2"])
    pressed = next(each for each in app.button if each.label == "Select these cells")
    pressed.click().run()
    assert not app.exception
    selection = app.session_state[f"selected.{finished.id}"]
    labels = cache.coupling(finished).target.modality.labels
    assert selection.cells.tolist() == np.flatnonzero(labels == "JAK2").tolist()
    assert "JAK2" in texts(app)
    app.slider(key=f"typed.across.{finished.id}").set_value((0, 0))
    app.multiselect(key=f"typed.labels.{finished.id}").set_value(["STAT1"])
    next(each for each in app.button if each.label == "Select these cells").click().run()
    assert [each.value for each in app.warning if "Widen the rectangle" in each.value]
    assert len(app.session_state[f"selected.{finished.id}"]) == len(selection)  # what was selected stays


def test_the_features_shown_of_a_selection_mark_it(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    sides = load_readable(finished)
    values = sides[0].X[:, [7]]
    high = np.argsort(-np.asarray(values.todense() if hasattr(values, "todense") else values).ravel())[:80]
    app.session_state[f"selected.{finished.id}"] = Selection("source", high)
    app.run()
    assert str(sides[0].var_names[7]) in app.multiselect(key=f"selected.features.{finished.id}.source").value
    assert len(app.multiselect(key=f"selected.features.{finished.id}.target").value) == 2
    assert not app.exception


def test_of_a_single_cell_the_pair_is_shown_and_the_rest_is_folded(full: Open, finished: RunFolder) -> None:
    """What is folded is neither computed nor sent: a click on a map is to be answered at once."""
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    features = f"selected.features.{finished.id}.source"
    app = opened(app, f"selected.{finished.id}", Selection("source", [7]))
    assert "The best match of" in texts(app)
    assert "Selected cells and their best matches" not in texts(app)
    assert "What distinguishes them?" not in [each.label for each in app.button]
    assert features not in [each.key for each in app.multiselect]
    n_tables = len(app.dataframe)
    app = opened(app, f"selected.open.one.{finished.id}", True)
    assert len(app.multiselect(key=features).value) == 2
    assert len(app.dataframe) == n_tables + 1
    app = opened(app, f"selected.{finished.id}", Selection("source", [7, 8]))
    assert "Selected cells and their best matches" in texts(app)
    assert len(app.multiselect(key=features).value) == 2
    app = opened(app, f"selected.{finished.id}", Selection("source", [7]))
    app.button(key=f"selected.steps.{finished.id}").click().run()
    assert not app.exception
    assert app.session_state[f"match.tabs.{finished.id}"] == "One cell"


def test_match_traces_epsilon_when_asked(full: Open, finished: RunFolder) -> None:
    app = full("match")
    assert "Suggested without true pairs" not in texts(app)
    app.multiselect(key=f"curve.labels.{finished.id}").set_value(["JAK2", "STAT1"]).run()
    app.button(key=f"curve.draw.{finished.id}").click().run()
    assert not app.exception
    assert "Suggested without true pairs" in texts(app).replace("\\", "")
    app.button(key=f"curve.use.{finished.id}").click().run()
    assert not app.exception
    assert "These results were computed with Method: epsilon = 0.05" in texts(app).replace("\\", "")


def test_match_offers_every_method_in_words(full: Open) -> None:
    app = full("match")
    (box,) = [each for each in app.selectbox if each.label == "Method"]
    shared = Matcher.menu()[SharedSpaceMatcher]  # genes and image features have none in common
    assert box.options == [title for title in Matcher.menu().values() if title != shared]
    assert len(box.options) == len(Matcher.kinds()) - 1
    assert "Not offered for these data: Shared features" in texts(app).replace("\\", "")
    box.select(next(each for each in box.options if each.startswith("Fused Gromov"))).run()
    assert not app.exception
    assert "α" in [each.label.removesuffix(" ●") for each in app.number_input]


def test_changed_settings_are_shown_with_the_old_value(full: Open) -> None:
    app = full("match")
    assert "These results were computed with" not in texts(app)
    (epsilon,) = [each for each in app.number_input if each.label.startswith("Epsilon")]
    epsilon.set_value(0.2).run()
    assert "These results were computed with Method: epsilon = 0.05" in texts(app).replace("\\", "")
    assert "0.05" in texts(app).replace("\\", "")
    (undo,) = [each for each in app.button if each.label == "Reset to the preset"]
    undo.click().run()
    assert "These results were computed with" not in texts(app)


@pytest.mark.parametrize("name", ["Labeled Gromov-Wasserstein", "Labeled co-optimal transport"])
def test_match_offers_the_methods_that_take_all_labels(full: Open, name: str) -> None:
    app = full("match")
    (method,) = [each for each in app.selectbox if each.label == "Method"]
    (shown,) = [each for each in method.options if each.startswith(name)]
    method.select(shown).run()
    assert not app.exception
    assert {"Space", "Label mass"} <= {each.label for each in app.selectbox}


def test_a_label_is_solved_by_pot_when_asked(full: Open, finished: RunFolder) -> None:
    app = full("match")
    assert "differ in" not in texts(app)
    app.button(key=f"witness.start.{finished.id}").click().run()
    assert not app.exception
    assert "The program's plan and POT's differ in" in texts(app).replace("\\", "")
    (table,) = [each.value for each in app.dataframe if "pot" in each.value]
    assert list(table["figure"])[:2] == ["Transport cost", "Objective"]
    assert abs(table["difference"][0]) < 0.01 * table["pot"][0]


def test_match_offers_to_link_features_where_cells_are_matched_by_scores(full: Open) -> None:
    app = full("match")
    (link,) = [each for each in app.selectbox if each.label.startswith("Link features")]
    assert link.value == "never"
    link.select("if hidden labels are found").run()
    assert not app.exception
    assert app.session_state["workspace"].recipe.linking.use == "if hidden labels are found"
    assert "These results were computed with Link: link features = never" in texts(app).replace("\\", "")
    (method,) = [each for each in app.selectbox if each.label == "Method"]
    method.select(next(each for each in method.options if each.startswith("Gromov"))).run()
    assert not [each for each in app.selectbox if each.label.startswith("Link features")]


def test_match_compares_with_another_run_on_the_same_data(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Two matchings")
    assert "There is no other finished run on these data" in texts(app)
    other = finished.path.with_name(f"{finished.id[:-12]}{'0' * 12}")
    shutil.copytree(finished.path, other)
    try:
        opened(app, f"match.tabs.{finished.id}", "Two matchings")
        assert not app.exception
        assert "share 100% of the weight of 1,000 cells" in plain_text(app)
        figures = next(each.value for each in app.dataframe if "Metric" in each.value)
        assert figures["Difference (95% interval)"].tolist() == ["+0 (+0 to +0)"] * 3
        assert "held-out pairs that both runs judged" in texts(app)
        assert "All settings are the same." in texts(app)
    finally:
        shutil.rmtree(other)
