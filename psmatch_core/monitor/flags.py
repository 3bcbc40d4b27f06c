"""Flags: what is wrong with a label, found once and shown wherever the label is shown."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from psmatch_core.base.records import stored_by_name


@stored_by_name
class Flag(enum.Enum):
    """One thing that is wrong with a label; the value is its short form in tables."""

    NO_PLAN = "not matched"
    NOT_CONVERGED = "not converged"
    PARTIAL = "cells without a match"
    NEARLY_UNIFORM = "plan nearly uniform"
    AT_CHANCE = "classifier at chance"
    FEW_CELLS = "few cells"
    NOT_DISTINGUISHED = "not distinguished from another label"
    BATCH = "label is a batch"
    GIVEN_AWAY = "a feature gives the label away"


@dataclass(frozen=True)
class LabelFlag:
    """A flag of one label, and the sentence that says what was found, with the numbers."""

    flag: Flag
    detail: str


def flag_names(flags: tuple[LabelFlag, ...]) -> str:
    """The flags of a label in their short form, each once, as a column of a table holds them."""
    return "; ".join(dict.fromkeys(each.flag.value for each in flags))
