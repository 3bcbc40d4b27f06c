"""Splits of the quality benchmark: which cells train, which are judged, and that a control carries no signal."""

import anndata
import numpy as np
import pandas as pd
import pytest

from benchmarks.quality_page import CEILING, chance, summary, table
from benchmarks.quality_splits import Split, of_new_cells, split
from psmatch_core.classification.classifiers import LinearClassifier
from psmatch_core.classification.propensity import fit_propensity


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.array(["a", "b", "c", "d"])[rng.integers(0, 4, 200)]
    for index, d in ((1, 8), (2, 6)):
        X = rng.normal(size=(200, d)).astype(np.float32) + (labels == "a")[:, None]
        obs = pd.DataFrame({"label": labels}, index=[f"c{i}" for i in range(200)])
        anndata.AnnData(X, obs=obs).write_h5ad(tmp_path / f"mod{index}.h5ad")
    return tmp_path


def cells(modality):
    return set(modality.pair_ids.tolist())


def test_no_cell_trains_on_both_sides_or_is_judged_by_a_model_that_knew_it(folder):
    trained, judged = Split(folder, 0, "separate").modalities()
    assert not cells(trained[0]) & cells(trained[1])
    for model, other in zip(trained, judged, strict=True):
        assert not cells(model) & cells(other)
    assert cells(judged[0]) == cells(judged[1])
    assert [each.n_cells for each in (*trained, *judged)] == [70, 70, 60, 60]


def test_the_shared_protocol_trains_on_the_judged_cells(folder):
    trained, judged = Split(folder, 0, "shared").modalities()
    assert judged is trained
    assert len(cells(trained[0]) & cells(trained[1])) == 120
    assert [each.n_cells for each in split(folder, 0)] == [160, 160]


def test_two_panels_of_the_same_cells_are_a_paired_set(tmp_path):
    rng = np.random.default_rng(0)
    obs = pd.DataFrame({"label": np.array(["a", "b"])[np.arange(60) % 2]}, index=[f"c{i}" for i in range(60)])
    panel = rng.normal(size=(60, 3)).astype(np.float32)
    file = anndata.AnnData(
        panel, obs=obs, obsm={"heldout": 2 * panel[:, :2]}, uns={"heldout_names": np.array(["p", "q"])}
    )
    (tmp_path / "citeasap_unpaired").mkdir()
    file.write_h5ad(tmp_path / "citeasap_unpaired" / "mod2.h5ad")
    _, judged = Split(tmp_path / "asap_panels", 0, "separate").modalities()
    assert [each.var_names.tolist() for each in judged] == [["0", "1", "2"], ["p", "q"]]
    first, second = (dict(zip(each.pair_ids, each.X, strict=True)) for each in judged)
    assert first.keys() == second.keys()
    for cell, values in first.items():
        np.testing.assert_allclose(2 * values[:2], second[cell])


def test_dealt_labels_are_those_of_the_set_and_equal_on_both_sides(folder):
    _, judged = Split(folder, 0, "separate", "labels").modalities()
    _, true = Split(folder, 0, "separate").modalities()
    of = [dict(zip(each.pair_ids, each.labels, strict=True)) for each in (*judged, *true)]
    assert of[0] == of[1]
    assert of[2] == of[3]
    assert np.mean([of[0][cell] == of[2][cell] for cell in of[0]]) < 0.5


def test_new_cells_are_scored_as_the_model_scores_them(folder):
    trained, judged = Split(folder, 0, "separate").modalities()
    names = trained[0].label_names
    models = tuple(fit_propensity(each, LinearClassifier(strength=0.1), label_names=names) for each in trained)
    new = of_new_cells(models, judged)
    assert [each.modality for each in new] == judged
    assert np.array_equal(new[0].logits, models[0].score(judged[0].X))


def test_tables_compare_with_the_papers_recipe_and_with_chance():
    explained = {"r2_target_uniform": 0.0, "r2_target_true": 0.4, "r2_source": 0.01, "r2_source_uniform": 0.0}
    rows = pd.DataFrame(
        [
            {"data": data, "protocol": "separate", "seed": seed, "method": method, "trace_fold": trace,
             "foscttm": foscttm, "rank": foscttm, "linked": method == "recommended-2", "n_pairs": 90,
             "labels_judged": 2, "labels_skipped": 0, "r2_target": trace / 10, "r2_source_true": 0.04} | explained
            for data in ("x", "y")
            for seed in (0, 1)
            for method, trace, foscttm in (
                ("paper recipe (one)", 1.0, 0.45), ("recommended-2", 2.0, 0.4 + 0.01 * seed), (CEILING, 2.0, 0.39)
            )
        ]
    )  # fmt: skip
    # The features of the source do not count: true pairs explain less than 0.05 of them.
    differences = "-0.045 / -0.045 | -0.045 / -0.045 | -0.045 / -0.045"
    shares = "0 | 2.00 | 100% | 0.75 / 0.75 | 0.50, smallest 0.50 of 2 |"
    assert f"| separate | recommended-2 | 2 | {differences} | {shares}" in summary(rows)
    assert "| x | separate | recommended-2 | 2 | 0.405 ± 0.005 | -19.0 | 0.405 |" in chance(rows)
    few = rows.assign(n_pairs=[9 if data == "y" else 90 for data in rows["data"]])
    assert "| separate | recommended-2 | 1 |" in summary(few)
    assert summary(few).endswith("Left out for fewer than 30 judged pairs: y (separate, 9).")
    one = table(rows[rows["data"] == "x"])
    assert "| 2.00 | -0.045 | -0.045 | +0.200 / +0.010 |" in one
    assert one.endswith("| +0.400 / +0.040 |")
