"""The pictures of values on the Data page: what is drawn of counts, of other values, and where values are missing."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pages.shell.data_steps import DataStep
from tests.pages.conftest import Open, plain_text
from tests.pages.views.data.visitor import at, hand_over, loaded, press


def table(n_cells: int = 30, n_features: int = 50, *, seed: int = 0) -> pd.DataFrame:
    counts = np.random.default_rng(seed).poisson(2.0, (n_cells, n_features))
    found = pd.DataFrame(counts, columns=[f"GENE{at}" for at in range(n_features)])
    found.insert(0, "label", ["A", "B", "C"] * (n_cells // 3))
    found.insert(0, "cell", [f"cell{at}" for at in range(n_cells)])
    return found


def test_counts_have_a_library_size_and_a_feature_is_found_by_name(empty: Open) -> None:
    rna = table()
    values = rna.iloc[:, 2:].to_numpy()
    app = at(hand_over(empty(), "source", "rna.csv", rna.to_csv(index=False).encode()), DataStep.VALUES)
    text = plain_text(app)
    assert "rna: from 30 cells" in text
    assert f"median library size {np.median(values.sum(axis=1)):,.0f} counts" in text
    assert f"median {np.median((values > 0).sum(axis=1)):,.0f} of 50 features per cell" in text
    (search,) = [each for each in app.text_input if each.label == "Find a feature"]
    search.set_value("gene17").run()
    assert not app.exception
    assert f"GENE17: not 0 in {(rna['GENE17'] > 0).mean():.0%} of cells" in plain_text(app)
    search = next(each for each in app.text_input if each.label == "Find a feature")
    search.set_value("no such gene").run()
    assert "None of the 50 features contains no such gene" in plain_text(app)


def test_other_values_are_said_to_have_none_and_missing_ones_are_drawn(empty: Open) -> None:
    profiles = table(n_features=8).astype(dict.fromkeys((f"GENE{at}" for at in range(8)), float))
    profiles.iloc[:, 2:] = np.random.default_rng(1).normal(size=(30, 8))
    profiles.loc[:2, "GENE3"] = np.nan
    app = hand_over(empty(), "target", "profiles.csv", profiles.to_csv(index=False).encode())
    at(app, DataStep.VALUES)
    text = plain_text(app)
    assert "These values are not counts, so they have no library size" in text
    assert "1 of 8 features lack values, at most 10.0% of cells" in text
    assert "3 of 30 cells lack values, at most 12.5% of features" in text
    press(app, "Fill them with the median")
    assert "lack values" not in plain_text(app)


def test_a_third_modality_has_the_same_pictures(empty: Open) -> None:
    third = table(seed=2)
    app = loaded(empty, ["A", "B", "C"] * 8, ["A", "B", "C"] * 8)
    hand_over(app, "third", "guides.csv", third.to_csv(index=False).encode())
    text = plain_text(at(app, DataStep.VALUES))
    values = third.iloc[:, 2:].to_numpy()
    assert "guides: from 30 cells" in text
    assert f"guides: median library size {np.median(values.sum(axis=1)):,.0f} counts" in text
    assert f"guides: median {np.median((values > 0).sum(axis=1)):,.0f} of 50 features per cell" in text
    search = [each for each in app.text_input if each.label == "Find a feature"][-1]
    search.set_value("gene17").run()
    assert not app.exception
    assert f"GENE17: not 0 in {(third['GENE17'] > 0).mean():.0%} of cells" in plain_text(app)
