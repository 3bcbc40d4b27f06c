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


def test_the_preview_follows_the_rules_and_no_rule_picks_sure_cells(full: Open, finished: RunFolder) -> None:
    app = full("export")
    (pairs,) = [metric for metric in app.metric if metric.label == "Pairs"]
    (top,) = [each for each in app.number_input if each.label.startswith("Matches per cell")]
    top.set_value(1).run()
    assert not app.exception
    (fewer,) = [metric for metric in app.metric if metric.label == "Pairs"]
    assert int(fewer.value.replace(",", "")) < int(pairs.value.replace(",", ""))
    assert set(app.dataframe[0].value["rank"]) == {1}
    (kind,) = [each for each in app.selectbox if each.label.startswith("Pairs")]
    kind.select("sampled").run()
    assert "draws" in app.dataframe[0].value.columns
    assert not any("threshold" in str(each.label).lower() or "Least" in str(each.label) for each in app.number_input)


def test_export_offers_the_report_and_three_formats(full: Open) -> None:
    offered = {button.label for button in full("export").get("download_button")}
    assert {"Report (html)", "These pairs, csv", "These pairs, tsv", "These pairs, parquet"} <= offered
