"""What is varied: named options with their values, every combination of them or position by position."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.pipeline.recipe import Recipe

MOST_RUNS = 500  # a week of ten-minute runs has a thousand; a grid beyond this is a typing error
GRID, LIST = "grid", "list"


@dataclass(frozen=True)
class Axis:
    """One option by its dotted name, and the values that it takes."""

    name: str
    values: tuple[Any, ...]

    @property
    def setting(self) -> str:
        """The name as a recipe takes it: ``classifier.kind`` is the classifier itself."""
        return self.name.removesuffix(".kind")


@dataclass(frozen=True)
class Sweep:
    """Options and values.

    Parameters
    ----------
    axes
        What is varied; later ones are set after earlier ones, so that a kind comes before its options.
    how
        ``grid`` for every combination; ``list`` for the first values together, then the second ones, and so on.
    """

    axes: tuple[Axis, ...]
    how: str = GRID

    def __post_init__(self) -> None:
        if not self.axes:
            raise PsmatchError(
                "A sweep varies at least one option.", hint="Give one, such as matcher.epsilon=0.02,0.05."
            )
        names = [axis.name for axis in self.axes]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PsmatchError(f"The option {twice} is varied twice.", hint="Give all its values at once.")
        lengths = {len(axis.values) for axis in self.axes}
        if self.how == LIST and len(lengths) > 1:
            counts = ", ".join(f"{axis.name} has {len(axis.values)}" for axis in self.axes)
            raise PsmatchError(
                f"In a list every option needs as many values as the others: {counts}.",
                hint="Give equally many, or take every combination (grid).",
            )
        if self.n_points > MOST_RUNS:
            raise PsmatchError(
                f"This grid has {plural(self.n_points, 'run')}; a sweep holds {MOST_RUNS} at most.",
                hint="Vary fewer options, or give fewer values.",
            )

    @property
    def n_points(self) -> int:
        """Runs that this makes."""
        counts = [len(axis.values) for axis in self.axes]
        if self.how == LIST:
            return counts[0]
        total = 1
        for count in counts:
            total *= count
        return total

    @cached_property
    def points(self) -> tuple[dict[str, Any], ...]:
        """The value of every option in every run."""
        names = [axis.name for axis in self.axes]
        values = [axis.values for axis in self.axes]
        rows = zip(*values, strict=True) if self.how == LIST else itertools.product(*values)
        return tuple(dict(zip(names, row, strict=True)) for row in rows)

    def recipes(self, base: Recipe) -> tuple[Recipe, ...]:
        """The recipe of every run.

        Raises
        ------
        PsmatchError
            For an option that does not exist (with the kind of strategy that a run has), or a value out of range.
        """
        settings = {axis.name: axis.setting for axis in self.axes}
        made = []
        for point in self.points:
            recipe = base
            for name, value in point.items():
                try:
                    recipe = recipe.with_setting(settings[name], value)
                except PsmatchError as error:
                    raise PsmatchError(f"{described(point)}: {error.problem}", hint=error.hint) from None
            made.append(recipe)
        return tuple(made)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {"how": self.how, "axes": [{"name": axis.name, "values": list(axis.values)} for axis in self.axes]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sweep:
        """The sweep that :meth:`to_dict` described."""
        axes = tuple(Axis(str(axis["name"]), tuple(axis["values"])) for axis in data["axes"])
        return cls(axes, str(data["how"]))


def parse_axis(text: str) -> Axis:
    """An option with its values as people type it: ``matcher.epsilon=0.01,0.02`` or ``classifier.kind=A,B``.

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
            hint="Write it as matcher.epsilon=0.01,0.02,0.05 (`psmatch options` lists all names).",
        )
    found: list[Any] = []
    for part in parts:
        value = _value(part)
        if value not in found:
            found.append(value)
    return Axis(name, tuple(found))


def described(point: Mapping[str, Any]) -> str:
    """A run's varied options in a line: ``epsilon 0.02, seed 1``."""
    return ", ".join(f"{short(name)} {_shown(value)}" for name, value in point.items())


def short(name: str) -> str:
    """The last part of a dotted name; of a kind, what it is a kind of."""
    parts = name.split(".")
    return parts[-2] if parts[-1] == "kind" and len(parts) > 1 else parts[-1]


def _split(text: str) -> list[str]:
    """Parts between commas that stand outside brackets: ``[96],[96, 96]`` are two."""
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
