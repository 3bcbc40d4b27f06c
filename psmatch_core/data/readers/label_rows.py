"""Which row of a table of labels belongs to which cell: by name, by what is equal of the names, or by a column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, display, label_texts, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.names.core_names import core_names
from psmatch_core.data.readers.base import Source
from psmatch_core.data.readers.wells import is_nearly_drawn, keys_by_plate, plates_among, well_texts, wells_among

if TYPE_CHECKING:
    import pandas as pd

JOINED_CODE = "PM-L36"
JOINED_SHARE = 0.5  # share of the cells that a join found by its values must reach
FEWEST_OF_WELLS = 0.2  # a table of one plate of several
FEWEST_GROUPS = 3  # values by which a table of wells is recognised
_METADATA = "metadata_"


@dataclass(frozen=True)
class LabelRows:
    """How a table is joined with the cells of a file.

    Parameters
    ----------
    column
        The column of the table that names cells or groups of cells.
    keys
        What it is compared with: the text of each cell ``(n_cells,)``, None where it has none.
    names
        The texts of that column as they are compared, one for each row.
    by_cell
        Whether each row is one cell's.
    by_plate
        Whether rows are those of a well of one plate among several.
    findings
        How they were joined, where it is not by the first column as it stands.
    """

    column: str
    keys: Sequence[str | None]
    names: Sequence[str]
    by_cell: bool = True
    by_plate: bool = False
    findings: tuple[Finding, ...] = ()

    def of_each_cell(self, shown: str) -> list[int]:
        """The row of each cell ``(n_cells,)``, -1 where there is none.

        Raises
        ------
        PsmatchError
            If two rows are called alike.
        """
        rows: dict[str, int] = {}
        for i, name in enumerate(self.names):
            if name in rows:
                problem = f"{shown}: cell name {display(name)} is used twice."
                raise PsmatchError(problem, hint="Keep one row for each cell.", code="PM-F20")
            rows[name] = i
        return [-1 if key is None else rows.get(key, -1) for key in self.keys]


def find_label_rows(columns: Mapping[str, pd.Series], source: Source, shown: str) -> LabelRows | None:
    """How a table of labels is joined with a file; None if nothing in it names the cells.

    Tried in this order: its first column names cells; another column does; names are equal but for an ending or prefix;
    the first column that names no row twice holds the values of a column of the file, such as its wells; wells are
    written in another way, or are those of several plates.

    Parameters
    ----------
    columns
        The columns of the table as text, the first one first.
    shown
        The name of the table in messages.
    """
    cells = source.obs_names
    first = next(iter(columns))
    if not set(columns[first]).isdisjoint(cells):
        return LabelRows(first, cells, list(columns[first]))
    for found in (_other_column(columns, source, shown), _equal_parts(columns, source, shown)):
        if found is not None:
            return found
    by_well = _by_well(columns, source, shown)
    if by_well is not None and by_well.by_plate:
        return by_well
    return next(_by_column(columns, source, shown), None) or by_well


def _other_column(columns: Mapping[str, pd.Series], source: Source, shown: str) -> LabelRows | None:
    known = set(source.obs_names)
    different = {name: set(values) for name, values in columns.items()}
    shared = {name: len(known & values) for name, values in different.items()}
    best = max(shared, key=lambda name: shared[name])
    if shared[best] <= JOINED_SHARE * min(len(known), len(different[best])):
        return None
    problem = f"{shown}: column {display(best)} holds the cell names of {source.shown} and joins both."
    found = warning(JOINED_CODE, problem, "Check that these are the same cells, or put the cell names first.")
    return LabelRows(best, source.obs_names, list(columns[best]), findings=(found,))


def _equal_parts(columns: Mapping[str, pd.Series], source: Source, shown: str) -> LabelRows | None:
    if source.names_are_made:
        return None
    for column, values in columns.items():
        different = list(dict.fromkeys(values))  # a row for each guide of a cell repeats its name
        keys, cores = core_names(source.obs_names, different)
        both = set(keys) & set(cores)
        is_unique = len(set(keys)) == len(keys) and len(set(cores)) == len(cores)
        is_unique = is_unique and not all(each.isdigit() for each in both)  # row numbers name no cells
        if is_unique and len(both) > JOINED_SHARE * min(len(keys), len(cores)):
            at = next(i for i, key in enumerate(keys) if key in both)
            there = different[cores.index(keys[at])]
            problem = (
                f"Cell names of {source.shown} and {shown} differ by an ending or prefix "
                f"({display(source.obs_names[at], 24)}, {display(there, 24)}): they are joined by the rest."
            )
            found = warning(JOINED_CODE, problem, "Check that both come from the same sample.")
            core_of = dict(zip(different, cores, strict=True))
            return LabelRows(column, keys, [core_of[each] for each in values], findings=(found,))
    return None


def _by_column(columns: Mapping[str, pd.Series], source: Source, shown: str) -> Iterator[LabelRows]:
    """Joins by a column of the file that has the values of one of the table, each once there, as wells are."""
    for column, values in columns.items():
        names = set(values)
        if len(names) < max(len(values), FEWEST_GROUPS):
            continue
        are_numbers = all(each.isdigit() for each in names)
        for name in source.column_names:
            if are_numbers and _plain(name) != _plain(column):  # 1, 2, 3 … may number anything
                continue
            texts = label_texts(source.column(name)).tolist()
            known = [each for each in texts if each is not None]
            if len(set(known)) >= FEWEST_GROUPS and sum(each in names for each in known) > JOINED_SHARE * len(texts):
                problem = (
                    f"{shown} names no cells of {source.shown}; its column {display(column)} holds the values of "
                    f"column {display(name)}, so each cell gets the row of its {display(name)}."
                )
                found = warning(JOINED_CODE, problem, "Check that both columns mean the same.")
                yield LabelRows(column, texts, list(values), by_cell=False, findings=(found,))


def _by_well(columns: Mapping[str, pd.Series], source: Source, shown: str) -> LabelRows | None:
    """A join by wells, written in any way, and by plates where a well stands in several rows of the table."""
    table = {name: values.tolist() for name, values in columns.items()}
    there = wells_among(table)
    if there is None:
        return None
    mine = well_texts(source)
    here = wells_among(mine)
    if here is None:
        return None
    names, keys = list(there.texts), list(here.texts)
    plates = (plates_among(mine), plates_among(table))
    by_plate = plates[0] is not None and plates[1] is not None and not _texts(plates[0]).isdisjoint(_texts(plates[1]))
    if by_plate and plates[0] and plates[1]:
        keys, names = list(keys_by_plate(here, plates[0][1])), list(keys_by_plate(there, plates[1][1]))
    known = {each for each in names if each is not None}
    if len(known) < len(names) or sum(each in known for each in keys) <= FEWEST_OF_WELLS * len(keys):
        return None
    n_plates = len(_texts(plates[0])) if plates[0] and not by_plate else 1
    alike = f", the same for all {n_plates:,} plates" if n_plates > 1 else ""
    where = f"column {name_list(there.columns)} there, {name_list(here.columns)} here"
    what = "plate and well" if by_plate else "well"
    problem = f"{shown} names no cells of {source.shown}: each cell gets the row of its {what} ({where}){alike}."
    found = warning(JOINED_CODE, problem, "Check that both mean the same plate.")
    rows = LabelRows(there.columns[0], keys, [str(each) for each in names], by_cell=False, by_plate=by_plate)
    return replace(rows, findings=(found,))


def _texts(plates: tuple[str, Sequence[str | None]]) -> set[str]:
    return {each.strip() for each in plates[1] if each}


def _plain(name: str) -> str:
    return name.strip().lower().removeprefix(_METADATA)


def not_joined(columns: Mapping[str, pd.Series], source: Source, shown: str) -> PsmatchError:
    """Why a table that nothing joins with the file is refused."""
    example = name_list(source.obs_names, 2)
    first = next(iter(columns))
    if wells := wells_among({name: values.tolist() for name, values in columns.items()}):
        has_wells = wells_among(well_texts(source)) is not None
        lack = "but a well stands in several rows" if has_wells else f"but {source.shown} has no column of wells"
        hint = "a column plate to both files" if has_wells else "a column Well to the cells"
        problem = (
            f"{shown} holds wells ({name_list(wells.columns)}), {lack}, so that its rows cannot be given to cells."
        )
        return PsmatchError(problem, hint=f"Add {hint}, or write one row for each cell.", code="PM-L08")
    if is_nearly_drawn(columns[first].tolist()):
        problem = f"{shown} looks like a plate drawn with rows A, B, C …, but its columns are not called 1, 2, 3 …"
        hint = "Write one row for each well, with the columns Well (A01, A02 …) and condition."
        return PsmatchError(problem, hint=hint, code="PM-L08")
    return PsmatchError(
        f"No cell name of {source.shown} (such as {example}) is in the first column of {shown}, which holds "
        f"{name_list(columns[first].tolist(), 2)}.",
        hint="Use the same cell names in both files, including prefixes and endings such as -1.",
        code="PM-L08",
    )
