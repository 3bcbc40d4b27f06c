"""Words for missing values in a column of numbers: which are read as such, when, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from psmatch_core.data.readers.column_roles import MISSING_NUMBERS, MISSING_WORDS
from tests.data.readers.made_files import look, refusal

N = 40


def table(folder: Path, name: str = "t.csv", **features: list[str]) -> Path:
    frame = pd.DataFrame({"cell": [f"c{at}" for at in range(N)], "gene": ["A", "B"] * (N // 2)})
    draw = np.random.default_rng(0)
    for each in ("CD3", "CD4", "CD8"):
        frame[each] = draw.normal(size=N).round(3).astype(str)
    for each, values in features.items():
        frame[each] = values
    if name.endswith(".parquet"):
        frame.to_parquet(folder / name)
    else:
        frame.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return folder / name


def with_words(*words: str) -> list[str]:
    """Numbers of a feature, among them these words."""
    return [*words, *(f"{at / 7:.3f}" for at in range(N - len(words)))]


@pytest.mark.parametrize("word", ["-", ".", "missing", "Missing", "--", "—", "?", "n.d.", "UNKNOWN", "\\N", "(null)"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_a_word_that_repeats_is_missing_counted_and_said(tmp_path: Path, word: str, name: str) -> None:
    found = look(table(tmp_path, name, CD8=with_words(word, word, f" {word} ")), "gene")
    assert found.matrix("X").bad_features == (("CD8", 3),)
    (said,) = [each.problem for each in found.findings if each.code == "PM-C08"]
    assert said == f"{name}: {word.lower()} among numbers read as missing values: CD8 (3)."


def test_a_word_may_repeat_in_other_columns_and_beside_others(tmp_path: Path) -> None:
    features = {"CD3": with_words("-"), "CD4": with_words("NA", "-", "n/a", ""), "CD8": with_words(".", ".", "-", "-")}
    found = look(table(tmp_path, **features), "gene")
    assert dict(found.matrix("X").bad_features) == {"CD3": 1, "CD4": 4, "CD8": 4}
    (said,) = [each.problem for each in found.findings if each.code == "PM-C08"]
    assert said == "t.csv: -, . among numbers read as missing values: CD8 (4), CD3 (1), CD4 (1)."


def test_a_word_that_stands_once_may_be_a_slip_and_is_refused(tmp_path: Path) -> None:
    text = refusal(table(tmp_path, CD8=with_words("-")), label_key="gene")
    assert "column CD8, cell c0: the text - is not a number (1 such entry in this column)" in text
    assert "If it means a missing value, leave the field empty" in text


@pytest.mark.parametrize("word", ["low", "error", "NEG", "<5", "below LOD", "saturated", "x", "yes"])
def test_other_words_are_refused_by_name_however_often_they_stand(tmp_path: Path, word: str) -> None:
    text = refusal(table(tmp_path, CD8=with_words(word, "-", word, "-", "high")), label_key="gene")
    assert f"the text {word} is not a number" in text
    assert "high" in text


@pytest.mark.parametrize("word", ["inf", "-Inf", "∞", "Infinity"])
def test_infinite_values_are_listed_with_the_missing_ones(tmp_path: Path, word: str) -> None:
    found = look(table(tmp_path, CD8=with_words(word, "-", "-")), "gene")
    assert found.matrix("X").bad_features == (("CD8", 3),)
    assert look(table(tmp_path, CD8=with_words(word)), "gene").matrix("X").bad_features == (("CD8", 1),)


def test_words_of_annotation_are_kept_as_they_are(tmp_path: Path) -> None:
    found = look(table(tmp_path, phase=["-", "G1", "-", "S"] * 10, CD8=with_words("-", "-")), "gene")
    assert found.column("phase").counts == {"-": 20, "G1": 10, "S": 10}
    (said,) = [each.problem for each in found.findings if each.code == "PM-C08"]
    assert "phase" not in said


def test_the_lists_do_not_overlap_and_hold_no_number() -> None:
    assert not MISSING_NUMBERS & MISSING_WORDS
    assert all(each == each.lower().strip() for each in MISSING_NUMBERS | MISSING_WORDS)
    assert not any(each.replace(".", "", 1).isdigit() for each in MISSING_WORDS)
