"""Labels that look alike: one text for all spellings that print alike or nearly so."""

from __future__ import annotations

import re
import unicodedata

# Letters and marks of other scripts that print like a Latin one. Unicode's compatibility forms (no-break space,
# full-width letters) are folded by NFKC before.
_LATIN_TWIN = str.maketrans(
    "АВЕКМНОРСТХІЈЅаеорсухіјѕ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο" + "‐‑‒–—―−" + "’‘`´" + "“”",
    "ABEKMHOPCTXIJSaeopcyxijs" + "ABEZHIKMNOPTYXo" + "-------" + "''''" + '""',
)
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")
# Spaces and marks between two parts of a name; at the end of a word they mean something, as in CD8-, CD8- T and -1.
PARTING = re.compile(r"(?<=\w)(?!-[\s_])[\s_\-.]+(?=\w)")


def folded(label: str) -> str:
    """The same text for all spellings that look alike."""
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", label)).translate(_LATIN_TWIN)
    text = " ".join(PARTING.sub(" ", plain_number(text)).split()).casefold()
    return unicodedata.normalize("NFC", text)


def plain_number(text: str) -> str:
    """A label such as ``1.0`` as ``1``; other labels, as ``1,000``, stay as they are."""
    return re.sub(r"^\s*\+?(\d+)(?:\.0+|,0{1,2})\s*$", r"\1", text)
