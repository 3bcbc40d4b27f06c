"""Names of cells without what their files add: a sample before the barcode, a number behind it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

NAME_PARTS = re.compile(r"[\W_]+")  # between the parts of a name
_VELOCYTO = re.compile(r"([ACGT]{10,})x$")
_BARCODE = re.compile(r"(?<![A-Za-z])[ACGT]{10,}(?=x?(?![A-Za-z]))")
_HALF = 0.5  # of the smaller file, as for whole names


def core_names(source: Sequence[str], target: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names without the parts that all names of one file have and no name of the other, ``(n_cells,)`` each.

    Parts are separated by anything but letters and digits: ``rna_AAAC-1`` beside ``AAAC-2`` becomes ``AAAC``, and so
    does the other. The x that velocyto puts behind a barcode is none of its letters. Where several samples have their
    own ending, as ``AAAC-1_2`` beside ``S2_AAAC``, names are their barcodes, if at least half are equal by these alone.
    """
    barcodes = [[found[0] if (found := _BARCODE.search(name)) else "" for name in names] for names in (source, target)]
    parts = [[NAME_PARTS.split(_VELOCYTO.sub(r"\1", name)) for name in names] for names in (source, target)]
    known = [set().union(*names) if names else set() for names in parts]
    cores = []
    for mine, others in zip(parts, reversed(known), strict=True):
        dropped = common_parts(mine) - others
        kept = [[part for part in name if part not in dropped] for name in mine]
        cores.append(["_".join(each or name) for each, name in zip(kept, mine, strict=True)])
    if all(map(all, barcodes)) and _share(*cores) < _HALF <= _share(*barcodes):
        return barcodes[0], barcodes[1]
    return cores[0], cores[1]


def _share(one: Sequence[str], other: Sequence[str]) -> float:
    """How much of the smaller file has names that are equal, each once in both files."""
    once = [{key for key, times in Counter(side).items() if times == 1} for side in (one, other)]
    return len(once[0] & once[1]) / max(1, min(len(one), len(other)))


def common_parts(parts: Sequence[Sequence[str]]) -> set[str]:
    """The parts that all names have; none if there is only one name."""
    return set(parts[0]).intersection(*parts[1:]) if len(parts) > 1 else set()
