"""Records: frozen dataclasses of plain data to and from JSON; names, nesting and types are read off the class."""

from __future__ import annotations

from enum import Enum
from typing import Any, TypeVar

from cattrs import Converter

Record = TypeVar("Record")
EnumKind = TypeVar("EnumKind", bound=type[Enum])

# Without detailed validation a missing or wrong entry is a plain KeyError, TypeError or ValueError, as loaders expect.
_CONVERTER = Converter(detailed_validation=False)


def to_plain(record: object) -> Any:
    """A record (or tuples and dicts of records) as plain data: dicts by field name, enums by value."""
    return _CONVERTER.unstructure(record)


def from_plain(data: Any, record: type[Record]) -> Record:
    """The record that :func:`to_plain` described; entries that the class does not have are ignored.

    Raises
    ------
    KeyError, TypeError, ValueError
        If an entry is missing, or cannot be what the class says.
    """
    return _CONVERTER.structure(data, record)


def stored_by_name(kind: EnumKind) -> EnumKind:
    """Decorator of an enum whose values are texts for users, which may change: files hold the names."""
    _CONVERTER.register_unstructure_hook(kind, lambda member: member.name)
    _CONVERTER.register_structure_hook(kind, lambda name, _: kind[name])
    return kind
