"""Settings in the words of the form: what an option, a method and a value are called, and which settings differ.

Pages, reports, comparisons and the command line all take their words from here, so that no reader meets the name of a
class or of a variable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psmatch_core.base.config import Config, Option

NO_VALUE = "–"
PATHS = ("path", "labels_path")  # shown by the file's name
FAMILIES = ("Classifier", "Matcher", "Translator")  # the last word of a class name says only what the title says


@dataclass(frozen=True)
class SettingInWords:
    """One setting of a config.

    Parameters
    ----------
    name
        Its dotted name, such as ``matcher.epsilon``, by which the command line sets it.
    title
        What forms call it, such as ``Method: epsilon``.
    words
        Its value in words.
    value
        Its value; the class for a method that is chosen among several.
    """

    name: str
    title: str
    words: str
    value: Any


@dataclass(frozen=True)
class Difference:
    """One setting in which two configs differ: its names, and both values in words."""

    name: str
    title: str
    before: str
    now: str


def option_title(name: str, option: Option) -> str:
    """What forms call an option."""
    words = option.label or name.replace("_", " ").removeprefix("n ").replace(" mb", "")
    is_name = len(words) == 1 or "." in words  # a letter, such as k, or a file
    return words if is_name else words[0].upper() + words[1:]


def kind_title(kind: type[Config]) -> str:
    """What menus call a method; for one that no menu lists, its name as plain words."""
    if kind.menu_title:
        return kind.menu_title
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", kind.__name__).split()
    words = words[:-1] if len(words) > 1 and words[-1] in FAMILIES else words
    return " ".join([words[0], *(word if word.isupper() else word.lower() for word in words[1:])])


def value_words(value: Any) -> str:
    """A value as forms show it."""
    if isinstance(value, Config):
        return kind_title(type(value))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if value in (None, "", (), []):
        return NO_VALUE
    if isinstance(value, tuple | list):
        return ", ".join(value_words(each) for each in value)
    return str(value).replace("_", " ")


def settings_in_words(config: Config, *, within: str = "", title: str = "") -> dict[str, SettingInWords]:
    """All settings of a config and of the configs in it, by dotted name; methods and their options in order.

    Parameters
    ----------
    within, title
        Dotted name and title of the config itself, if it is part of another.
    """
    found: dict[str, SettingInWords] = {}
    for key, option in config.options().items():
        value = getattr(config, key)
        name = f"{within}.{key}" if within else key
        words = option_title(key, option)
        full = f"{title}: {words if len(words) == 1 else words[0].lower() + words[1:]}" if title else words
        if isinstance(value, Config):
            found[name] = SettingInWords(name, full, kind_title(type(value)), type(value))
            found |= settings_in_words(value, within=name, title=full)
        else:
            shown = str(value).replace("\\", "/").rpartition("/")[2] if key in PATHS and value else value
            text = shown if key in PATHS and value else value_words(value)
            found[name] = SettingInWords(name, full, str(text), value)
    return found


def differences(before: Config, now: Config, *, only: Sequence[str] = ()) -> tuple[Difference, ...]:
    """Settings that differ; of two methods only that they differ, since the options of one mean nothing to the other.

    Parameters
    ----------
    only
        First parts of the dotted names to compare; all by default.
    """
    old, new = settings_in_words(before), settings_in_words(now)
    found = []
    for name in dict.fromkeys([*old, *new]):
        if only and name.partition(".")[0] not in only:
            continue
        one, other = old.get(name), new.get(name)
        if one is None or other is None:
            continue  # an option of another method: the method itself is the difference
        if not same_value(one.value, other.value):
            found.append(Difference(name, one.title, one.words, other.words))
    return tuple(found)


def same_value(one: Any, other: Any) -> bool:
    """Whether two values mean the same: numbers up to rounding, lists and tuples alike."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-300)
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return len(one) == len(other) and all(same_value(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other)
