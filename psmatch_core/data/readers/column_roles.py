"""What the columns of a table are: features, annotation, or neither; proposed by name and content.

CellProfiler and pycytominer call their annotation ``Metadata_…``; positions and object numbers of CellProfiler, counts
per cell and embeddings of scanpy and Seurat are numbers, but were not measured by the assay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from psmatch_core.data.checks.not_measured import not_measured
from psmatch_core.data.readers.data_spec import FEATURE_ROLE
from psmatch_core.data.readers.number_texts import is_number, read_grouped

if TYPE_CHECKING:
    import pandas as pd

# Texts that programs write for a value that is missing, and for an infinite one.
MISSING_NUMBERS = frozenset(
    {"", "na", "nan", "-nan", "n/a", "#n/a", "null", "none", "<na>", "#div/0!", "#num!", "1.#qnan", "-1.#ind"}
)
# Words by which people mean a missing value, but which may be a slip of the keyboard where they stand only once.
MISSING_WORDS = frozenset(
    {"-", "--", "---", "–", "—", ".", "..", "?", "*", "missing", "missing value", "unknown", "blank", "empty", "nil"}
    | {"nd", "n.d.", "n/d", "not determined", "not available", "not applicable", "not measured", "unavailable"}
    | {"n.a.", "n.a", "undef", "undefined", "void", "(null)", "<null>", "\\n", "<missing>", "#missing"}
)
FEWEST_REPEATS = 2
INFINITE_NUMBERS = frozenset(
    {"∞", "+∞", "-∞", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "1.#inf", "-1.#inf"}
)
_METADATA = re.compile(r"(?i)((image|cells?|cytoplasm|nuclei)[_.])?metadata[_.].*")
# Names of a first column that counts or groups cells instead of naming them.
_GROUPS = re.compile(
    r"(?i)(plate|batch|site|fov|field|image|table|object|donor|replicate|condition|treatment|label|cluster)"
    r"([_. ]?(id|name|number|no|nr|index))?"
)
_CELL_NAMES = re.compile(r"(?i)(cell[_. ]?)?barcodes?|cells?|cell[_. ]?(ids?|names?)|obs_names")
FEWEST_COUNTED = 10  # rows: a measurement of fewer cells may happen to count
_UNITS_ROW = re.compile(r"(?i)[\[(]?units?:?[\])]?")
_UNIT = re.compile(
    r"(?i)[\[(]?(a\.?\s?u\.?|arb\.? ?units?|r?fu|mfi|counts?|umis?|cpm|tpm|reads?|none|n/?a|-|%|pct|(pixels?|px)[²2]?"
    r"|log2?|z-?score|[munpµμ]?(m|g|s|l|mol|M)[²³23]?|[munpµμ]?m\^?[23]|min|hr?s?|days?|[munpµμ]g/m?l|npx|ratio|intensity|unitless)[\])]?"
)
FEWEST_UNITS, UNITS_SHARE = 2, 0.8  # texts of a row of units
REPEATED_SHARE = 0.5  # of the values of a first column are different: more cells share one than have their own


def is_metadata(name: str) -> bool:
    """Whether a column is annotation by the convention of CellProfiler and pycytominer."""
    return _METADATA.fullmatch(name.strip()) is not None


def is_group(name: str) -> bool:
    """Whether a column is called like what groups or counts cells, such as a plate or a field of view."""
    return is_metadata(name) or _GROUPS.fullmatch(name.strip()) is not None


def names_cells(header: str, values: Sequence[str]) -> bool:
    """Whether a first column of texts names the cells, by its header and values ``(n,)``."""
    if is_group(header):
        return False
    return len(values) < 4 or len(set(values)) > REPEATED_SHARE * len(values)


def is_called_cell(name: str) -> bool:
    """Whether a column is called like cell names, such as ``barcode``."""
    return _CELL_NAMES.fullmatch(name.strip()) is not None


def named_cells(names: Sequence[str], columns: Sequence[pd.Series], taken: Collection[str]) -> int | None:
    """The place of the column of texts that is called like cell names, such as ``barcode``, and has one for each cell.

    None if there is none, or several. Columns in ``taken`` are asked for as something else.
    """
    found = [
        at
        for at, (name, column) in enumerate(zip(names, columns, strict=True))
        if is_called_cell(name) and name not in taken and column.dtype == object and column.is_unique
    ]
    found = [at for at in found if all(text and not is_number(text) for text in map(str.strip, map(str, columns[at])))]
    return found[0] if len(found) == 1 else None


def left_out_features(names: Sequence[str], roles: Mapping[str, str]) -> list[str]:
    """The columns of numbers that were not measured, and are not features unless their role says so."""
    return [each for each in not_measured(names) if roles.get(each) != FEATURE_ROLE]


def are_units(name: str, texts: Sequence[str]) -> bool:
    """Whether a row of texts below the column names holds the units of the columns, by its name or its texts."""
    filled = [each.strip() for each in texts if each.strip()]
    if _UNITS_ROW.fullmatch(name.strip()):
        return True
    if len(filled) < FEWEST_UNITS or all(each.lower() in MISSING_WORDS | MISSING_NUMBERS for each in filled):
        return False
    return sum(_UNIT.fullmatch(each) is not None for each in filled) > UNITS_SHARE * len(filled)


def numbers_rows(values: pd.Series) -> bool:
    """Whether numbers ``(n_cells,)`` count the rows: each is the one before plus 1, as in an index that was written."""
    n_rows = len(values)
    if n_rows < FEWEST_COUNTED or values.dtype.kind not in "iuf":
        return False
    first = float(values.iloc[0])
    return first in (0.0, 1.0) and bool((values.to_numpy() == first + np.arange(n_rows)).all())


def is_missing_number(text: str, words: Collection[str] = ()) -> bool:
    """Whether a field of a column of numbers holds no value; ``words`` are those that mean it in this table too."""
    plain = text.strip().lower()
    return plain in MISSING_NUMBERS or plain in words


def repeated_missing_words(columns: Iterable[pd.Series]) -> frozenset[str]:
    """The words of :data:`MISSING_WORDS` that stand at least twice among the numbers of a table's columns of texts.

    Only columns count that hold nothing but numbers, missing values and such words.
    """
    counts: Counter[str] = Counter()
    for column in columns:
        found = Counter(str(each).strip().lower() for each in column)
        words = {each: n for each, n in found.items() if each in MISSING_WORDS}
        others = [each for each in found if each not in words and each not in MISSING_NUMBERS | INFINITE_NUMBERS]
        if words and others and all(is_number(each) for each in others):
            counts.update(words)
    return frozenset(each for each, n in counts.items() if n >= FEWEST_REPEATS)


def as_feature(column: pd.Series, words: Collection[str] = ()) -> pd.Series | None:
    """A column of texts as numbers ``(n_cells,)``, NaN where a value is missing; None if some entry is no number."""
    import pandas as pd

    texts = [str(each).strip() for each in column]
    known = {each: _value(each, words) for each in set(texts)}
    if any(value is None for value in known.values()):
        return None
    return pd.Series([known[each] for each in texts], dtype=float)


def as_grouped_feature(column: pd.Series, words: Collection[str] = ()) -> pd.Series | None:
    """The same for numbers with separated thousands or decimal commas; None too if they can be read in two ways."""
    import pandas as pd

    texts = [str(each).strip() for each in column]
    known = {each: _value(each, words) for each in set(texts)}
    missing = {each: value for each, value in known.items() if value is not None and not np.isfinite(value)}
    found = read_grouped([each for each in known if each not in missing])
    return None if found is None else pd.Series([{**missing, **found}[each] for each in texts], dtype=float)


def _value(text: str, words: Collection[str]) -> float | None:
    if is_missing_number(text, words):
        return float("nan")
    if text.lower() in INFINITE_NUMBERS:
        return float("-inf") if text.startswith("-") else float("inf")
    return float(text) if is_number(text) else None
