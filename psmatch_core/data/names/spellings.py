"""Spellings: one text for all ways to write a name that differ by more than print, as ``SB 203580`` and ``SB203580``.

Look-alikes (:mod:`psmatch_core.data.names.look_alikes`) differ by case, spaces and marks alone. These differ by marks
that one side leaves out, Greek letters, zeros of a number, the word *cells*, days, or the identifier of a gene.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from psmatch_core.data.names.look_alikes import folded
from psmatch_core.data.names.screen_names import GENE_ID

LONGEST = 120  # characters; a longer text is no name of a condition
_GREEK = {
    "alpha": "a", "beta": "b", "gamma": "g", "delta": "d", "epsilon": "e", "zeta": "z", "kappa": "k", "lambda": "l",
    "omega": "w", "α": "a", "β": "b", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "κ": "k", "λ": "l", "ω": "w",
}  # fmt: skip
_GREEK_WORD = re.compile(rf"({'|'.join(_GREEK)})(?![a-z])")
_BARE_ID = rf"(?i:{GENE_ID})"
_GENE_ID = rf"{_BARE_ID}(?:[. ]\d+)?"  # with the version, whose point a look-alike has lost
# A gene and its identifier: TP53|ENSG00000141510, TP53 (ENSG00000141510), ENSG00000141510_TP53.
_WITH_GENE_ID = re.compile(
    rf"(?P<gene>.*[^\s|_,;:/(\[])[\s|_,;:/(\[]+{_GENE_ID}[)\]]?|{_GENE_ID}[\s|_,;:/]+(?P<after>.*[^\W\d].*)"
)
_VERSION = re.compile(rf"({_BARE_ID})[. ]\d+")
_CELLS = re.compile(r"(?<=\w)\W*\bcells?\b|\bcells?\b\W*(?=\w)")
_DAY = re.compile(r"\b(?:days?|d) ?(\d+)\b|\b(\d+) ?(?:days?|d)\b")
_ZEROS_BEFORE = re.compile(r"(?<![\d.,])0+(?=\d)")
_ZEROS_AFTER = re.compile(r"(?<![\d.,])(\d+)(?:\.0+|,0{1,2})(?![\d.,])")  # 1,000 is a thousand
# Between two digits a mark parts two numbers: TP5_31 is not TP53_1.
_MARK = re.compile(r"(?<=[^\W\d_])[\s_\-.]+(?=[^\W_])|(?<=\d)[\s_\-.]+(?=[^\W\d_])")
# What programs leave around a text: b'TP53' of Python, ['TP53'] of a list, "TP53" of a table.
_WRAPPED = re.compile(r"""[bu]?(["'])(?P<text>[^"']+)\1|[\[({]\s*(?P<inner>[^][(){}]+?)\s*,?\s*[\])}]""")
_MADE_NAME = re.compile(r"^x(?=\d)")  # R puts an X before a name that begins with a digit
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(0),(\d+)(?![\d.,])|(?<![\d.,])(\d+),(\d{1,2})(?![\d.,])")
_PLURAL = re.compile(r"(?<=cyte|last|hage|treg|uron|itor|rsor|elet|phil)s\b|(?<=dc)s\b")  # monocytes, DCs
_BEFORE_SIGN = re.compile(r"(?<=\d) +(?=[%‰])")
_PLUS = re.compile(r"(?<=\w)\+(?=\s|$)")
# Genes that mouse and human call differently by more than case.
_OF_MOUSE = re.compile(r"(?i)(?<![a-z0-9])(?:(si|sg|sh)?trp(?=[567]3(?![0-9]))|zfp(?=\d\d)|(cd8b)1(?![0-9]))")
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})
_TOKEN = re.compile(r"[\s_|,+;/:&×]+")
_EMPTY = {"", "and", "plus"}  # between the parts of a name


def spelling(label: str) -> str:
    """The same text for all spellings of a name, so that different names have different ones."""
    label = _ZEROS_AFTER.sub(r"\1", label)
    if len(label) > LONGEST:
        return folded(label)
    text = folded(_DECIMAL_COMMA.sub(lambda found: f"{found[1] or found[3]}.{found[2] or found[4]}", unwrapped(label)))
    text = _MADE_NAME.sub("", _PLUS.sub("", text)) if not text.isdigit() else text
    named = _WITH_GENE_ID.fullmatch(text)
    text = (named["gene"] or named["after"]) if named else _VERSION.sub(r"\1", text)
    text = _GREEK_WORD.sub(lambda found: _GREEK[found[0]], text)
    text = _PLURAL.sub("", _CELLS.sub("", text))
    text = _DAY.sub(lambda found: f"{found[1] or found[2]}d", _ZEROS_BEFORE.sub("", text))
    return _MARK.sub("", _BEFORE_SIGN.sub("", text)).strip()


def same_spellings(source: Mapping[str, int], target: Mapping[str, int]) -> dict[str, str]:
    """Labels of the target to those of the source that are the same name in another spelling, or in another order.

    Only where one label of each side has the spelling: two of one side differ by something that counts. Labels of both
    sides and look-alikes stay as they are.

    Parameters
    ----------
    source, target
        Cells of each label [cells].
    """
    sides = (set(source) - set(target), set(target) - set(source))
    found: dict[str, str] = {}
    keys: list[Callable[[str], str]] = [spelling, _in_any_order, lambda label: spelling(human_name(label))]
    if all(len(side) == 2 and all(map(_truth, side)) for side in (source, target)):
        keys.append(_truth)
    for key in keys:
        known = [_alone(side, key) for side in sides]
        for text, label in known[1].items():
            twin = known[0].get(text)
            if twin is not None and label not in found and folded(twin) != folded(label):
                found[label] = twin
    return found


def human_name(label: str) -> str:
    """A name with the human name of a gene that the mouse calls otherwise: ``TP53 KO`` for ``Trp53 KO``."""
    if len(label) > LONGEST:
        return label
    return _OF_MOUSE.sub(
        lambda found: (found[1] or "") + ("CD8B" if found[2] else "ZNF" if found[0][0] in "zZ" else "TP"), label
    )


def _truth(label: str) -> str:
    """``true`` or ``false`` for a label that says one of them in any way; empty for others."""
    plain = label.strip().lower()
    return "true" if plain in _TRUE else "false" if plain in _FALSE else ""


def unwrapped(label: str) -> str:
    """A label without the marks that a program left around it, as in ``b'TP53'`` and ``['TP53']``."""
    for _ in range(3):
        found = _WRAPPED.fullmatch(label.strip())
        if found is None:
            break
        label = found["text"] or found["inner"]
    return label


def _alone(labels: set[str], key: Callable[[str], str]) -> dict[str, str]:
    """The labels that no other of their side is spelled like, by spelling."""
    texts: dict[str, list[str]] = {}
    for label in sorted(labels):
        texts.setdefault(key(label), []).append(label)
    return {text: each[0] for text, each in texts.items() if text and len(each) == 1}


def _in_any_order(label: str) -> str:
    """The spelling of the parts of a name in one order, as for ``ctrl_D1`` and ``D1_ctrl``."""
    parts = sorted(spelling(part) for part in _TOKEN.split(unwrapped(label).strip()) if part.lower() not in _EMPTY)
    return "|".join(parts) if len(parts) > 1 else ""
