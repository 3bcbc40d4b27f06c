"""Names of several modalities: what they may be, and the names of files that are made of them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable

from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.checks import display

# A name becomes part of file names, of columns and of groups in an HDF5 file, on any system. Two names of 30 letters
# with three bytes each, and the name of a file that is being written, stay below the 255 bytes of common disks.
MOST_LETTERS = 30
SEVERAL_FILE = "modalities.json"  # of a folder of several matched modalities; written last: one that has it is whole
NAME_RULE = f"A name has 1 to {MOST_LETTERS} letters, digits, spaces and _ - + . between letters or digits"
_NAME = re.compile(r"\w(?:[\w .+-]*[\w+])?")
_WIDEST = 0xFFFF  # letters beyond take four bytes


def check_modality_names(names: Iterable[str]) -> None:
    """Refuse names that cannot be those of files and columns, before anything is read.

    Raises
    ------
    PsmatchError
        For a name against the rule, and for names that would give two files the same name on a system that does not
        distinguish capital and small letters.
    """
    names = tuple(names)
    for name in names:
        if len(name) > MOST_LETTERS or not _NAME.fullmatch(name) or any(ord(each) > _WIDEST for each in name):
            raise PsmatchError(
                f"{display(name, 40)!r} ({plural(len(name), 'character')}) cannot be the name of a modality: it "
                "becomes part of names of files and columns.",
                hint=f"{NAME_RULE}, such as rna or gene-activity.",
            )
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(_as_on_disk(name), name)
        if twin != name or names.count(name) > 1:
            raise PsmatchError(
                f"Two modalities are called {twin!r} and {name!r}, and some systems take these names for the same.",
                hint="Give each a name that differs by more than capital and small letters.",
            )
    files: dict[str, tuple[str, str]] = {}
    for pair in itertools.combinations(names, 2):
        file = coupling_file(*pair)
        other = files.setdefault(_as_on_disk(file), pair)
        if other != pair:
            raise PsmatchError(
                f"Couplings of {' and '.join(other)} and of {' and '.join(pair)} would both be the file "
                f"{display(file, 60)}.",
                hint=f"Rename one of {some(dict.fromkeys([*other, *pair]), 4)}, for example without _.",
            )


def coupling_file(one: str, other: str) -> str:
    """The file with the coupling of two modalities."""
    return f"coupling_{one}_{other}.h5ad"


def pairs_file(reference: str, other: str) -> str:
    """The file with the pairs of the reference and another modality."""
    return f"pairs_{reference}_{other}.csv"


def _as_on_disk(name: str) -> str:
    """What a system that ignores case and ways of writing accents takes a name for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
