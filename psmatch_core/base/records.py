"""Records: frozen dataclasses of plain data to and from JSON; names, nesting and types are read off the class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from cattrs import Converter

Record = TypeVar("Record")

# Without detailed validation a missing or wrong entry is a plain KeyError, TypeError or ValueError, as loaders expect.
_CONVERTER = Converter(detailed_validation=False)


def to_plain(record: object) -> dict[str, Any]:
    """The fields of a record as plain data: nested records as dicts, enums by value."""
    plain: dict[str, Any] = _CONVERTER.unstructure(record)
    return plain


def from_plain(data: Mapping[str, Any], record: type[Record]) -> Record:
    """The record of a class that :func:`to_plain` described; entries that the class does not have are ignored.

    Raises
    ------
    KeyError, TypeError, ValueError
        If an entry is missing, or cannot be what the class says.
    """
    return _CONVERTER.structure(data, record)
