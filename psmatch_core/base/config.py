"""Settings: an option is declared once and read by validation, forms, command line, documentation and recipes.

A config is a frozen dataclass whose fields are made by :func:`option`. A strategy (a matcher, a classifier) is a config
itself; all strategies of a kind are found by :meth:`Config.kinds`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import math
import pkgutil
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.base.option_errors import nearest, not_a_strategy
from psmatch_core.base.summaries import html_table

# Options and kinds that were renamed, so that an older recipe still opens: "Kind.old_option" to the option's new name,
# "OldKind" to the kind's new name.
RENAMED: dict[str, str] = {}
# Options that are gone, as "Kind.option": an older recipe opens without them.
REMOVED = frozenset({"ExportRules.least"})


@dataclass(frozen=True)
class Option:
    """The declaration of an option: help, unit, range, and whether forms show it only under Advanced."""

    help: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[Any, ...] = ()
    advanced: bool = False
    label: str = ""
    commas_part: bool = True  # a list typed as text; where entries hold commas themselves, the text is one entry

    def range_text(self) -> str:
        """The allowed values in words, such as ``above 0`` or ``0 to 1``."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        if self.above is not None:
            return f"above {self.above:g}" + (f", at most {self.maximum:g}" if self.maximum is not None else "")
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"at least {self.minimum:g}"
        return f"at most {self.maximum:g}" if self.maximum is not None else "any"


def option(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    unit: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    choices: tuple[Any, ...] = (),
    advanced: bool = False,
    label: str = "",
    commas_part: bool = True,
) -> Any:
    """Declare a field of a config with its range, unit and help."""
    declared = Option(help, unit, minimum, maximum, above, choices, advanced, label, commas_part)
    return field(default=default, metadata={"option": declared})


class Config:
    """Base of every config: checks its options when it is made, and turns into plain data and back.

    Parameters of the class
    -----------------------
    title
        What a menu calls this strategy; a strategy without a title is for Python and recipes only.
    place
        Its position in a menu, smallest first.
    """

    menu_title: ClassVar[str] = ""
    menu_place: ClassVar[int] = 0
    _registry: ClassVar[dict[str, type[Config]]] = {}

    def __init_subclass__(cls, *, title: str = "", place: int = 0, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.menu_title, cls.menu_place = title, place
        Config._registry[cls.__name__] = cls
        if "__repr__" not in cls.__dict__:  # else the dataclass would write one that lists every option
            cls.__repr__ = Config.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """The line that makes an equal config: only the options that are not at their defaults."""
        changed = [f"{name}={getattr(self, name)!r}" for name, is_changed in self._changed().items() if is_changed]
        return f"{type(self).__name__}({', '.join(changed)})"

    def _repr_html_(self) -> str:
        """All options with their values in a notebook; those that are not at their defaults are bold."""
        changed, declared = self._changed(), self.options()
        rows = {name: (repr(getattr(self, name)), declared[name].help) for name in declared}
        return html_table(type(self).__name__, rows, bold=[name for name, is_changed in changed.items() if is_changed])

    def _changed(self) -> dict[str, bool]:
        """Whether each option differs from its default; one without a default always does."""
        return {each.name: getattr(self, each.name) != each.default for each in fields(self)}  # type: ignore[arg-type]

    def __new__(cls, *values: Any, **given: Any) -> Self:
        """Refuse unknown options by name, before the dataclass would in words of Python."""
        names = [each.name for each in fields(cls)] if dataclasses.is_dataclass(cls) else list(given)
        unknown = [name for name in given if name not in names]
        if unknown:
            raise PsmatchError(
                f"{cls.__name__} has no option {some(unknown)}.",
                hint=nearest(unknown[0], names, f"The options are {some(names, 30)}."),
            )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        hints = _hints(type(self))
        for each in fields(self):  # type: ignore[arg-type]
            declared = each.metadata.get("option")
            if declared is None:
                continue
            value = getattr(self, each.name)
            checked = _checked(type(self).__name__, each.name, value, hints[each.name], declared)
            object.__setattr__(self, each.name, checked)

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The declared options by name, in order."""
        return {each.name: each.metadata["option"] for each in fields(cls) if "option" in each.metadata}  # type: ignore[arg-type]

    @classmethod
    def kinds(cls) -> dict[str, type[Self]]:
        """All strategies of this kind that come with the program, by name."""
        return {name: kind for name, kind in cls._known().items() if kind.__module__.startswith("psmatch_core.")}

    @classmethod
    def menu(cls) -> dict[type[Self], str]:
        """The strategies of this kind that have a title, and the title, in the order of a menu."""
        listed = sorted(cls.kinds().values(), key=lambda kind: kind.menu_place)
        return {kind: kind.menu_title for kind in listed if kind.menu_title}

    @classmethod
    def _known(cls) -> dict[str, type[Self]]:
        """The same with the strategies of a user, as far as they are imported."""
        if inspect.isabstract(cls):
            _import_all(cls.__module__.rpartition(".")[0])
        known = sorted(Config._registry.items())
        return {name: kind for name, kind in known if issubclass(kind, cls) and not inspect.isabstract(kind)}

    def to_dict(self) -> dict[str, Any]:
        """Plain data (for JSON), from which :meth:`from_dict` makes an equal config."""
        data: dict[str, Any] = {"kind": type(self).__name__}
        for each in fields(self):  # type: ignore[arg-type]
            data[each.name] = _plain(getattr(self, each.name))
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The config that ``data`` (from :meth:`to_dict`) describes.

        Raises
        ------
        PsmatchError
            For an unknown kind or option, or a value outside its range.
        """
        if not isinstance(data, Mapping):
            raise PsmatchError(
                f"{cls.__name__}: settings must be a mapping of option to value, got {data!r}.",
                hint="Write the settings as a JSON object.",
            )
        kind = str(data.get("kind", cls.__name__))
        kind = RENAMED.get(kind, kind)
        known = cls._known()
        if kind not in known:
            raise PsmatchError(
                f"{kind!r} is not a kind of {cls.__name__}.", hint=f"Use one of {some(sorted(known), 20)}."
            )
        target = known[kind]
        data = {
            RENAMED.get(f"{kind}.{key}", key): value for key, value in data.items() if f"{kind}.{key}" not in REMOVED
        }
        names = {each.name: each for each in fields(target)}  # type: ignore[arg-type]
        unknown = [key for key in data if key != "kind" and key not in names]
        if unknown:
            raise PsmatchError(
                f"{kind} has no option {some(unknown)}.",
                hint=f"Remove or rename it; the options are {some(names, 30)}.",
            )
        hints = _hints(target)
        values = {
            key: _revived(_listed(value, hints[key], names[key].metadata.get("option")), hints[key])
            for key, value in data.items()
            if key != "kind"
        }
        return target(**values)


@functools.cache
def _import_all(package: str) -> None:
    """Import the modules of a package, which declare its strategies."""
    if package.startswith("psmatch_core."):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)


# How a list is written, by what it holds.
_EXAMPLES: dict[Any, str] = {str: '["A", "B"]', tuple[str, str]: '[["old", "new"]]'}
_HINTS: dict[type, dict[str, Any]] = {}


def _hints(kind: type) -> dict[str, Any]:
    """Types of a class's fields; kept, since a page reads its recipe several times in a rerun."""
    if kind not in _HINTS:
        _HINTS[kind] = typing.get_type_hints(kind)
    return _HINTS[kind]


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def _config_class(hint: Any) -> type[Config] | None:
    for each in (hint, *typing.get_args(hint)):
        if inspect.isclass(each) and issubclass(each, Config):
            return each
    return None


def _revived(value: Any, hint: Any) -> Any:
    if isinstance(value, list):
        inner = (typing.get_args(hint) or (Any,))[0]
        return tuple(_revived(each, inner) for each in value)
    config = _config_class(hint)
    if config is not None and isinstance(value, Mapping):
        return config.from_dict(value)
    return value


def _listed(value: Any, hint: Any, declared: Option | None) -> Any:
    """Names as a shell types them: ``A, B`` for a list of texts, ``A=B, C=D`` for a list of pairs of texts."""
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else None
    is_pairs = inner == tuple[str, str]
    if inner is not str and not is_pairs:
        return value
    if declared is not None and not declared.commas_part and isinstance(value, str):
        return [value]
    if isinstance(value, int | float) and not isinstance(value, bool) and not is_pairs:
        value = f"{value:g}"  # one label that is a number
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",") if part.strip()]
        return [[each.strip() for each in part.split("=", 1)] for part in parts] if is_pairs else parts
    return value


def _checked(owner: str, name: str, value: Any, hint: Any, declared: Option) -> Any:
    """The value in its declared type; an error names the option, the rule and the value."""
    if value is None and _allows_none(hint):
        return None
    kind = next((each for each in _plain_types(hint)), None)
    problem = f"{owner}: option {name!r} must be {{rule}}, got {value!r}."
    if kind is bool and not isinstance(value, bool):
        raise PsmatchError(problem.format(rule="true or false"), hint=f"Set {name} to true or false.")
    if kind in (int, float):
        try:
            number = float(value) if not isinstance(value, bool) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        rule = ("a whole number " if kind is int else "a number ") + f"({declared.range_text()})"
        outside = (
            not math.isfinite(number)
            or (kind is int and number != int(number))
            or (declared.minimum is not None and number < declared.minimum)
            or (declared.maximum is not None and number > declared.maximum)
            or (declared.above is not None and number <= declared.above)
        )
        if outside:
            hint_text = (
                "Write the decimal with a point, as in 0.05."
                if "," in str(value)
                else f"Choose {name} {declared.range_text()}."
            )
            raise PsmatchError(problem.format(rule=rule), hint=hint_text)
        value = int(number) if kind is int else number
    if kind is str and not isinstance(value, str):
        raise PsmatchError(problem.format(rule="text"), hint=f"Write {name} as text.")
    if declared.choices and value not in declared.choices:
        raise PsmatchError(problem.format(rule=declared.range_text()), hint=f"Choose {name} from that list.")
    if isinstance(value, list):
        value = tuple(value)
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if not isinstance(value, tuple):
            example = _EXAMPLES.get(inner, "[96]")
            raise PsmatchError(problem.format(rule="a list"), hint=f"Write {name} as a list, such as {example}.")
        if inner == tuple[str, str] and any(not isinstance(each, list | tuple) or len(each) != 2 for each in value):
            example = _EXAMPLES[inner]
            raise PsmatchError(problem.format(rule="a list of pairs"), hint=f"Write {name} as pairs: {example}.")
        value = tuple(_checked(owner, name, each, inner, declared) for each in value)
    config = _config_class(hint)
    if config is not None and typing.get_origin(hint) is not tuple and not isinstance(value, config):
        raise not_a_strategy(owner, name, value, family=config.__name__, kinds=sorted(config.kinds()))
    return value


def _allows_none(hint: Any) -> bool:
    return hint is None or type(None) in typing.get_args(hint)


def _plain_types(hint: Any) -> tuple[type, ...]:
    arguments = (
        typing.get_args(hint)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
        else (hint,)
    )
    return tuple(each for each in arguments if each in (bool, int, float, str))
