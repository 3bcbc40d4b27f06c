"""Text from files made safe to show, and numbers, sizes and times in readable form."""

from __future__ import annotations

import math
import re
import time

from psmatch_core.base.progress import duration as duration
from psmatch_core.data.checks import display

# Markdown, Streamlit's colour and icon directives, formulas: escaping every ASCII punctuation mark disables them all.
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
# Links and emoji are recognised after unescaping, where a backslash no longer helps; a zero-width character does.
_JOINER = "\u2060"
_ACTIVE = re.compile(r"(?i)(?<=:)(?=[^\s])|(?<=www)(?=\.)|(?<=\w)(?=@)|(?<=@)(?=\w)")


def plain(text: object, limit: int = 2000) -> str:
    """``text`` as plain text for anything that reads markdown: no tags, links, images, formulas or colours."""
    safe = display(" ".join(str(text).split()), limit)
    return _MARKS.sub(r"\\\1", _ACTIVE.sub(_JOINER, safe))


def number(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; ``–`` for NaN and infinity."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{places}f}"
    return f"{value:.{digits - 1}e}"


def decimals_of(low: float, high: float) -> int:
    """Decimals that a number carries whose interval is ``low`` to ``high``: those of half its width, to one digit."""
    half = (high - low) / 2
    return max(0, -math.floor(math.log10(half))) if math.isfinite(half) and half > 0 else 3


def count(value: int, noun: str, nouns: str = "") -> str:
    """``1 cell``, ``4,180 cells``."""
    return f"{value:,} {noun if value == 1 else nouns or noun + 's'}"


def size(n_bytes: float) -> str:
    """A size in kB, MB or GB."""
    for unit, scale in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f} {unit}"
    return f"{n_bytes:.0f} bytes"


def when(stamp: float) -> str:
    """A date and time by the server's clock."""
    return time.strftime("%d %b %Y, %H:%M", time.localtime(stamp)) if stamp else "–"
