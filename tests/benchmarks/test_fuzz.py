"""Fuzzing in short: mutants of each format are answered, never by the catch-all, and checksums are used."""

import pytest

from benchmarks.fuzz import LIMIT_S, READERS, fuzz


@pytest.mark.parametrize("reader", READERS)
def test_mutants_get_an_answer_in_words(reader):
    found = fuzz(reader, 60, seed=7)
    assert found["mutants"] == 60
    assert found["codes"].get("PM-F62", 0) == 0, found["top_causes"]
    assert found["codes"].get("crash", 0) == 0, found["top_causes"]
    assert found["codes"].get("time limit", 0) == 0, LIMIT_S


def test_checksums_that_a_format_carries_are_used():
    found = fuzz("h5ad", 150, seed=3)
    assert "checked.h5ad" not in found["silent_bases"]
