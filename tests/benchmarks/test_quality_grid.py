"""The grid of the quality benchmark: the space that labels link, and the tables."""

import json

import numpy as np
import pandas as pd

from benchmarks.quality import METHODS, is_asked, keep as keep_quality, missing
from benchmarks.quality_grid import keep, linked_by_labels, principal_components
from benchmarks.quality_grid_page import DEFAULT, LINK, best_words, grid_page, matrix
from benchmarks.quality_splits import Split
from tests.benchmarks.test_group_clip import side


def test_cells_linked_by_labels_lie_nearest_to_their_label_in_the_other_modality():
    effects = 3 * np.random.default_rng(0).normal(size=(4, 3))
    trained = (side("a", 12, effects, 1), side("b", 7, effects, 2))
    judged = (side("a", 12, effects, 3), side("b", 7, effects, 4))
    first, second = linked_by_labels(trained, judged)
    means = {name: second[judged[1].labels == name].mean(axis=0) for name in judged[1].label_names}
    nearest = [min(means, key=lambda name: float(np.linalg.norm(means[name] - cell))) for cell in first]
    assert np.mean(np.array(nearest) == judged[0].labels) > 0.9
    assert first.shape == (200, 3)  # of four labels


def test_components_of_the_trained_cells_are_white():
    trained = (side("a", 12, np.ones((2, 3)), 1), side("b", 7, np.ones((2, 3)), 2))
    known, new = principal_components(trained, trained)
    for each, same in zip(known, new, strict=True):
        np.testing.assert_allclose(np.cov(each.T, bias=True), np.eye(each.shape[1]), atol=1e-4)
        np.testing.assert_allclose(each, same)


def row(data, seed, name, aligner, foscttm):
    return {"data": data, "seed": seed, "representation": name, "aligner": aligner, "foscttm": foscttm, "rank": 0.4,
            "trace_fold": 1.0, "n_pairs": 90, "linked": aligner == LINK}  # fmt: skip


def test_each_set_counts_once(tmp_path):
    rows = [row("x", seed, "ridge", LINK, 0.4) for seed in range(3)] + [row("y", 0, "ridge", LINK, 0.3)]
    rows += [row("x", 0, *DEFAULT, 0.5), row("y", 0, *DEFAULT, 0.25)]
    assert "| ridge | 0.350 / 0.400 |" in matrix(pd.DataFrame(rows))
    out = tmp_path / "grid.json"
    keep(rows, out)
    keep(
        [row("y", 0, "ridge", LINK, 0.2), row("y", 0, *DEFAULT, 0.19)], out
    )  # a split measured again takes the place of the earlier one
    assert len(json.loads(out.read_text(encoding="utf-8"))["rows"]) == 6
    text = grid_page(out)
    assert "| ridge | 0.300 / 0.400 [1] |" in text
    assert "x (90 pairs, 3 seeds), y (90 pairs, 1 seeds)" in text
    assert grid_page(tmp_path / "none.json") == ""


def test_the_best_choice_and_the_sets_on_which_one_is_worse_are_counted():
    values = {("a", "one"): (0.4, 0.4), ("a", "two"): (0.3, 0.406), ("b", "one"): (0.5, 0.5), ("b", "two"): (0.4, 0.4)}
    rows = pd.DataFrame(
        [row(data, 0, *of, value) for of, each in values.items() for data, value in zip("xy", each, strict=True)]
    )
    table = matrix(rows, default=("a", "one"))
    assert "| a | 0.400 / 0.400 [0] | 0.353 / 0.400 [1] |" in table
    assert "| b | 0.500 / 0.400 [2] | 0.400 / 0.400 [0] |" in table
    words = best_words(rows, ["one", "two"])
    assert "*two* for a, b. Best of all: a with *two*" in words
    assert "one 0.100, two 0.047" in words


def test_a_stopped_run_loses_no_finished_split(tmp_path):
    out, page = tmp_path / "quality.json", tmp_path / "quality.md"

    def one(seed, method, foscttm):
        figures = {"foscttm": foscttm, "rank": 0.4, "trace_fold": 1.0, "n_pairs": 90, "labels_judged": 2}
        return (
            {"data": "bmmc_cite", "protocol": "separate", "control": "", "seed": seed, "method": method}
            | figures
            | {"labels_skipped": 0}
        )

    methods = ("paper recipe (one)", "default")
    keep_quality([one(0, name, 0.4) for name in methods], out, page)
    keep_quality([one(1, name, 0.5) for name in methods], out, page)
    keep_quality([one(1, "default", 0.3)], out, page)
    kept = json.loads(out.read_text(encoding="utf-8"))
    assert sorted((row["seed"], row["method"], row["foscttm"]) for row in kept["rows"]) == [
        (0, "default", 0.4), (0, "paper recipe (one)", 0.4), (1, "default", 0.3), (1, "paper recipe (one)", 0.5)
    ]  # fmt: skip
    assert kept["runs"]["bmmc_cite, separate"]["seeds"] == 2
    before = page.read_text(encoding="utf-8")
    keep_quality([], out, page)
    assert page.read_text(encoding="utf-8") == before


def test_a_whole_name_means_one_method():
    asked = [each.name for each in METHODS if is_asked(each.name, ["default", "feature bag"])]
    assert asked == ["default", "feature bagging, 0.1 × mean"]
    assert [each.name for each in METHODS if is_asked(each.name, [])] == [each.name for each in METHODS]


def test_what_was_stopped_goes_on_with_the_rows_that_are_missing(tmp_path):
    out = tmp_path / "quality.json"
    methods = list(METHODS[:3])
    split = Split(tmp_path / "bmmc_cite", 1, "shared")
    assert missing(methods, split, out) == methods
    done = {"data": "bmmc_cite", "seed": 1, "method": methods[1].name}  # as rows were before there were two protocols
    rows = [done, {**done, "method": methods[0].name, "protocol": "separate"}, {**done, "method": "of another name"}]
    out.write_text(json.dumps({"rows": rows}), encoding="utf-8")
    assert missing(methods, split, out) == [methods[0], methods[2]]
    assert missing(methods, Split(split.folder, 0, "shared"), out) == methods
    assert missing(methods, Split(split.folder, 1, "shared", "noise"), out) == methods
    assert missing(methods, Split(split.folder, 1, "separate"), out) == methods[1:]
