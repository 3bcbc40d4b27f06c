"""The Translate page with a finished run."""

from __future__ import annotations

import numpy as np
import pytest

from pages.views.translate.features import PICTURES
from pages.views.translate.overview import answer_of
from psmatch_core.evaluation.distributions import UNIFORM
from psmatch_core.evaluation.within_labels import MATCHED, SEEN_BY_CLASSIFIERS, feature_accuracy
from psmatch_core.translation.translators import Translator
from psmatch_core.workspace import files
from psmatch_core.workspace.predictions import load_predictions
from psmatch_core.workspace.run_folder import RunFolder
from tests.conftest import make_modality
from tests.pages.conftest import Open, opened, texts, without


def test_translate_shows_what_is_predicted_and_how_well(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    text = texts(app).replace("\\", "")
    found = files.ACCURACY.read(finished)
    assert found is not None
    assert "Neural network on sampled pairs" in text
    assert "Held-out loss reaches" in text
    for each in found["target_to_source"]:
        assert each.finding() in text
        assert all(remark in text for remark in each.remarks())
    tables = [each.value for each in app.dataframe if "r2_uniform" in each.value]
    assert tables[-1]["feature"].tolist()[0] == "all features"
    gains = tables[-1]["gain"].tolist()[1:]
    assert gains == sorted(gains, reverse=True)
    app.segmented_control(key=f"direction.{finished.id}").set_value("source_to_target").run()
    assert not app.exception
    assert found["source_to_target"][0].finding() in texts(app).replace("\\", "")
    tables = [each.value for each in app.dataframe if "r2_uniform" in each.value]
    assert tables[-1]["feature"].tolist()[0] == "all features"
    assert "gene_000" in set(tables[-1]["feature"])


def test_what_the_matching_adds_has_its_pictures(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    text = " ".join(texts(app).replace("\\", "").split())
    found = files.ACCURACY.read(finished)
    assert found is not None
    (own, _) = found["target_to_source"]
    gains = own.table().set_index("feature")["gain"]
    order = sorted(own.gained, key=lambda name: -gains[name])
    assert order
    for at, name in enumerate(order):
        assert (f"{name}: {own.feature_finding(name)}" in text) == (at < PICTURES), name


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


def test_a_feature_is_shown_over_the_mean_of_its_label(full: Open, finished: RunFolder) -> None:
    text = texts(full("translate")).replace("\\", "")
    found = files.ACCURACY.read(finished)
    assert found is not None
    (own, _) = found["target_to_source"]
    gains = dict(zip(own.features, own.table()["gain"][1:], strict=True))
    first = max(gains, key=lambda name: gains[name])
    assert f"{first}: {own.feature_finding(first)}" in " ".join(text.split())
    assert "held-out cells" in text  # of the translator
    assert SEEN_BY_CLASSIFIERS in text
    assert "is predicted" not in text


def test_without_known_pairs_no_accuracy_is_shown(full: Open, finished: RunFolder) -> None:
    with without(finished, "evaluation.json", "accuracy.json"):
        app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    text = texts(app).replace("\\", "")
    assert "the accuracy of single features cannot be measured" in text
    assert "R²" not in text


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


@pytest.mark.parametrize("n_good", [0, 1, 5])
def test_the_answer_says_what_gets_worse_beside_what_gets_better(n_good: int) -> None:
    """Of five features the matching predicts some well, and the others worse than the mean of their label."""
    cells = make_modality("ADT", n=300, n_features=5, seed=3)
    means = np.stack([cells.X[cells.labels == label].mean(axis=0) for label in cells.labels.tolist()])
    share = np.where(np.arange(5) < n_good, 0.9, -1.0)  # of the way from the mean to the cell, or away from it
    predicted = {MATCHED: means + share * (cells.X - means), UNIFORM: means}
    about = {"direction": "target_to_source", "at": "RNA", "translator": "Mean"}
    said = answer_of(feature_accuracy(predicted, cells, np.arange(300), **about))
    assert said.startswith(
        {0: "For none of the 5 ADT features", 1: "For 1 of 5 ADT features", 5: "For all 5 ADT features"}[n_good]
    )
    assert ("All features together are predicted worse" in said) == (n_good < 5)


def test_no_table_shows_a_negative_zero(full: Open, finished: RunFolder) -> None:
    app = opened(full("translate"), f"translate.tabs.{finished.id}", "All features")
    shown = [each.value for each in app.dataframe if "r2_uniform" in each.value]
    assert shown
    for table in shown:
        values = table.select_dtypes("number").to_numpy()
        assert not (np.signbit(values) & (np.abs(values) < 0.0005)).any()
