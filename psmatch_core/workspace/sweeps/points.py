"""What a sweep varies: options with their values, in all combinations (a grid) or position by position (a list)."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.pipeline.recipe import Recipe

MOST_RUNS = 500  # three and a half days of ten-minute runs; a larger grid is probably a typing error
GRID, LIST = "grid", "list"


@dataclass(frozen=True)
class Axis:
    """One option by its dotted name, and its values."""

    name: str
    values: tuple[Any, ...]

    @property
    def setting(self) -> str:
        """The name in a recipe: ``classifier.kind`` is the classifier itself."""
        return self.name.removesuffix(".kind")


@dataclass(frozen=True)
class Sweep:
    """The options that a sweep varies.

    Parameters
    ----------
    axes
        Options in the order in which they are set: the kind of a method before the options of that kind.
    how
        ``grid`` for all combinations, each value once; ``list`` for the first values together, then the second ones,
        and so on.
    """

    axes: tuple[Axis, ...]
    how: str = GRID

    def __post_init__(self) -> None:
        if not self.axes:
            raise PsmatchError(
                "A sweep must vary at least one option.", hint="Add one, such as matcher.epsilon=0.02,0.05."
            )
        names = [axis.name for axis in self.axes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PsmatchError(f"The option {twice} occurs twice.", hint="Give all its values together.")
        if self.how == GRID:
            object.__setattr__(self, "axes", tuple(Axis(each.name, _distinct(each.values)) for each in self.axes))
        lengths = {len(axis.values) for axis in self.axes}
        if self.how == LIST and len(lengths) > 1:
            counts = ", ".join(f"{axis.name} has {len(axis.values)}" for axis in self.axes)
            raise PsmatchError(
                f"In a list all options need the same number of values: {counts}.",
                hint="Give the same number of values, or use all combinations (grid).",
            )
        if self.n_points > MOST_RUNS:
            raise PsmatchError(
                f"This grid has {plural(self.n_points, 'run')}; a sweep can have at most {MOST_RUNS}.",
                hint="Vary fewer options or use fewer values.",
            )

    @property
    def n_points(self) -> int:
        """Number of runs."""
        counts = [len(axis.values) for axis in self.axes]
        return counts[0] if self.how == LIST else math.prod(counts)

    @cached_property
    def points(self) -> tuple[dict[str, Any], ...]:
        """The options of each run with their values."""
        names = [axis.name for axis in self.axes]
        values = [axis.values for axis in self.axes]
        rows = zip(*values, strict=True) if self.how == LIST else itertools.product(*values)
        return tuple(dict(zip(names, row, strict=True)) for row in rows)

    def recipes(self, base: Recipe) -> tuple[Recipe, ...]:
        """The recipe of each run.

        Raises
        ------
        PsmatchError
            For an option that does not exist (for the method of that run), or a value out of range.
        """
        settings = {axis.name: axis.setting for axis in self.axes}
        made = []
        for point in self.points:
            recipe = base
            for name, value in point.items():
                try:
                    recipe = recipe.with_setting(settings[name], value)
                except PsmatchError as error:
                    raise PsmatchError(f"{describe_point(point)}: {error.problem}", hint=error.hint) from None
            made.append(recipe)
        return tuple(made)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sweep:
        """The sweep that :meth:`to_dict` described."""
        return from_plain(data, cls)


def parse_axis(text: str) -> Axis:
    """An option with its values as users type it: ``matcher.epsilon=0.01,0.02`` or ``classifier.kind=A,B``.

    Raises
    ------
    PsmatchError
        If there is no name or no value.
    """
    name, equals, values = text.partition("=")
    name = name.strip()
    parts = [part.strip() for part in _split(values)]
    if not equals or not name or not all(parts) or not parts:
        raise PsmatchError(
            f"{text.strip()!r} is not an option with values.",
            hint="Write it as matcher.epsilon=0.01,0.02,0.05. `psmatch options` lists all names.",
        )
    return Axis(name, tuple(_value(part) for part in parts))


def describe_point(point: Mapping[str, Any]) -> str:
    """The options of a run on one line: ``epsilon 0.02, seed 1``."""
    short = short_names(point)
    return ", ".join(f"{short[name]} {_shown(value)}" for name, value in point.items())


def short_names(names: Iterable[str]) -> dict[str, str]:
    """The last part of each dotted name, with as many before it as it takes to be no other's.

    ``classifier`` for ``classifier.kind``; ``source_preprocessing.n_top_genes`` beside the target's.
    """
    parts = {name: name.removesuffix(".kind").split(".") for name in names}
    found = {}
    for name, own in parts.items():
        others = [each for other, each in parts.items() if other != name]
        n = next((n for n in range(1, len(own)) if all(each[-n:] != own[-n:] for each in others)), len(own))
        found[name] = ".".join(own[-n:])
    return found


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each value once, in order; lists among them cannot be hashed."""
    found: list[Any] = []
    for value in values:
        if value not in found:
            found.append(value)
    return tuple(found)


def _split(text: str) -> list[str]:
    """Split at commas outside brackets: ``[96],[96, 96]`` has two parts."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
