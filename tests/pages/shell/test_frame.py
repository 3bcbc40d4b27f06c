"""The frame of a page: its sidebar shows the same state as its body."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import Open
from tests.pages.views.data.visitor import csv, hand_over

LABELS = ["A", "B"] * 12


def sidebar(app: AppTest) -> str:
    return "\n".join(str(each.value) for each in (*app.sidebar.caption, *app.sidebar.markdown))


def test_the_sidebar_names_both_files_as_soon_as_the_second_arrives(empty: Open) -> None:
    app = empty()
    hand_over(app, "source", "rna.csv", csv(LABELS))
    assert "rna is loaded; the target is missing" in sidebar(app)
    hand_over(app, "target", "protein.csv", csv(LABELS, prefix="b", seed=1))
    assert "missing" not in sidebar(app)
    assert "rna → protein: no run yet" in sidebar(app)


def test_after_a_swap_the_sidebar_names_the_files_in_use(empty: Open) -> None:
    app = empty()
    hand_over(app, "source", "rna.csv", csv(LABELS))
    hand_over(app, "target", "protein.csv", csv(LABELS, prefix="b", seed=1))
    hand_over(app, "source", "atac.csv", csv(LABELS, prefix="c", seed=2))
    assert "atac → protein: no run yet" in sidebar(app)
    hand_over(app, "target", "rna.csv", csv(LABELS, seed=3))
    assert "atac → rna: no run yet" in sidebar(app)
    (name,) = [each for each in app.text_input if each.label.startswith("Name in figures") and each.value == "rna"]
    name.set_value("RNA again").run()
    assert "atac → RNA again: no run yet" in sidebar(app)


def test_a_single_file_on_the_target_side_leaves_the_source_missing(empty: Open) -> None:
    app = hand_over(empty(), "target", "protein.csv", csv(LABELS))
    assert "protein is loaded; the source is missing" in sidebar(app)
