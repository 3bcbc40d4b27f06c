"""Records come back from JSON as they were, and a wrong entry is an error where it is read."""

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from psmatch_core.base.records import from_plain, stored_by_name, to_plain


class Shade(enum.StrEnum):
    LIGHT = "light"


@stored_by_name
class Judgement(enum.Enum):
    GOOD = "a text for users"


@dataclass(frozen=True)
class Inner:
    values: tuple[float, ...]
    judgement: Judgement


@dataclass(frozen=True)
class Outer:
    name: str
    shade: Shade
    inner: tuple[Inner, ...]
    counts: Mapping[str, int]
    shape: tuple[int, int] | None = None


RECORD = Outer("A", Shade.LIGHT, (Inner((0.5, float("inf")), Judgement.GOOD),), {"cells": 3}, (2, 4))


def test_a_record_comes_back_from_json_as_it_was():
    assert from_plain(json.loads(json.dumps(to_plain(RECORD))), Outer) == RECORD
    many = {"first": RECORD}
    assert from_plain(json.loads(json.dumps(to_plain(many))), dict[str, Outer]) == many


def test_enums_are_stored_by_value_and_texts_for_users_by_name():
    assert to_plain(RECORD)["shade"] == "light"
    assert to_plain(RECORD)["inner"][0]["judgement"] == "GOOD"


def test_an_entry_of_a_later_version_is_ignored_and_one_with_a_default_may_be_missing():
    plain = to_plain(RECORD)
    del plain["shape"]
    assert from_plain({**plain, "of a later version": 1}, Outer).shape is None


@pytest.mark.parametrize(
    "changed", [{"name": None}, {"shade": "dark"}, {"counts": {"cells": "three"}}, {"inner": 5}, {"shape": [1]}]
)
def test_a_wrong_entry_is_an_error(changed):
    plain = {**to_plain(RECORD), **changed}
    if plain["name"] is None:
        del plain["name"]
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_plain(plain, Outer)
