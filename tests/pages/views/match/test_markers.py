"""Markers on Match: groups by selection and rule, what they show, and what is kept for the report."""

from __future__ import annotations

import numpy as np

from pages.shell import cache
from pages.views.match.markers import CHOSEN
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.selection import Selection
from psmatch_core.workspace.results import load_readable
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.saved_markers import load_markers
from tests.pages.conftest import Open, opened, plain_text


def test_the_selected_cells_are_compared_and_kept_for_the_report(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Linked maps")
    selection = Selection("target", np.arange(0, 200, 2), "drawn on the map")
    app.session_state[f"selected.{finished.id}"] = selection
    app.run()
    app.button(key=f"selected.markers.{finished.id}").click().run()
    assert app.session_state[f"match.tabs.{finished.id}"] == "Markers"
    assert app.selectbox(key=f"markers.group.{finished.id}.target").value == CHOSEN
    expected = find_markers(cache.coupling(finished), load_readable(finished), selection, seed=finished.recipe.seed)
    assert expected.finding() in plain_text(app)
    assert "Cells that were drawn on a map were chosen by the features themselves" in plain_text(app)
    (table,) = [each.value for each in app.dataframe if "within_part" in each.value]
    assert table["feature"].tolist()[:5] == expected.table["feature"].tolist()[:5]
    app.text_input(key=f"markers.name.{finished.id}").input("half of them").run()
    app.button(key=f"markers.keep.{finished.id}").click().run()
    assert not app.exception
    assert load_markers(finished)["half of them"].finding() == expected.finding()
    app.button(key=f"markers.remove.{finished.id}.0").click().run()
    assert load_markers(finished) == {}


def test_groups_are_labels_verdicts_and_rules(full: Open, finished: RunFolder) -> None:
    app = opened(full("match"), f"match.tabs.{finished.id}", "Markers")
    box = app.selectbox(key=f"markers.group.{finished.id}.source")
    assert box.value == "label = control"
    assert "The groups are whole labels" in plain_text(app)
    against = app.selectbox(key=f"markers.against.{finished.id}.source")
    against.select("label = JAK2").run()
    assert "label = control compared with label = JAK2" in plain_text(app)
    against = app.selectbox(key=f"markers.against.{finished.id}.source")
    against.select("label = control").run()
    assert "The two groups share" in plain_text(app)
    assert not app.exception
