"""All settings and methods in words, for `psmatch options` and docs/options.md."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing
from typing import Any

from psmatch_core.base.config import Config, Option
from psmatch_core.base.setting_words import kind_title, settings_in_words
from psmatch_core.pipeline.recipe import Recipe

Row = tuple[str, Any, Option]


def settings_table(config: Config, prefix: str = "") -> list[Row]:
    """All settings of a config and of the configs in it: dotted name, value, declaration."""
    rows: list[Row] = []
    for name, declared in config.options().items():
        value = getattr(config, name)
        if isinstance(value, Config):
            rows.append((prefix + name, type(value).__name__, declared))
            rows.extend(settings_table(value, f"{prefix}{name}."))
        else:
            rows.append((prefix + name, _plain(value), declared))
    return rows


def strategies() -> dict[str, dict[str, type[Config]]]:
    """The kinds that each strategy of the recipe (``classifier``, ``matcher``, …) can be set to, by name."""
    hints = typing.get_type_hints(Recipe)
    return {
        name: hint.kinds()
        for name in Recipe.options()
        if inspect.isclass(hint := hints[name]) and issubclass(hint, Config) and inspect.isabstract(hint)
    }


def settings_record(recipe: Recipe) -> list[dict[str, Any]]:
    """All settings of a recipe as plain data."""
    return [
        {"name": name, "value": value, "unit": each.unit, "range": each.range_text(), "meaning": each.help}
        for name, value, each in settings_table(recipe)
    ]


def as_text(recipe: Recipe) -> str:
    """The settings of a recipe, then the kinds that each strategy can be set to."""
    words = settings_in_words(recipe)
    lines = [
        f"{name} = {_json(value)} {declared.unit}".rstrip()
        + f"   ({declared.range_text()})\n    {words[name].title}. {declared.help}"
        for name, value, declared in settings_table(recipe)
    ]
    for name, kinds in strategies().items():
        lines.append(f"\nKinds of {name} (--set {name}=KIND, then --set {name}.OPTION=VALUE):")
        for kind, cls in kinds.items():
            options = ", ".join(cls.options()) or "none"
            lines.append(f"  {kind}: {kind_title(cls)}. {_first_line(cls)}\n    options: {options}")
    return "\n".join(lines)


def as_markdown(recipe: Recipe) -> str:
    """The same as Markdown tables; the options of a kind that the recipe holds already are not repeated."""
    lines = ["# Options", "", "All settings, as `psmatch options` lists them. Change one by `--set NAME=VALUE`.", ""]
    lines += _table([(name, value, declared) for name, value, declared in settings_table(recipe)])
    for name, kinds in strategies().items():
        lines.append(f"\n## Kinds of `{name}`")
        for kind, cls in kinds.items():
            lines.append(f"\n**{kind}**: {_first_line(cls)}")
            if type(getattr(recipe, name)) is not cls and cls.options():
                lines += [
                    "",
                    *_table([(f"{name}.{key}", _default(cls, key), each) for key, each in cls.options().items()]),
                ]
    return "\n".join(lines)


def _table(rows: list[Row]) -> list[str]:
    lines = ["| setting | default | unit | range | meaning |", "|---|---|---|---|---|"]
    for name, value, declared in rows:
        cells = (f"`{name}`", f"`{_json(value)}`", declared.unit, declared.range_text(), declared.help)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _default(cls: type[Config], name: str) -> Any:
    (field,) = [each for each in dataclasses.fields(cls) if each.name == name]  # type: ignore[arg-type]
    if field.default is dataclasses.MISSING:
        return "required"
    return type(field.default).__name__ if isinstance(field.default, Config) else _plain(field.default)


def _plain(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return [each.to_dict() if isinstance(each, Config) else each for each in value]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _first_line(cls: type) -> str:
    """The first paragraph of a docstring, which says what the thing is."""
    paragraph = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    return paragraph.replace("``", "`")
