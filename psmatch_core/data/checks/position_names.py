"""Names of cells that say where a cell lies and its number there: ``P1_A01_1_000``, ``r01c02f03p01-7``, ``fov3_obj12``.

They count objects as they were found in a picture or a table, so that the same name in another file need not be the
same cell, however few of the possible names are in use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from psmatch_core.data.names.core_names import NAME_PARTS, common_parts

FEW_VALUES = 3  # a part of the name that has this many cells for each of its values names a group, not a cell
_WELL = re.compile(
    r"(?:[A-P]|A[A-F])(?:0?[1-9]|[1-3]\d|4[0-8])|r\d{1,2}c\d{1,2}(?:(?:f|p|ch|sk|fk|fl|k|z)\d{1,3})*", re.I
)
_COUNTER = re.compile(r"([^\W\d]*?)(\d{1,7})[^\W\d]{0,4}")
_SLIDE = re.compile(r"c(_\d+){3}")  # CosMx: slide, field of view, cell
_BARE_DIGITS = 4  # without a word, a longer number may be an identifier
# What programs call a place or what is counted there.
_PLACES = {
    *("plate", "well", "site", "field", "fov", "tile", "image", "img", "pos", "position", "series", "scene", "frame"),
    *("roi", "crop", "obj", "object", "objects", "nucleus", "nuclei", "nuc", "cell", "cells", "row", "col"),
    *("imagenumber", "objectnumber", "cellid"),
}
# In combinatorial indexing wells and numbers are barcodes: together they do name a cell.
_INDICES = {
    *("rt", "lig", "ligation", "bc", "barcode", "round", "rd", "idx", "index", "indexed", "pcr", "tn5", "hairpin"),
}


def are_positions(names: Sequence[str]) -> bool:
    """Whether names give one well or one place, and the number of the cell there."""
    parts = [NAME_PARTS.split(name) for name in names]
    if len(parts) < 2:
        return False
    if all(map(_SLIDE.fullmatch, names)):
        return True
    words = {re.sub(r"\d+", "", part).lower() for name in parts[:2] for part in name}
    words |= {part.lower() for name in parts[:2] for part in name}
    if words & _INDICES:
        return False
    if len({*map(len, parts)}) > 1:
        common = common_parts(parts)
        parts = [[part for part in name if part not in common] for name in parts]
    has_place, n_wells, digits = False, 0, []
    for place in range(max(map(len, parts))):
        values = [name[place] if place < len(name) else "" for name in parts]
        if all(map(_WELL.fullmatch, values)):
            has_place = True
            n_wells += len({value[0].lower() for value in values}) > 1  # P1 and f2 are a plate and a field
            continue
        found = [_COUNTER.fullmatch(value) for value in values]
        if all(found) and _are_few({each[1] for each in found if each}, values):
            digits.append(max(len(each[2].lstrip("0")) for each in found if each))
        elif not _are_few(set(values), values):
            return False
    if n_wells > 1 or not digits:
        return False
    return bool(words & _PLACES) or (has_place and max(digits) <= _BARE_DIGITS)


def _are_few(distinct: set[str], values: Sequence[str]) -> bool:
    return len(distinct) * FEW_VALUES <= max(len(values), FEW_VALUES)
