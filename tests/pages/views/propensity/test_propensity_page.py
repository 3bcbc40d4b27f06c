"""The Propensity page with a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from psmatch_core.exploration.marking_features import shares_between
from psmatch_core.exploration.projection import project_column
from psmatch_core.exploration.selection import Selection
from psmatch_core.workspace.jobs.score_map import ScoreMapJob
from psmatch_core.workspace.results import in_readable_units, load_matching, load_models
from psmatch_core.workspace.run_folder import RunFolder
from psmatch_core.workspace.store import RunStore
from tests.pages.conftest import Open, opened, plain_text, texts, without


def test_propensity_shows_both_modalities(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    assert [each.value for each in app.subheader] == ["RNA", "Image"]
    labels = [metric.label for metric in app.metric]
    assert labels == ["Loss [nats]", "Accuracy", "Calibration"] * 2
    assert [tab.label for tab in app.tabs] == [
        "Map of scores",
        "Loss by epoch",
        "Loss by label",
        "Calibration",
        "Confusion",
    ]
    assert "Ridge regression has no epochs" not in texts(app)  # a tab that nobody looks at is not drawn
    app.session_state[f"tabs.{finished.id}"] = "Loss by epoch"
    assert "Ridge regression has no epochs" in texts(app.run())
    app.session_state[f"tabs.{finished.id}"] = "Confusion"
    assert [each.label for each in app.run().segmented_control] == ["Modality"]


@pytest.mark.parametrize("color", ["modality", "loss"])
def test_the_map_takes_every_colour(full: Open, finished: RunFolder, color: str) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select(color).run()
    assert not app.exception


def test_the_map_highlights_one_label(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"highlight.{finished.id}").select("STAT1").run()
    assert not app.exception


def test_the_map_is_coloured_by_a_column_and_a_feature(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("column").run()
    assert not app.exception
    assert app.selectbox(key=f"map.column.{finished.id}").value == "cell (RNA)"
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("image_07").run()
    assert not app.exception
    assert app.selectbox(key=f"map.feature.{finished.id}").value == "image_07"
    assert "image_07: projected through the plan on" in plain_text(app)
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("nothing like it").run()
    assert not app.exception
    assert "None of the 260 features contains" in texts(app)


@pytest.mark.parametrize("color", ["verdict", "confidence", "effective"])
def test_the_map_is_coloured_by_what_the_matching_says(full: Open, finished: RunFolder, color: str) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select(color).run()
    assert not app.exception
    assert {"verdict": "verdict of", "confidence": "confidence of the label of"}.get(color, "effective") in texts(app)


def test_a_feature_is_projected_and_its_label_mean_stands_beside(full: Open, finished: RunFolder) -> None:
    """The caption says how much of the projection is more than the label, and a uniform plan's is one click away."""
    coupling = load_matching(finished, load_models(finished))
    image = in_readable_units(finished, "target")
    at = int((image.var_names == "image_07").nonzero()[0][0])
    expected = project_column(coupling, "target", image.X[:, at])
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("image_07").run()
    assert f"{expected.within:.0%} of the variance of the projection lies within labels" in texts(app)
    app.radio(key=f"map.way.{finished.id}.False").set_value("label mean").run()
    assert "image_07: mean of its label on" in plain_text(app)
    assert not app.exception


def test_a_column_of_both_sides_is_measured_first_and_can_be_projected(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("column").run()
    app.selectbox(key=f"map.column.{finished.id}").select("cell (Image)").run()
    assert "cell: measured on 1,000 RNA cells, measured on 850 Image cells" in plain_text(app)
    app.radio(key=f"map.way.{finished.id}.True").set_value("projected").run()
    assert "of the cells the projected value is another than the most frequent one" in texts(app)


def test_features_that_mark_the_labels_are_offered_first(full: Open, finished: RunFolder) -> None:
    shares = {
        name: share
        for side in ("source", "target")
        for modality in [in_readable_units(finished, side)]
        for name, share in zip(modality.var_names, shares_between(modality.X, modality.labels), strict=True)
    }
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    offered = app.selectbox(key=f"map.feature.{finished.id}").options
    assert list(offered) == sorted(shares, key=lambda name: -shares[name])[: len(offered)]


def test_the_colour_is_the_same_on_all_pages(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    app.text_input(key=f"map.feature.{finished.id}.text").set_value("image_07").run()
    app.switch_page("pages/translate.py").run()
    opened(app, f"translate.tabs.{finished.id}", "Map")
    assert "image_07: projected through the plan on" in plain_text(app)
    app.switch_page("pages/match.py").run()
    opened(app, f"match.tabs.{finished.id}", "Linked maps")
    assert "image_07 projected through the plan" in plain_text(app)


def test_with_selected_cells_the_features_that_mark_them_come_first(full: Open, finished: RunFolder) -> None:
    image = in_readable_units(finished, "target")
    values = image.X[:, 7]
    cells = [int(each) for each in (values > sorted(values)[-60]).nonzero()[0]]
    app = full("match")
    app.session_state[f"selected.{finished.id}"] = Selection("target", cells, "by hand")
    opened(app, f"match.tabs.{finished.id}", "Linked maps")
    app.selectbox(key=f"color.{finished.id}").select("feature").run()
    assert not app.exception
    assert app.selectbox(key=f"map.feature.{finished.id}").value == "image_07"


@pytest.mark.parametrize("kind", ["umap", "pca", "as matched", "own"])
@pytest.mark.parametrize("label", ["", "STAT1", "\n"])
def test_every_map_is_drawn_of_all_labels_of_one_and_of_each(
    full: Open, finished: RunFolder, kind: str, label: str
) -> None:
    app = full("propensity")
    app.selectbox(key=f"map.kind.{finished.id}").select(kind).run()
    app.selectbox(key=f"map.labels.{finished.id}").select(label).run()
    assert not app.exception
    said = {"umap": "of held-out", "pca": "First two principal components of held-out", "own": "latent of its file"}
    said["own"] = "both modalities share a panel" if label == "\n" else said["own"]
    assert said.get(kind, "Positions from which the matching computed its costs") in texts(app)
    n = {"": "1,000 RNA cells", "STAT1": "81 of 1,000 RNA cells", "\n": "13 labels side by side"}[label]
    assert n in plain_text(app)


def test_umap_is_drawn_when_it_is_asked_for_and_pca_is_there_before(
    full: Open, finished: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    monkeypatch.setattr(RunStore, "_spawn", lambda self, folder: started.append(folder))
    asked = RunFolder(finished.path / ScoreMapJob.place)
    status = asked.worker_status()
    try:
        with without(finished, "map_umap.npz"):
            app = full("propensity")
            box = app.selectbox(key=f"map.kind.{finished.id}")
            assert box.options[:2] == ["scores by PCA", "scores by UMAP"]
            assert box.value == "pca"
            assert not started
            box.select("umap").run()
            assert not app.exception
            assert started == [asked]
            assert "UMAP is being computed" in plain_text(app)
            assert "First two principal components of held-out" in plain_text(app)  # until it is ready
            app.run()
            assert started == [asked]  # once
    finally:
        asked.write_status(status)
    app = full("propensity")
    assert app.selectbox(key=f"map.kind.{finished.id}").options[0] == "scores by UMAP"


def test_the_map_is_the_same_on_all_pages(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"map.kind.{finished.id}").select("own").run()
    app.switch_page("pages/match.py").run()
    opened(app, f"match.tabs.{finished.id}", "Linked maps")
    assert "RNA: latent of its file" in plain_text(app)
    assert "Places on the two maps cannot be compared" in texts(app)


@pytest.mark.parametrize(
    ("page", "answer"),
    [
        ("propensity", "Both modalities distinguish the labels: RNA names the label of"),
        ("match", "All 13 labels are matched: a typical RNA cell has about"),
        (
            "translate",
            "the matching predicts differences between cells of one label, which the label's mean cannot, on cells "
            "that both classifiers were trained on",
        ),
    ],
)
def test_a_page_begins_with_its_answer_and_ends_with_its_settings(full: Open, page: str, answer: str) -> None:
    """In plain words before any figure; settings stand under the picture."""
    app = full(page)
    said = plain_text(app)
    assert answer in said
    assert not app.exception
    main = list(walked(app.main))
    pictures = [at for at, element in enumerate(main) if element.type == "tab"]
    settings = [at for at, element in enumerate(main) if getattr(element, "label", "") == "Settings"]
    answers = [at for at, element in enumerate(main) if answer[:20] in str(getattr(element, "value", ""))]
    assert answers[0] < pictures[0] < settings[-1]


def walked(block: object) -> Iterator[Any]:
    """A block of the page and all that is in it, from top to bottom."""
    yield block
    for child in getattr(block, "children", {}).values():
        yield from walked(child)


def test_a_device_is_chosen_and_results_of_another_one_are_told(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    (device,) = [each for each in app.selectbox if each.label == "Device"]
    assert device.value == "cpu"
    device.select("auto").run()
    assert not app.exception
    assert any("Device" in each.value and "cpu** (now auto)" in each.value for each in app.warning)
