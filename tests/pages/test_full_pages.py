"""Every page with a finished run, opened by its link in a session of its own."""

from __future__ import annotations

from inspect import isabstract

import pytest

from pages.shell.changed_settings import MATCHERS, TRANSLATORS
from pages.shell.navigation import PAGES
from psmatch_core.base.config import Config
from psmatch_core.translation.translators import Translator
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, opened, texts


@pytest.mark.parametrize("page", PAGES)
def test_a_page_finds_its_run_by_the_link(full: Open, finished: RunFolder, page: str) -> None:
    app = full(page)
    assert app.query_params["run"] in (finished.id, [finished.id])
    assert "the demo" in texts(app)
    assert not app.error


def test_data_shows_what_the_run_was_made_of(full: Open) -> None:
    app = full()
    assert "1,000 cells × 200 features" in texts(app)
    assert {metric.label: metric.value for metric in app.metric}["Shared labels"] == "13"


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


def test_translate_shows_what_is_predicted_and_how_well(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    said = texts(app).replace("\\", "")
    assert "Neural network on sampled pairs" in said
    assert "Held-out loss reaches" in said
    shown = {metric.label: metric.value for metric in app.metric}
    assert float(shown["R², against true pairs"]) > 0.1
    assert float(shown["R², against matched cells"]) > 0.1
    tables = [each.value for each in app.dataframe if "r2_against_true_pairs" in each.value]
    assert tables[0]["feature"].tolist()[:2] == ["all features", "image_00"]
    app.segmented_control(key=f"direction.{finished.id}").set_value("source_to_target").run()
    assert not app.exception
    tables = [each.value for each in app.dataframe if "r2_against_true_pairs" in each.value]
    assert tables[0]["feature"].tolist()[:2] == ["all features", "gene_000"]


def test_the_form_lists_every_translator(full: Open) -> None:
    app = full("translate")
    (box,) = [each for each in app.selectbox if each.label == "Translator"]
    kinds = {kind for kind in Config._registry.values() if issubclass(kind, Translator) and not isabstract(kind)}
    assert set(TRANSLATORS) == {kind for kind in kinds if kind.__module__.startswith("psmatch_core.")}
    assert len(box.options) == len(TRANSLATORS)


@pytest.mark.parametrize("color", ["modality", "loss", "confidence"])
def test_the_map_takes_every_colour(full: Open, finished: RunFolder, color: str) -> None:
    app = full("propensity")
    app.selectbox(key=f"color.{finished.id}").select(color).run()
    assert not app.exception


def test_the_map_highlights_one_label(full: Open, finished: RunFolder) -> None:
    app = full("propensity")
    app.selectbox(key=f"highlight.{finished.id}").select("STAT1").run()
    assert not app.exception


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


def test_match_traces_epsilon_when_asked(full: Open, finished: RunFolder) -> None:
    app = full("match")
    assert "made without true pairs" not in texts(app)
    app.multiselect(key=f"curve.labels.{finished.id}").set_value(["JAK2", "STAT1"]).run()
    app.button(key=f"curve.draw.{finished.id}").click().run()
    assert not app.exception
    assert "a suggestion, made without true pairs" in texts(app).replace("\\", "")
    app.button(key=f"curve.use.{finished.id}").click().run()
    assert not app.exception
    assert "These results belong to ε" in texts(app).replace("\\", "")


def test_match_offers_every_method_in_words(full: Open) -> None:
    app = full("match")
    (box,) = [each for each in app.selectbox if each.label == "Method"]
    assert len(box.options) == len(MATCHERS)
    assert {"GromovMatcher", "UnbalancedMatcher"} <= {kind.__name__ for kind in MATCHERS}
    box.select(next(each for each in box.options if each.startswith("Fused Gromov"))).run()
    assert not app.exception
    assert "α" in [each.label.removesuffix(" ●") for each in app.number_input]


def test_changed_settings_are_said_with_the_old_value(full: Open) -> None:
    app = full("match")
    assert "These results belong to" not in texts(app)
    (epsilon,) = [each for each in app.number_input if each.label.startswith("Epsilon")]
    epsilon.set_value(0.2).run()
    assert "These results belong to ε" in texts(app).replace("\\", "")
    assert "0.05" in texts(app).replace("\\", "")
    (undo,) = [each for each in app.button if each.label == "Back to the preset"]
    undo.click().run()
    assert "These results belong to" not in texts(app)


def test_evaluate_stands_beside_uniform(full: Open) -> None:
    app = full("evaluate")
    assert "700 true pairs" in texts(app)
    by_label = {metric.label: metric for metric in app.metric}
    assert by_label["FOSCTTM"].delta.endswith(", uniform 0.50")
    assert float(by_label["FOSCTTM"].value) < 0.5


def test_evaluate_without_known_pairs_says_what_to_do(full: Open, finished: RunFolder) -> None:
    hidden = finished.path / "evaluation.hidden"
    (finished.path / "evaluation.json").rename(hidden)
    try:
        app = full("evaluate")
    finally:
        hidden.rename(finished.path / "evaluation.json")
    assert "No true pair is known" in texts(app)


def test_export_previews_and_offers_every_file(full: Open, finished: RunFolder) -> None:
    app = full("export")
    offered = {button.label for button in app.get("download_button")}
    on_disk = {path.name for path in finished.exports.iterdir()} - {"psmatch-export.zip"}
    assert on_disk <= offered
    assert list(app.dataframe[0].value.columns)[:3] == ["source_cell", "target_cell", "label"]
    code = [each.value for each in app.code]
    assert code[0] == "python -m psmatch_core run recipe.json --out psmatch-again"
    assert code[0] in (finished.exports / "README.txt").read_text()
    assert code[1] == (finished.exports / "reproduce.py").read_text().strip()
    assert "No cell was left out" in texts(app)


def test_the_preview_follows_the_threshold_and_counts_what_it_leaves_out(full: Open, finished: RunFolder) -> None:
    app = full("export")
    every = int({metric.label: metric.value for metric in app.metric}["Pairs"].replace(",", ""))
    (least,) = [each for each in app.number_input if each.label.startswith("Least weight")]
    least.set_value(0.2).run()
    assert not app.exception
    shown = {metric.label: int(metric.value.replace(",", "")) for metric in app.metric}
    assert shown["Pairs"] + shown["Left out below 0.2"] == every
    assert shown["Source cells without a pair"] > 0
    assert app.dataframe[0].value["weight"].min() >= 0.2
    (pairs,) = [each for each in app.selectbox if each.label.startswith("Pairs")]
    pairs.select("sampled").run()
    assert "draws" in app.dataframe[0].value.columns
    (least,) = [each for each in app.number_input if each.label.startswith("Least weight")]
    least.set_value(1.0).run()
    assert "No pair reaches this least weight" in texts(app)


def test_export_offers_the_report_and_three_formats(full: Open) -> None:
    offered = {button.label for button in full("export").get("download_button")}
    assert {"Report (html)", "These pairs, csv", "These pairs, tsv", "These pairs, parquet"} <= offered


def test_the_list_opens_a_run(full: Open, finished: RunFolder) -> None:
    app = full(link="")
    assert "run" not in app.query_params
    app.button(key=f"open.{finished.id}").click().run()
    assert app.query_params["run"] in (finished.id, [finished.id])
    assert not app.exception


def test_translate_matches_features_when_asked(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "Feature pairs")
    assert "features are matched too" in texts(app)
    (n,) = [each for each in app.number_input if each.label.startswith("Permutations")]
    n.set_value(19).run()
    app.button(key="features.go").click().run()
    assert not app.exception
    table = app.dataframe[-1].value
    assert list(table.columns)[:3] == ["feature", "rank", "partner"]
    assert (table["p_value"] >= 1 / 20).all()
    assert "does not confirm it" in texts(app).replace("\\", "")
    assert "Download as csv" in {button.label for button in app.get("download_button")}
    n = next(each for each in app.number_input if each.label.startswith("Permutations"))
    n.set_value(29).run()
    assert "This belongs to other settings" in texts(app)


@pytest.mark.parametrize("name", ["Labeled Gromov-Wasserstein", "Labeled co-optimal transport"])
def test_match_offers_the_methods_that_take_all_labels(full: Open, name: str) -> None:
    app = full("match")
    (method,) = [each for each in app.selectbox if each.label == "Method"]
    (shown,) = [each for each in method.options if each.startswith(name)]
    method.select(shown).run()
    assert not app.exception
    assert {"Space", "Label mass"} <= {each.label for each in app.selectbox}
