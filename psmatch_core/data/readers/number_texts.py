"""Texts of numbers: plain ones, and those with separated thousands, decimal commas, exponents of Fortran or signs."""

from __future__ import annotations

import re
from collections.abc import Collection

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# 1,234.5 and 0,5; 1 234,5 and 1'234.5; 1.234,5; 1.5D+03
_GROUPED_NUMBER = re.compile(
    r"[+-]?(\d+(,\d+)+(\.\d+)?|\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?|\d{1,3}(\.\d{3})+,\d+"
    r"|(\d+\.\d*|\.\d+)[dD][+-]\d{2,3})"
)
# $5 and 5 %; '5 and ="5" are what spreadsheets write so that a number stays text
_SIGNED_NUMBER = re.compile(r"[$€£'’]\s*[+-]?\d+([.,]\d+)*|[+-]?\d+([.,]\d+)?\s*[%‰$€£]|=\"[+-]?\d+([.,]\d+)?\"")
_SPACES, _QUOTES = " \u00a0\u2009\u202f", "'’"
_FORTRAN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[dD][+-]\d{2,3})?")
_WAYS = (
    ("", ".", _FORTRAN),
    *(
        (between, decimal, re.compile(rf"[+-]?(\d{{1,3}}([{between}]\d{{3}})+|\d+)([{decimal}]\d+)?([eE][+-]?\d+)?"))
        for between, decimal in (
            (".", ","),
            (",", "."),
            *((each, mark) for each in (_SPACES, _QUOTES) for mark in ",."),
        )
    ),
)  # each way to write thousands, decimals and exponents
_MAY_BE_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([.,])\d{3}(\1\d{3})*")
_WHOLE = re.compile(r"[+-]?\d{1,3}")
FEWEST_MARKED = 30  # by chance, one of ten decimals with three digits ends in 0: all of 30 in one of 25 tables
LONGEST_NUMBER = 60  # characters: patterns must not search through megabytes


def is_grouped_number(text: str) -> bool:
    """Whether a field holds a number with a decimal comma, separated thousands or an exponent of Fortran."""
    return _GROUPED_NUMBER.fullmatch(text.strip()[:LONGEST_NUMBER]) is not None


def is_padded_number(text: str) -> bool:
    """Whether a field holds a plain number between spaces that do not break, as web pages write them."""
    plain = text[: 2 * LONGEST_NUMBER].strip(_SPACES)
    return plain != text.strip(" ") and is_number(plain)


def is_signed_number(text: str) -> bool:
    """Whether a field holds a number with a per cent or currency sign, or the marks of a number kept as text."""
    return _SIGNED_NUMBER.fullmatch(text.strip()[:LONGEST_NUMBER]) is not None


def is_number(text: str) -> bool:
    """Whether a field holds a number (written with a point)."""
    return _NUMBER.fullmatch(text.strip(" ")) is not None  # other white space is damage that the parser refuses


def read_grouped(texts: Collection[str]) -> dict[str, float] | None:
    """Numbers that are all written in one way, such as with a decimal comma; None if that way is in doubt.

    ``1.234,5``, ``0,5`` and ``1.5D+03`` can be read in one way only. ``1,234`` alone is 1234 or 1.234, and is not read.

    Parameters
    ----------
    texts
        The different texts of a column, missing values apart.
    """
    plain = [each.strip() for each in texts]
    if not plain or any(len(each) > LONGEST_NUMBER for each in plain):
        return None
    found: list[dict[str, float]] = []
    for between, decimal, way in _WAYS:
        if all(map(way.fullmatch, plain)):
            drop = str.maketrans(dict.fromkeys(between, "") | {decimal: ".", "d": "e", "D": "e"})
            found.append({text: float(each.translate(drop)) for text, each in zip(texts, plain, strict=True)})
    return found[0] if found and all(each == found[0] for each in found) else None


def parts_thousands(texts: Collection[str]) -> bool:
    """Whether the point or comma of these numbers may stand between thousands: 12.345 and 1.002 beside 617.

    Then each number with a mark has three digits behind it and none begins with 0, and others have less than four
    digits and no mark. Decimals of three digits would be shorter where they end in 0.

    Parameters
    ----------
    texts
        The texts of numbers, missing values apart.
    """
    marked = [each for each in map(str.strip, texts) if "." in each or "," in each]
    others = [each for each in map(str.strip, texts) if not ("." in each or "," in each)]
    return (
        bool(others)
        and len(marked) >= FEWEST_MARKED
        and all(map(_MAY_BE_THOUSANDS.fullmatch, marked))
        and all(map(_WHOLE.fullmatch, others))
    )


def has_other_decimals(texts: Collection[str]) -> bool:
    """Whether a number with a mark cannot be one with separated thousands, such as 0.25 or 12.5."""
    return any(("." in each or "," in each) and not _MAY_BE_THOUSANDS.fullmatch(each.strip()) for each in texts)
