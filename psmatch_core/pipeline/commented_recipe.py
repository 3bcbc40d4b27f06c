"""A recipe as TOML with a comment above each setting, to be read and changed in an editor; ``Recipe.read`` reads it."""

from __future__ import annotations

import dataclasses
import inspect
import json
import textwrap
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from psmatch_core.base.config import Config, Option
from psmatch_core.base.setting_words import kind_title
from psmatch_core.pipeline.recipe import Recipe

WIDTH = 110  # characters of a line of comment
HEADER = (
    "All settings of a run. Change a value and run it: psmatch run {name}",
    "A setting after # has the value shown; remove the # to change it.",
)


def as_toml(recipe: Recipe, *, name: str = "recipe.toml", notes: Mapping[str, Sequence[str]] | None = None) -> str:
    """The recipe with a comment on each setting; advanced settings at their default are comments themselves.

    Parameters
    ----------
    name
        The file's name, for the line that runs it.
    notes
        More comments on a section, by its dotted name, such as ``{"source": ["label columns: ko, batch"]}``.

    Returns
    -------
    TOML text, of which :meth:`Recipe.read` makes an equal recipe.
    """
    blocks = ["\n".join(line for text in HEADER for line in _comment(text.format(name=name)))]
    _add_section(blocks, "", recipe, [], notes or {})
    return "\n\n".join(blocks) + "\n"


def _add_section(
    blocks: list[str], path: str, config: Config, head: list[str], notes: Mapping[str, Sequence[str]]
) -> None:
    """The settings of one config, then those of the configs in it, each in a table of its own."""
    declared = config.options()
    hints = typing.get_type_hints(type(config))
    inner = [name for name in declared if isinstance(getattr(config, name), Config)]
    if path:
        blocks.append("\n".join([*head, *(line for each in notes.get(path, ()) for line in _comment(each))]))
    blocks += [_setting(config, name, declared[name]) for name in declared if name not in inner]
    order = sorted(inner, key=lambda name: name not in ("source", "target"))  # the files first, as a reader looks
    for name in order:
        value = getattr(config, name)
        inner_path = f"{path}.{name}" if path else name
        lines = ["# " + "-" * (WIDTH - 2)] * (not path) + _comment(declared[name].help) + [f"[{inner_path}]"]
        if inspect.isabstract(hints[name]) or (hints[name] is not type(value) and inspect.isclass(hints[name])):
            kinds = hints[name].kinds()
            others = ", ".join(f"{kind} ({kind_title(cls)})" for kind, cls in kinds.items())
            lines += [*_comment(f"One of {others}. `psmatch options` lists the settings of each."), _kind(value)]
        _add_section(blocks, inner_path, value, lines, notes)


def _kind(config: Config) -> str:
    return f"kind = {_toml(type(config).__name__)}"


def _setting(config: Config, name: str, option: Option) -> str:
    """One setting: its comment, its name and its value."""
    value = getattr(config, name)
    (field,) = [each for each in dataclasses.fields(config) if each.name == name]  # type: ignore[arg-type]
    is_default = field.default is not dataclasses.MISSING and value == field.default
    facts = ", ".join(each for each in (option.unit, option.range_text()) if each and each != "any")
    lines = _comment(f"{option.help} ({facts})" if facts else option.help)
    if value is None:
        return "\n".join([*lines, f"# {name} is not set"])
    line = f"{name} = {_toml(value)}"
    return "\n".join([*lines, f"# {line}" if option.advanced and is_default else line])


def _comment(text: str) -> list[str]:
    """Lines of comment; names in a file may hold what TOML allows in none."""
    text = "".join(each if each.isprintable() else " " for each in text)
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH - 2, break_long_words=False, break_on_hyphens=False)]


def _toml(value: Any) -> str:
    """A value as TOML: texts, numbers and lists are written as in JSON, a config in a list as an inline table."""
    if isinstance(value, Config):
        options = {name: getattr(value, name) for name in value.options()}
        entries = [f"{name} = {_toml(each)}" for name, each in options.items() if each is not None]
        return "{ " + ", ".join([_kind(value), *entries]) + " }"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
