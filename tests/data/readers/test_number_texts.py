"""Numbers as texts: what is read of thousands and decimals, in any way to write them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.number_texts import is_padded_number, is_signed_number, parts_thousands, read_grouped
from tests.data.readers.made_files import look, refusal

WAYS = {
    "de": (".", ","),
    "us": (",", "."),
    "fr": ("\u202f", ","),
    "si": (" ", "."),
    "ch": ("'", "."),
    "plain": ("", ","),
}
N = 40


def written(value: float, way: str, digits: int) -> str:
    """A number with its thousands apart, as people of a country write it."""
    between, decimal = WAYS[way]
    text = f"{value:,.{digits}f}"
    return text.replace(",", "\x00").replace(".", decimal).replace("\x00", between)


@settings(deadline=None)
@given(
    values=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=30),
    way=st.sampled_from([*WAYS]),
    digits=st.integers(0, 4),
)
def test_numbers_are_read_as_they_were_written_or_not_at_all(values, way, digits):
    texts = {written(each / 100, way, digits): round(each / 100, digits) for each in values}
    found = read_grouped([*texts])
    if found is not None:
        assert found == {text: float(f"{float(value):.{digits}f}") for text, value in texts.items()}
    elif digits not in (0, 3):  # three digits behind a mark, or a mark that only parts thousands, may mean either
        assert not any(each >= 10**5 for each in map(abs, values)) or way == "plain" or digits == 0


@pytest.mark.parametrize("texts", [["1,234"], ["1.234", "12"], ["1,234", "999,000"]])
def test_one_mark_before_three_digits_is_in_doubt(texts):
    assert read_grouped(texts) is None


@pytest.mark.parametrize("pad", ["\u00a0{}", "{}\u00a0", "\u202f{}\u202f", "\u2009{} "])
@pytest.mark.parametrize("value", ["17", "-2.5", "1e-3", ".5"])
def test_numbers_between_spaces_that_do_not_break_are_features(tmp_path, pad, value):
    assert is_padded_number(pad.format(value))
    path = tmp_path / "t.csv"
    rows = [f"c{i},{'ab'[i % 2]},{i % 5},{pad.format(value) if i % 2 else i % 3}" for i in range(N)]
    path.write_text("\n".join(["cell,label,G1,G2", *rows]) + "\n")
    found = open_source(path, path.name, text_columns=(), memory_mb=1024)[0].whole("X")[:, 1]
    assert np.array_equal(found, [float(value) if i % 2 else i % 3 for i in range(N)])


@pytest.mark.parametrize("text", ["17", " 17 ", "B\u00a0cell", "\u00a0", "1\u00a0000", "\t5"])
def test_other_texts_are_no_padded_numbers(text):
    assert not is_padded_number(text)


@pytest.mark.parametrize("text", ["'17", "’2.5", '="12"', '="-0.5"'])
def test_numbers_kept_as_text_are_told_from_text(text):
    assert is_signed_number(text)
    assert not is_signed_number(text.replace("1", "x").replace("2", "x").replace("5", "x"))


@pytest.mark.parametrize("text", ["1,23,4", "1.2.3", "12,3456,7", "1 23", "1,,2", "a", "1'2", "1.234.5,6"])
def test_what_no_country_writes_is_no_number(text):
    assert read_grouped([text]) is None


@settings(deadline=None)
@given(
    values=st.lists(st.floats(-1e90, 1e90, allow_subnormal=False), min_size=1, max_size=20),
    letter=st.sampled_from("dD"),
)
def test_exponents_of_fortran_are_those_of_everybody(values, letter):
    texts = {f"{each:.6e}".replace("e", letter): float(f"{each:.6e}") for each in values}
    assert read_grouped([*texts]) == texts


@pytest.mark.parametrize("text", ["2D5", "1.5D3", "D+03", "1.5DD+03", "3D", "1.5D+3456"])
def test_names_with_a_d_are_no_numbers(text):
    assert read_grouped([text]) is None


def values_of(path: Path) -> np.ndarray:
    source, _ = open_source(path, path.name, text_columns=("ko",), memory_mb=512)
    return source.whole("X")


def table(path: Path, way: str, digits: int, values: np.ndarray, separator: str = ";") -> Path:
    rows = [["barcode", "ko", "ACTB", "MYC"]]
    rows += [[f"AC{i}G", f"K{i % 4}", *(written(each, way, digits) for each in row)] for i, row in enumerate(values)]
    path.write_text("\n".join(separator.join(row) for row in rows) + "\n", encoding="utf-8")
    return path


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(way=st.sampled_from([*WAYS]), separator=st.sampled_from(";\t|"), seed=st.integers(0, 99))
def test_a_table_with_thousands_and_decimals_has_its_values(
    tmp_path: Path, way: str, separator: str, seed: int
) -> None:
    values = np.round(np.random.default_rng(seed).lognormal(7, 2, (N, 2)), 1)
    path = table(tmp_path / "t.csv", way, 1, values, separator)
    np.testing.assert_allclose(values_of(path), values)
    assert any(each.code == "PM-F16" for each in look(path, "ko").findings)


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(way=st.sampled_from(["de", "us"]), separator=st.sampled_from(";\t|"), seed=st.integers(0, 99))
def test_whole_numbers_with_a_mark_between_thousands_are_never_read_as_decimals(
    tmp_path: Path, way: str, separator: str, seed: int
) -> None:
    values = np.random.default_rng(seed).integers(1, 30_000, (4 * N, 2))
    values[::5] %= 1000
    path = table(tmp_path / "t.csv", way, 0, values, separator)
    said = refusal(path, label_key="ko")
    assert "thousands or decimals" in said
    assert "PM-F16" in said


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(digits=st.integers(1, 6), seed=st.integers(0, 99), zeros=st.booleans(), short=st.booleans())
def test_plain_decimals_of_any_length_raise_no_doubt(
    tmp_path: Path, digits: int, seed: int, zeros: bool, short: bool
) -> None:
    values = np.random.default_rng(seed).uniform(1, 99, (4 * N, 2)).round(digits)
    values *= np.random.default_rng(seed).random((4 * N, 2)) > 0.4 * zeros
    lines = ["barcode,ko,ACTB,MYC"]
    for i, row in enumerate(values):
        shown = [f"{each:.9g}" if short else f"{each:.{digits}f}" for each in row]
        lines.append(",".join([f"AC{i}G", f"K{i % 4}", *shown]))
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    np.testing.assert_allclose(values_of(path), values)
    assert not any(each.code == "PM-F16" for each in look(path, "ko").findings)


def test_few_numbers_are_not_doubted():
    assert not parts_thousands(["1.234", "12"])
    assert parts_thousands([*(f"{i + 1}.234" for i in range(40)), "12"])
    assert not parts_thousands([*(f"{i + 1}.234" for i in range(40)), "12", "2.5"])
