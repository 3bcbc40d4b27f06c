"""Text from files is shown as text, and numbers with as many digits as they carry."""

from __future__ import annotations

import pytest

from pages.shell.text import duration, number, plain, size


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "![a](http://x/y.png)", "[a](b)", "$x^2$", ":red[x]", "`c`", "*a* _b_", "# h", "~~s~~"]
)
def test_plain_text_has_no_live_mark(text: str) -> None:
    shown = plain(text)
    assert shown.replace("\\", "").replace("\u2060", "") == text
    bare = ""
    previous = ""
    for character in shown:
        bare += " " if previous == "\\" else character
        previous = "" if previous == "\\" else character
    assert not set(bare) & set("<>[]()!$`*_#~")


@pytest.mark.parametrize("text", ["http://evil.example", "www.evil.example", "a@b.example", ":smile:"])
def test_links_and_emoji_are_broken_without_being_seen(text: str) -> None:
    assert text not in plain(text).replace("\\", "")


def test_control_characters_do_not_get_through() -> None:
    assert plain("a\x1b[31m\nb\u202ec").isprintable()


def test_numbers_have_the_digits_they_carry() -> None:
    assert [number(each) for each in (0.0, 0.12345, 1.5, 123.4, 12345.6, 1e-7, float("nan"))] == [
        "0",
        "0.123",
        "1.50",
        "123",
        "12,346",
        "1.00e-07",
        "–",
    ]
    assert [duration(each) for each in (0.2, 30, 600, 7200)] == ["1 s", "30 s", "10 min", "2.0 h"]
    assert [size(each) for each in (12, 2048, 5 * 2**20)] == ["12 bytes", "2.0 kB", "5.0 MB"]
