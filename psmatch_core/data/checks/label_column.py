"""Rules on a label column: the text of each label, its number of cells, and whether the column can be used."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from psmatch_core.base.errors import plural, some
from psmatch_core.data.checks.findings import Finding, display, name_list, rejection, warning
from psmatch_core.data.checks.missing_codes import far_label_code
from psmatch_core.data.names.look_alikes import folded

if TYPE_CHECKING:
    import pandas as pd

# Texts that str() makes of a missing value; no condition is called that.
# "-2147483648" is R's missing integer, as it stands in files that R has written.
MISSING_TEXTS = frozenset({"nan", "NaN", "NAN", "<NA>", "NaT", "-2147483648"})
# Texts that often mean missing but may be a condition ("None" added): kept, with a warning.
DOUBTFUL_TEXTS = frozenset(
    {"na", "n/a", "#n/a", "none", "null", "?", "-", "unknown", "unassigned", "unlabeled", "unlabelled", "undetermined"}
    | {"not determined", "not assigned", "n.d.", "nd", "missing", ".", "..", "...", "--", "---", "–", "—", "??"}
)
# With fewer cells than folds, a label is missing from the validation cells of some folds.
FEW_CELLS_OF_LABEL = 5
# More labels than the target list of any perturbation screen we know that has enough cells of each.
MANY_LABELS = 200
# More distinct numbers than this are measurements; doses and cluster numbers have fewer.
MOST_NUMERIC_LABELS = 50
MOST_DECIMAL_LABELS = 20
# If more than this share of the values are unique, the column identifies cells, not groups.
UNIQUE_SHARE = 0.9
# One label with more than this share of the cells: a classifier that always names it looks good.
NEARLY_ALL = 0.9
_MONTH = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec"
_DATE = re.compile(
    r"(?i)\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})([T ].*)?"
    r"|(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])"
    rf"|\d{{1,2}}[- ]({_MONTH})([- ]\d{{2,4}})?|({_MONTH})[- ]\d{{1,2}}"
)
# Columns that count what a cell has, by name and values (5|7 are the UMIs of two guides): no condition of the cell.
_COUNT_NAME = re.compile(
    r"(?i)(n|num|nb|number[_. ]?of)[_. ]?(features?|umis?|guides?|s?grnas?|calls?|reads|counts?|genes?)([_. ].*)?"
)
_COUNT = re.compile(r"\d+([|;,]\d+)*")
_DECIMAL = re.compile(r"[+-]?\d*[.,]\d+([eE][+-]?\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class LabelCounts:
    """The number of cells of each label in a column.

    Parameters
    ----------
    kind
        ``text``, ``whole numbers``, ``numbers like 1.0``, ``decimal numbers``, ``true or false``, ``dates``,
        or ``mixed``.
    counts
        Cells of each label, by its text, most frequent first.
    n_cells
        All cells, with and without a label.
    n_missing
        Cells without a label: no value, an empty text, or the text of a missing value (``nan``).
    n_blank
        Cells among ``n_missing`` whose label is an empty text.
    """

    kind: str
    counts: Mapping[str, int]
    n_cells: int
    n_missing: int
    n_blank: int


def no_label(label_key: str) -> str:
    """Why a cell without a label is left out."""
    return f"no label in column {label_key!r}"


def label_texts(labels: pd.Series | npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """The label of each cell as text ``(n_cells,)``, None if it is missing.

    Numbers get the same text whatever their stored type: 1, 1.0 and '1' become ``1``. Texts stay as they are,
    including spaces.
    """
    codes, distinct = _factors(labels)
    table = np.array([*map(_text, distinct), None], dtype=object)
    return np.asarray(table[codes])  # code −1 is the last entry: missing


def count_labels(labels: pd.Series | npt.NDArray[Any]) -> LabelCounts:
    """Count the labels ``(n_cells,)``."""
    codes, distinct = _factors(labels)
    numbers = np.bincount(codes[codes >= 0], minlength=len(distinct))
    counts: Counter[str] = Counter()
    blank = 0
    for value, number in zip(distinct, numbers, strict=True):
        text = _text(value)
        if text is not None and number:
            counts[text] += int(number)
        if isinstance(value, str) and not value.strip():
            blank += int(number)
    n_cells = len(codes)
    ordered = dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))
    return LabelCounts(_kind(distinct), ordered, n_cells, n_cells - sum(counts.values()), blank)


def check_labels(labels: pd.Series, *, name: str, label_key: str) -> tuple[Finding, ...]:
    """Check the labels ``(n_cells,)`` in column ``label_key`` of the data called ``name``; worst finding first."""
    return check_label_counts(count_labels(labels), name=name, label_key=label_key)


def check_label_counts(counted: LabelCounts, *, name: str, label_key: str) -> tuple[Finding, ...]:
    """The same as :func:`check_labels` for labels that are counted already."""
    where = f"{display(name, 40)}, label column {display(label_key)}"
    unusable = _unusable(counted, where)
    if unusable is not None:
        return (unusable,)
    findings: list[Finding] = []
    without = counted.n_missing - counted.n_blank
    if without:
        problem = f"{where}: {without:,} of {counted.n_cells:,} cells have no label (missing)."
        findings.append(warning("PM-L02", problem, "Choose to drop these cells, or fill in their labels."))
    if counted.n_blank:
        share = f"{counted.n_blank:,} of {counted.n_cells:,} cells"
        problem = f"{where}: {share} have an empty (blank) label and count as cells without a label."
        findings.append(warning("PM-L18", problem, "Choose to drop these cells, or fill in their labels."))
    if counted.kind == "mixed":
        problem = f"{where}: mixed values (numbers and text): {name_list(counted.counts)}."
        findings.append(warning("PM-L26", problem, "Check the column; its numbers are used as text."))
    findings.extend(_of_texts(counted, where))
    few = {label: count for label, count in counted.counts.items() if count < FEW_CELLS_OF_LABEL}
    largest, n_largest = next(iter(counted.counts.items()))  # most frequent first
    labelled = counted.n_cells - counted.n_missing
    if n_largest > NEARLY_ALL * labelled:
        share = f"{n_largest:,} of {labelled:,} cells ({n_largest / labelled:.1%})"
        problem = f"{where}: label {display(largest, 24)} holds nearly all cells: {share}."
        findings.append(
            warning("PM-L16", problem, "Few cells are left to tell the labels apart: load more cells of the others.")
        )
    if len(counted.counts) > MANY_LABELS:
        problem = (
            f"{where}: {len(counted.counts):,} labels for {counted.n_cells:,} cells, so many labels have few cells."
        )
        findings.append(
            warning("PM-L13", problem, "Choose a column with fewer labels, or check that this is the label column.")
        )
    if few:
        shown = some(
            [f"{display(each, 20)} ({plural(few[each], 'cell')})" for each in sorted(few, key=few.__getitem__)], 3
        )
        verb = "has" if len(few) == 1 else "have"
        problem = f"{where}: {plural(len(few), 'label')} {verb} too few cells (under {FEW_CELLS_OF_LABEL}): {shown}."
        findings.append(
            warning("PM-L10", problem, "Merge or drop small labels; a label with 1 cell cannot be validated.")
        )
    return tuple(findings)


def counts_what_a_cell_has(name: str, counted: LabelCounts) -> bool:
    """Whether a column counts features, UMIs or guides of a cell, and so is no label, such as ``num_umis``."""
    return _COUNT_NAME.fullmatch(name) is not None and all(_COUNT.fullmatch(each) for each in counted.counts)


def _unusable(counted: LabelCounts, where: str) -> Finding | None:
    labelled = counted.n_cells - counted.n_missing
    n_labels = len(counted.counts)
    if not n_labels:
        return rejection("PM-L03", f"{where}: no cell has a label (the column is empty).", "Choose another column.")
    if n_labels == 1:
        only = display(next(iter(counted.counts)))
        problem = f"{where}: only one label, {only}; propensity scores need at least two."
        return rejection("PM-L15", problem, "Choose a column that divides the cells into groups.")
    is_decimal = counted.kind == "decimal numbers" or all(_DECIMAL.fullmatch(each.strip()) for each in counted.counts)
    if is_decimal and n_labels > min(MOST_DECIMAL_LABELS, labelled / 3):
        problem = f"{where}: continuous decimal numbers ({n_labels:,} different values), not groups of cells."
        return rejection("PM-L14", problem, "Choose a column of groups, or bin the numbers first.")
    are_numbers = counted.kind in ("whole numbers", "numbers like 1.0") or all(
        _NUMBER.fullmatch(each.strip()) for each in counted.counts
    )
    if are_numbers and n_labels > MOST_NUMERIC_LABELS and n_labels > labelled / 20:
        problem = f"{where}: numeric values ({n_labels:,} different numbers), not groups of cells."
        return rejection("PM-L14", problem, "Choose a column of groups, or bin the numbers first.")
    if n_labels > UNIQUE_SHARE * labelled and n_labels > 2:
        how = "every cell has its own value" if n_labels == labelled else "almost every cell has its own value"
        problem = f"{where}: {how} ({n_labels:,} values, {labelled:,} cells), so it identifies cells, not groups."
        return rejection("PM-L12", problem, "Choose a column in which many cells share a label.")
    return None


def _of_texts(counted: LabelCounts, where: str) -> list[Finding]:
    """Warnings about the texts of the labels."""
    findings: list[Finding] = []
    unprintable = ("Cc", "Cf", "Zl", "Zp")
    controls = [label for label in counted.counts if any(unicodedata.category(each) in unprintable for each in label)]
    if controls:
        shown = f"{plural(len(controls), 'label')} with a line break, tab, invisible or other control character"
        problem = f"{where}: {shown}: {name_list(controls, 2)}."
        findings.append(warning("PM-L22", problem, "Rename these labels; they would break rows of exported tables."))
    doubtful = [label for label in counted.counts if label.strip().lower() in DOUBTFUL_TEXTS]
    doubtful += [each for each in [far_label_code(counted.counts)] if each]
    if doubtful:
        cells = plural(sum(counted.counts[each] for each in doubtful), "cell")
        problem = f"{where}: {cells} labelled {name_list(doubtful)}, which often means missing; kept as a label."
        findings.append(warning("PM-L19", problem, "If these cells have no known label, leave their entries empty."))
    dates = [label for label in counted.counts if _DATE.fullmatch(label.strip()[:40])]
    if counted.kind == "dates" or len(dates) > len(counted.counts) / 2:
        problem = f"{where}: labels look like dates: {name_list(dates or counted.counts, 2)}."
        findings.append(
            warning("PM-L21", problem, "Check that this column holds the condition, not the day of the experiment.")
        )
    elif dates:
        problem = f"{where}: {len(dates):,} of {len(counted.counts):,} labels look like dates: {name_list(dates, 3)}."
        hint = "A spreadsheet turns genes such as MARCH1 and SEPT7 into dates; restore their names."
        findings.append(warning("PM-L21", problem, hint))
    spellings: dict[str, list[str]] = {}
    for label in counted.counts:
        spellings.setdefault(folded(label), []).append(label)
    alike = [labels for labels in spellings.values() if len(labels) > 1]
    if alike:
        shown = " / ".join(repr(display(each, 24)) for each in alike[0][:2])
        problem = f"{where}: {plural(len(alike), 'label')} spelled in several ways (spaces, case, characters): {shown}."
        findings.append(
            warning(
                "PM-L05", problem, "Use one spelling for each label; different spellings count as different labels."
            )
        )
    return findings


def _factors(labels: Any) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Codes ``(n_cells,)``, −1 for missing, and the distinct values they stand for."""
    import pandas as pd  # takes a third of a second: only where labels are read

    is_extension = isinstance(getattr(labels, "dtype", None), pd.api.extensions.ExtensionDtype)
    values = getattr(labels, "array", labels) if is_extension else np.asarray(labels)
    if isinstance(values, pd.Categorical):
        return np.asarray(values.codes, dtype=np.int64), list(values.categories)
    if values.dtype == np.dtype(object):
        # A hash table takes True, 1 and 1.0 for the same key: a mixed column must not lose one of them.
        keys: dict[Any, int] = {}
        distinct: list[Any] = []
        codes = np.empty(len(values), dtype=np.int64)
        for i, value in enumerate(values):
            key = (type(value), value)
            code = keys.get(key)
            if code is None:
                code = -1 if pd.api.types.is_scalar(value) and pd.isna(value) else len(distinct)
                if code >= 0:
                    distinct.append(value)
                keys[key] = code
            codes[i] = code
        return codes, distinct
    codes, uniques = pd.factorize(values)
    return np.asarray(codes, dtype=np.int64), list(uniques)


def _text(value: Any) -> str | None:
    """The text of one stored label, None if it means missing."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if np.isnan(number):
            return None
        value = int(number) if number.is_integer() and abs(number) < 1e15 else value
    if isinstance(value, (np.bool_, bool)):
        return str(bool(value))
    text = str(value)
    return None if not text.strip() or text.strip() in MISSING_TEXTS else text


def _kind(distinct: list[Any]) -> str:
    """How the distinct values are stored, in the terms of :class:`LabelCounts`."""
    kinds = {_kind_of(each) for each in distinct if _text(each) is not None}
    if kinds == {"text"}:
        numbers = sum(_NUMBER.fullmatch(str(each).strip()) is not None for each in distinct)
        return "mixed" if 0.2 <= numbers / len(distinct) <= 0.8 else "text"
    if kinds == {"decimal numbers", "numbers like 1.0"}:
        return "decimal numbers"
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else "text"


def _kind_of(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true or false"
    if isinstance(value, (int, np.integer)):
        return "whole numbers"
    if isinstance(value, (float, np.floating)):
        return "numbers like 1.0" if float(value).is_integer() else "decimal numbers"
    return "dates" if hasattr(value, "year") else "text"
