"""Groups by a rule, and markers that are kept with a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from psmatch_core.base.errors import PsmatchError
from psmatch_core.exploration.markers import find_markers
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.match import match
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.groups import group_of
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.saved_markers import delete_markers, load_markers, save_markers
from psmatch_core.workspace.selections import save_selection


@pytest.fixture(scope="module")
def coupling(models):
    return match(*models)


@pytest.fixture
def folder(tmp_path, coupling):
    folder = RunFolder.create(tmp_path, Recipe())
    n = coupling.source.modality.n_cells
    files.COLUMNS.write(folder, pd.DataFrame({"donor": ["D1", "D2"] * (n // 2), "age": np.arange(n)}), which="source")
    statuses = ["converged"] * 3
    files.LABELS.write(
        folder,
        pd.DataFrame(
            {
                "label": ["A", "B", "C"],
                "n_source": 1,
                "n_target": 1,
                "status": statuses,
                "needs_attention": False,
                "note": "",
                "n_effective": 1.0,
                "verdict": ["use", "use with caution", "use"],
            }
        ),
    )
    return folder


def test_cells_are_grouped_by_label_verdict_column_and_selection(folder, coupling):
    labels, n = coupling.source.modality.labels, coupling.source.modality.n_cells
    assert group_of(folder, coupling, "label = B").cells.tolist() == np.flatnonzero(labels == "B").tolist()
    assert group_of(folder, coupling, "label in A, C").cells.tolist() == np.flatnonzero(labels != "B").tolist()
    assert group_of(folder, coupling, "verdict = use").cells.tolist() == np.flatnonzero(labels != "B").tolist()
    assert group_of(folder, coupling, "donor = D2").cells.tolist() == list(range(1, n, 2))
    old = group_of(folder, coupling, "age >= 50")
    assert (old.cells.tolist(), old.name) == (list(range(50, n)), "age >= 50")
    save_selection(folder, coupling, Selection("target", [3, 8], name="responders"))
    found = group_of(folder, coupling, "selection = responders")
    assert (found.side, found.cells.tolist()) == ("target", [3, 8])
    target = group_of(folder, coupling, "label = B", "target")
    assert target.cells.tolist() == np.flatnonzero(coupling.target.modality.labels == "B").tolist()


def test_a_rule_that_finds_nothing_names_what_there_is(folder, coupling):
    with pytest.raises(PsmatchError, match="No RNA cell meets the rule label = Z") as caught:
        group_of(folder, coupling, "label = Z")
    assert "Values: A, B, C" in caught.value.hint
    with pytest.raises(PsmatchError, match="there is no column plate") as caught:
        group_of(folder, coupling, "plate = 1")
    assert "donor" in caught.value.hint
    with pytest.raises(PsmatchError, match="no selection 'nobody'"):
        group_of(folder, coupling, "selection = nobody")


def test_markers_are_kept_by_name_and_come_back_equal(folder, coupling):
    sides = coupling.source.modality, coupling.target.modality
    assert load_markers(folder) == {}
    kept = [
        find_markers(coupling, sides, group_of(folder, coupling, rule), n_resamples=20)
        for rule in ("label = A", "donor = D1")
    ]
    save_markers(folder, kept[0], " first ")
    save_markers(folder, kept[1], "second")
    save_markers(folder, kept[1], "first")  # the later one replaces it
    found = load_markers(folder)
    assert list(found) == ["second", "first"]
    for each in found.values():
        pd.testing.assert_frame_equal(each.table, kept[1].table)
        assert (each.notes, each.n_cells, each.group, each.units) == (
            kept[1].notes,
            kept[1].n_cells,
            "donor = D1",
            kept[1].units,
        )
    delete_markers(folder, "second")
    delete_markers(folder, "nobody")
    assert list(load_markers(folder)) == ["first"]
    with pytest.raises(PsmatchError, match="A selection's name"):
        save_markers(folder, kept[0], "a/b")
