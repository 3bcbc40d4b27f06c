"""The Translate page with a finished run."""

from __future__ import annotations

from psmatch_core.translation.translators import Translator
from psmatch_core.workspace.predictions import load_predictions
from psmatch_core.workspace.run_folder import RunFolder
from tests.pages.conftest import Open, opened, texts


def test_translate_shows_what_is_predicted_and_how_well(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    text = texts(app).replace("\\", "")
    assert "Neural network on sampled pairs" in text
    assert "Held-out loss reaches" in text
    shown = {metric.label: metric.value for metric in app.metric}
    assert float(shown["R², true pairs"]) > 0.1
    assert float(shown["R², matched cells"]) > 0.1
    tables = [each.value for each in app.dataframe if "r2_against_true_pairs" in each.value]
    assert tables[0]["feature"].tolist()[:2] == ["all features", "image_00"]
    app.segmented_control(key=f"direction.{finished.id}").set_value("source_to_target").run()
    assert not app.exception
    tables = [each.value for each in app.dataframe if "r2_against_true_pairs" in each.value]
    assert tables[0]["feature"].tolist()[:2] == ["all features", "gene_000"]


def test_the_form_lists_every_translator(full: Open) -> None:
    app = full("translate")
    (box,) = [each for each in app.selectbox if each.label == "Translator"]
    assert box.options == list(Translator.menu().values())
    assert len(box.options) == len(Translator.kinds())


def test_predictions_are_those_of_the_export(finished: RunFolder) -> None:
    import anndata
    import numpy as np

    found = load_predictions(finished, "target_to_source")
    assert found is not None
    exported = anndata.read_h5ad(finished.exports / "translation_target_to_source.h5ad")
    assert found.features.tolist() == exported.var_names.tolist()
    assert np.allclose(found.predicted, exported.X, equal_nan=True)
    assert found.measured.shape == (850, 60)


def test_translate_shows_a_feature_and_shifts(full: Open, finished: RunFolder) -> None:
    app = full("translate")
    text = texts(app)
    assert "held\\-out cells" in text
    assert "is predicted" in text
    opened(app, f"translate.tabs.{finished.id}", "Shifts by label")
    app.selectbox(key=f"shifts.label.{finished.id}.target_to_source").select("STAT1").run()
    assert not app.exception
    assert "STAT1" in texts(app)


def test_translate_matches_features_when_asked(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "Feature pairs")
    assert "features can be matched too" in texts(app)
    (n,) = [each for each in app.number_input if each.label.startswith("Permutations")]
    n.set_value(19).run()
    app.button(key="features.go").click().run()
    assert not app.exception
    table = app.dataframe[-1].value
    assert list(table.columns)[:3] == ["feature", "rank", "partner"]
    assert (table["p_value"] >= 1 / 20).all()
    assert "does not confirm the pair" in texts(app).replace("\\", "")
    assert "Download as csv" in {button.label for button in app.get("download_button")}
    n = next(each for each in app.number_input if each.label.startswith("Permutations"))
    n.set_value(29).run()
    assert "This result has other settings" in texts(app)
