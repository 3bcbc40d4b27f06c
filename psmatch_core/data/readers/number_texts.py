"""Texts of numbers: plain ones, and those with separated thousands, decimal commas or signs."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# 1,234.5 and 0,5; 1 234,5 and 1'234.5; 1.234,5
_GROUPED_NUMBER = re.compile(
    r"[+-]?(\d+(,\d+)+(\.\d+)?|\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?|\d{1,3}(\.\d{3})+,\d+)"
)
_SIGNED_NUMBER = re.compile(r"[$€£]\s*[+-]?\d+([.,]\d+)*|[+-]?\d+([.,]\d+)?\s*[%‰$€£]")
LONGEST_NUMBER = 60  # characters: patterns must not search through megabytes


def is_grouped_number(text: str) -> bool:
    """Whether a field holds a number with a decimal comma or separated thousands."""
    return _GROUPED_NUMBER.fullmatch(text.strip()[:LONGEST_NUMBER]) is not None


def is_signed_number(text: str) -> bool:
    """Whether a field holds a number with a per cent or currency sign."""
    return _SIGNED_NUMBER.fullmatch(text.strip()[:LONGEST_NUMBER]) is not None


def is_number(text: str) -> bool:
    """Whether a field holds a number (written with a point)."""
    return _NUMBER.fullmatch(text.strip(" ")) is not None  # other white space is damage that the parser refuses
