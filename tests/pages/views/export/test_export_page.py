"""The Export page with a finished run."""

from __future__ import annotations

from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, texts


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
    assert "No pair has this minimum weight" in texts(app)


def test_export_offers_the_report_and_three_formats(full: Open) -> None:
    offered = {button.label for button in full("export").get("download_button")}
    assert {"Report (html)", "These pairs, csv", "These pairs, tsv", "These pairs, parquet"} <= offered
