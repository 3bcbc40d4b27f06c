"""What is said of the columns of a table that are numbers, but not as they stand: signs, marks, names of annotation."""

from __future__ import annotations

from collections.abc import Mapping

from psmatch_core.data.checks import Finding, display, name_list
from psmatch_core.data.checks.findings import warning


def annotation_by_name(shown: str, names: list[str]) -> Finding:
    """The finding that columns of numbers are no features, since they are called like an annotation."""
    listed = name_list(names, 6)
    problem = (
        f"{shown}: column {listed} holds numbers but counts as annotation because of its name."
        if len(names) == 1
        else f"{shown}: {len(names):,} columns hold numbers but count as annotation because of their names: {listed}."
    )
    return warning("PM-F26", problem, "Give those that were measured the role feature (roles).")


def annotation_by_sign(shown: str, signed: Mapping[str, str]) -> Finding:
    """The finding that columns of numbers are no features, since each number has a sign."""
    is_one = len(signed) == 1
    problem = f"{shown}: {with_sign(signed)}, and {'counts' if is_one else 'count'} as annotation, not as features."
    return warning("PM-F26", problem, "Remove the sign where they are features.")


def read_as(shown: str, grouping: Mapping[str, tuple[str, float]]) -> Finding:
    """The finding that numbers with separated thousands or decimal commas were read, with an example."""
    name, (text, value) = next(iter(grouping.items()))
    columns = f"{len(grouping):,} columns are" if len(grouping) > 1 else f"column {display(name)} is"
    problem = f"{shown}: {columns} not written as plain decimals: {display(text, 20)} is read as {value:.9g}."
    return warning("PM-F16", problem, "Check a value; to be safe, export decimals with a point and nothing else.")


def with_sign(signed: Mapping[str, str]) -> str:
    """In words which columns have a sign on each number, with an example."""
    name, example = next(iter(signed.items()))
    if len(signed) == 1:
        return f"column {display(name)} holds numbers with a sign, such as {display(example, 20)}"
    return f"{len(signed):,} columns hold numbers with a sign, such as {display(example, 20)} in {display(name)}"
