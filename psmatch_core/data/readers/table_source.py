"""A table of cells in memory: which columns are features, which annotation, and which names the cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from psmatch_core.base.arrays import row_chunks
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.checks.not_measured import FEWEST_MEASURED, counter_finding, unmeasured_finding
from psmatch_core.data.names.doses import without_unit
from psmatch_core.data.readers.base import MatrixHeader, Opening, Source
from psmatch_core.data.readers.column_findings import annotation_by_name, annotation_by_sign, read_as, with_sign
from psmatch_core.data.readers.column_roles import (
    MISSING_WORDS,
    are_units,
    as_feature,
    as_grouped_feature,
    is_group,
    is_metadata,
    is_missing_number,
    left_out_features,
    named_cells,
    numbers_rows,
    repeated_missing_words,
)
from psmatch_core.data.readers.data_spec import FEATURE_ROLE, NAME_ROLE
from psmatch_core.data.readers.delimited_rows import as_numbers, free_name, marked_numbers, repeated_column
from psmatch_core.data.readers.number_texts import (
    is_grouped_number,
    is_number,
    is_padded_number,
    is_signed_number,
    parts_thousands,
)

if TYPE_CHECKING:
    import pandas as pd

# A text column with at least this share of numbers is meant as a feature.
NUMERIC_SHARE = 0.5
NAMED_CODE = "PM-C10"
NO_FEATURES_CODE = "PM-M16"
FEWEST_CELLS, MOST_TEXT_ROWS = 4, 10  # of a table with cells in columns: columns, and rows of annotation
_LIST = re.compile(r"\s*\[.*", re.DOTALL)
NO_FEATURES = "Load the table of measurements; labels can come from a second file."
MOST_NUMERIC_GROUPS = 50  # decimal numbers: doses, not measurements
# Columns with these names hold annotations even if they hold numbers.
_ANNOTATIONS = re.compile(
    r"(?i)labels?|(.*[_ .])?(cell[_ .]?types?|clusters?|leiden|louvain|conditions?|perturbations?|treatments?|targets?"
    r"|batch|donor|sample|replicate|guide|grna|pair[_ .]?id|pair|plate|well|group|doses?|conc(entration)?"
    r"|time|time[_ .]?points?|hours?|hrs?|days?)"
)
_PER_WELL = re.compile(r"(?i).*[\W_]per[\W_]+\w+")  # Nuclei - Area - Mean per Well is measured


class TableSource(Source):
    """A table with cells in rows, in memory.

    Parameters
    ----------
    names, columns
        Names of the columns, and their values ``(n_cells,)`` as numbers or text.
    has_names
        Whether the first column names the cells.
    """

    def __init__(
        self, opening: Opening, names: Sequence[str], columns: Sequence[pd.Series], *, has_names: bool
    ) -> None:
        super().__init__(opening)
        n_cells = len(columns[0])
        at_names = next((i for i, name in enumerate(names) if opening.roles.get(name) == NAME_ROLE), None)
        if at_names is None and has_names and opening.roles.get(names[0]) is None:
            at_names = 0
        taken = {*opening.roles, *opening.text_columns}
        if at_names is None and (at_names := named_cells(names, columns, taken)) is not None:
            problem = f"{self.shown}: column {display(names[at_names])} names the cells."
            self.findings.append(warning(NAMED_CODE, problem, "Give it another role (roles) if it does not."))
        self._obs_names = (
            [f"cell_{i + 1}" for i in range(n_cells)] if at_names is None else [str(each) for each in columns[at_names]]
        )
        self._columns: dict[str, Any] = {}
        features: list[int] = []
        values: dict[int, pd.Series] = {}
        empty: list[str] = []
        texts = (column for i, column in enumerate(columns) if column.dtype == object and i != at_names)
        words = repeated_missing_words(texts)
        unsure: Counter[str] = Counter()  # words that were read as missing values, by column
        by_name: list[str] = []
        signed: dict[str, str] = {}
        grouping: dict[str, tuple[str, float]] = {}
        for i, (name, column) in enumerate(zip(names, columns, strict=True)):
            if i == at_names:
                continue
            try:
                feature = _feature(
                    name,
                    column,
                    opening,
                    self._obs_names,
                    words=words,
                    by_name=by_name,
                    signed=signed,
                    grouping=grouping,
                )
            except PsmatchError:
                _refuse_row_of_labels(columns[i:], names[i:], self._obs_names, self.shown)
                raise
            if feature is not None and words and column.dtype == object:
                unsure[name] = sum(str(each).strip().lower() in words for each in column)
            if feature is not None and feature.isna().all() and opening.roles.get(name) != FEATURE_ROLE:
                empty.append(name)
                continue
            if feature is None:
                self._annotate(name, column)
            else:
                features.append(i)
                values[i] = feature
        if by_name:
            self.findings.append(annotation_by_name(self.shown, by_name))
        if grouping:
            self.findings.append(read_as(self.shown, grouping))
        if signed:
            self.findings.append(annotation_by_sign(self.shown, signed))
        unmeasured = set(left_out_features([names[i] for i in features], opening.roles))
        for i in [each for each in features if names[each] in unmeasured]:
            features.remove(i)
            self._annotate(names[i], columns[i])
        if unmeasured:
            self.findings.append(unmeasured_finding(self.shown, sorted(unmeasured), are_left_out=True))
        counters = [i for i in features if opening.roles.get(names[i]) != FEATURE_ROLE and numbers_rows(values[i])]
        counters = counters if len(features) - len(counters) >= FEWEST_MEASURED else []
        for i in counters:
            features.remove(i)
            self._annotate(names[i], columns[i])
        if counters:
            self.findings.append(counter_finding(self.shown, [names[i] for i in counters]))
        if +unsure:
            said = some([f"{display(name, 40)} ({n:,})" for name, n in (+unsure).most_common()], 4)
            problem = f"{self.shown}: {name_list(sorted(words))} among numbers read as missing values: {said}."
            self.findings.append(warning("PM-C08", problem, "If it means something else, replace it by a number."))
        if empty:
            problem = f"{self.shown}: {plural(len(empty), 'column')} without any value left out: {name_list(empty, 6)}."
            self.findings.append(warning("PM-C07", problem, "Export the table again if they should hold values."))
        self._var_names = [names[i] for i in features]
        if not features:
            problem, hint = f"{self.shown} has no features: no column after the cell names holds numbers.", NO_FEATURES
            if signed:
                problem = f"{problem.removesuffix('.')} without a sign; {with_sign(signed)}."
                hint = "Export plain numbers: 12.5, not 12.5%."
            elif truths := [name for name, column in self._columns.items() if column.dtype.kind == "b"]:
                problem = f"{problem.removesuffix('.')}; {name_list(truths, 3)} hold True and False."
                hint = "Write 1 and 0 in these columns, or give them the role feature (roles)."
            if lists := [name for name, column in self._columns.items() if _holds_lists(column)]:
                problem = f"{self.shown} has no features: column {display(lists[0])} holds lists as text."
                hint = "Write one column for each number, or save the table as parquet with the lists as lists."
            raise PsmatchError(problem, hint=hint, code=NO_FEATURES_CODE)
        import pandas as pd

        # whole numbers too long for 64 bits are objects
        kept = [values[i].astype(float) if values[i].dtype == object else values[i] for i in features]
        self._X = pd.concat(kept, axis=1).to_numpy()

    def without_doubts_about_names(self, findings: Sequence[Finding]) -> list[Finding]:
        """The findings on the layout, without the one on missing cell names where another column holds them."""
        has_found = any(each.code == NAMED_CODE for each in self.findings)
        return [each for each in findings if not (has_found and each.code == "PM-F29")]

    def _annotate(self, name: str, column: pd.Series) -> None:
        free = free_name(name, self._columns)
        if free != name:
            self.findings.append(repeated_column(self.shown, name, free))
        self._columns[free] = column

    @property
    def obs_names(self) -> list[str]:
        return self._obs_names

    @property
    def headers(self) -> tuple[MatrixHeader, ...]:
        return (MatrixHeader("X", self._X.shape, self._X.dtype, False),)

    def var_names(self, key: str) -> list[str]:
        return self._var_names

    def rows(self, key: str, limit: int) -> Iterator[Any]:
        for start, stop in row_chunks(self._X.shape[0], self._X.shape[1], limit):
            yield self._X[start:stop]

    def whole(self, key: str) -> Any:
        return self._X

    def close(self) -> None:
        """Nothing to do: the table was read as a whole."""

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def column(self, name: str) -> pd.Series:
        return as_numbers(self._columns[name])


def _feature(
    name: str,
    column: pd.Series,
    opening: Opening,
    cells: list[str],
    *,
    words: Collection[str],
    by_name: list[str],
    signed: dict[str, str],
    grouping: dict[str, tuple[str, float]],
) -> pd.Series | None:
    """The numbers of a feature; None for annotation.

    Annotation is added to ``by_name`` where its name alone made it so, and to ``signed``, with an example, where it
    holds numbers with a sign; features with separated thousands are added to ``grouping``. A feature with entries other
    than numbers is refused.
    """
    role = opening.roles.get(name)
    if role != FEATURE_ROLE and (role is not None or name in opening.text_columns or is_metadata(name)):
        return None
    names = (name.strip(), without_unit(name)[0])  # dose_nM is a dose
    is_called_so = any(map(_ANNOTATIONS.fullmatch, names)) and not _PER_WELL.fullmatch(name.strip())
    is_annotation = role != FEATURE_ROLE and (is_called_so or is_group(name))
    if column.dtype != object:
        if column.dtype.kind == "b":
            return column.astype("uint8") if role == FEATURE_ROLE else None
        is_grouping = column.dtype.kind in "iu" or column.nunique() <= MOST_NUMERIC_GROUPS
        if column.dtype.kind in "iuf" and is_annotation and is_grouping:
            by_name.append(name)
            return None
        return column if column.dtype.kind in "iuf" else None
    texts = [str(each) for each in column]
    is_numeric = [is_number(each) for each in texts]
    if all(is_numeric):
        if not is_annotation and parts_thousands(texts):
            raise marked_numbers(
                f"{opening.shown}: column {display(name)}", next(each for each in texts if "." in each)
            )
        numbers = column.astype(float)
        if is_annotation and (bool((numbers % 1 == 0).all()) or column.nunique() <= MOST_NUMERIC_GROUPS):
            by_name.append(name)
            return None
        return numbers
    if is_annotation:
        return None
    found = as_feature(column, words)
    if found is not None and (role == FEATURE_ROLE or _is_mostly_numbers(is_numeric, texts, words)):
        return found
    grouped = [each for each in texts if is_grouped_number(each) or is_padded_number(each)]
    if grouped and len(grouped) + sum(is_numeric) >= NUMERIC_SHARE * len(column):
        if (found := as_grouped_feature(column, words)) is not None:
            grouping[name] = (max(grouped, key=len), found.iloc[texts.index(max(grouped, key=len))])
            return found
        raise marked_numbers(f"{opening.shown}: column {display(name)}", grouped[0])
    if sum(is_numeric) < NUMERIC_SHARE * len(column) and role != FEATURE_ROLE:
        with_sign = [each for each in texts if is_signed_number(each)]
        if len(with_sign) >= NUMERIC_SHARE * len(column):
            signed[name] = with_sign[0]
        return None
    raise _no_numbers(name, texts, opening.shown, cells, words)


def _holds_lists(column: pd.Series) -> bool:
    """Whether the texts of a column are lists, such as ``[0.1, 2]``."""
    return column.dtype == object and all(_LIST.fullmatch(str(each)) for each in column)


def _refuse_row_of_labels(columns: Sequence[pd.Series], names: Sequence[str], cells: list[str], shown: str) -> None:
    """Refuse a table with cells in its columns if one of its rows has a text, such as a label, in most of them.

    Raises
    ------
    PsmatchError
        If there is such a row.
    """
    wrong: Counter[int] = Counter()
    for column in columns:
        if column.dtype == object:
            wrong.update(at for at, each in enumerate(column) if str(each).strip() and not is_number(str(each)))
    row, n_columns = max(wrong.items(), key=lambda each: each[1], default=(0, 0))
    if n_columns <= NUMERIC_SHARE * len(columns):
        return
    example = name_list([str(column.iloc[row]) for column in columns[:2]], 2)
    if all(str(column.iloc[row]).strip() == name for column, name in zip(columns, names, strict=True)):
        problem = f"{shown}: the line of column names stands again in row {row + 1:,} of the table ({example})."
        raise PsmatchError(problem, hint="Delete that line; tables were put below each other.", code="PM-F82")
    if row == 0 and are_units(cells[0], [str(column.iloc[0]) for column in columns if column.dtype == object]):
        problem = f"{shown}: the line below the column names holds no values but units ({example})."
        raise PsmatchError(problem, hint="Delete that line.", code="PM-F74")
    if len(columns) < FEWEST_CELLS or len(wrong) > MOST_TEXT_ROWS:
        return
    raise PsmatchError(
        f"{shown} has its cells in columns ({name_list(list(names), 2)}): row {display(cells[row])} holds a text for "
        f"each ({example}).",
        hint="Transpose the table, so that each row is a cell and the labels are a column.",
        code="PM-F23",
    )


def _no_numbers(name: str, texts: list[str], shown: str, cells: list[str], words: Collection[str]) -> PsmatchError:
    """The error of a column of numbers with other entries, which are named."""
    wrong = [at for at, each in enumerate(texts) if not is_number(each) and not is_missing_number(each, words)]
    others = list(dict.fromkeys(texts[at].strip() for at in wrong))
    also = f", also {name_list(others[1:], 3)}" if len(others) > 1 else ""
    first = texts[wrong[0]]
    is_missing = first.strip().lower() in MISSING_WORDS
    return PsmatchError(
        f"{shown}: column {display(name)}, cell {display(cells[wrong[0]])}: the text {display(first, 20)} "
        f"is not a number ({plural(len(wrong), 'such entry', 'such entries')} in this column{also}).",
        hint="If it means a missing value, leave the field empty."
        if is_missing
        else "Replace error codes by numbers or empty fields, drop these rows, or give the column the role annotation "
        "(roles).",
        code="PM-F26",
    )


def _is_mostly_numbers(is_numeric: list[bool], texts: list[str], words: Collection[str]) -> bool:
    """Whether a column is meant as numbers: most of its values are, or it holds no value at all."""
    n_missing = sum(is_missing_number(each, words) for each in texts)
    if n_missing == len(texts):
        return True
    return sum(is_numeric) >= NUMERIC_SHARE * (len(texts) - n_missing)
