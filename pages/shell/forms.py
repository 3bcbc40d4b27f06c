"""Forms for configs: label, help, unit, range and choices come from the config's own declaration."""

from __future__ import annotations

import dataclasses
import math
import typing
from typing import Any, TypeVar

import streamlit as st

from pages.shell import session
from pages.shell.clicks import clicked
from pages.shell.errors import show_errors, show_problem
from pages.shell.places import own_place
from pages.shell.text import plain
from psmatch_core.base.config import Config, Option
from psmatch_core.base.setting_words import kind_title, option_title, same_value

AnyConfig = TypeVar("AnyConfig", bound=Config)
MARK = " ●"  # follows the label of an option that differs from the preset


def config_form(
    config: AnyConfig, base: Config, *, name: str, more: str = "Advanced", base_is_preset: bool = True
) -> AnyConfig:
    """Draw a form; returns the config that it describes, or the initial one if a value is invalid.

    Parameters
    ----------
    config
        The initial values.
    base
        The preset's values: options that differ are marked, and a button restores them.
    name
        Start of the keys of the form's widgets; without a dot.
    more
        Title of the folded part of the form.
    base_is_preset
        Whether these values come from a preset; otherwise they are called defaults, as are those of a method that the
        preset does not use.
    """
    has_preset = type(base) is type(config) and base_is_preset
    base = base if type(base) is type(config) else type(config)()
    if session.pop(f"{name}.reset"):
        config = base
    options = type(config).options()
    shown = {key: option for key, option in options.items() if not option.advanced}
    folded = {key: option for key, option in options.items() if option.advanced}
    values = _fields(config, base, shown, name)
    if folded:
        n_changed = sum(getattr(config, key) != getattr(base, key) for key in folded)  # at the last rerun
        label = more + (f" ({n_changed} changed){MARK}" if n_changed else "")
        with st.expander(label, key=f"{session.widget_key(name)}.advanced"):
            values |= _fields(config, base, folded, name)
    result = config
    with own_place(), show_errors():
        result = _changed(config, values)
    changed = [key for key in options if not same_value(getattr(result, key), getattr(base, key))]
    reference = "preset" if has_preset else "defaults"
    with st.container(horizontal=True, vertical_alignment="center"):  # always there: its own place
        if changed:
            names = ", ".join(option_title(key, options[key]).lower() for key in changed)
            st.caption(f"Changed from the {reference}{MARK}: {plain(names)}")
            if clicked(f"Reset to the {reference}", key=f"{name}.undo", icon=":material/undo:"):
                session.reset_widgets(name)
                session.put(f"{name}.reset", True)
                st.rerun()
    return result


def strategy_box(
    kinds: dict[type[AnyConfig], str],
    config: AnyConfig,
    base: AnyConfig,
    *,
    label: str,
    name: str,
    help: str | None = None,
) -> AnyConfig:
    """Choose a strategy; a newly chosen one starts from the preset's values if the preset has it, else from defaults.

    Parameters
    ----------
    kinds
        Descriptions of the strategies to choose from.
    config, base
        The current one, and that of the preset.
    label, name, help
        Label, key and help of the box.
    """
    options = list(kinds) if type(config) in kinds else [type(config), *kinds]
    chosen = st.selectbox(
        label,
        options,
        index=options.index(type(config)),
        key=f"{session.widget_key(name)}.kind",
        format_func=lambda kind: kinds.get(kind) or kind_title(kind),
        help=help,
    )
    if chosen is None or chosen is type(config):
        return config
    return base if isinstance(base, chosen) else chosen()


def _changed(config: AnyConfig, values: dict[str, Any]) -> AnyConfig:
    data: Any = config  # every config is a dataclass, but its base class does not declare it
    changed: AnyConfig = dataclasses.replace(data, **values)
    return changed


def _fields(config: Config, base: Config, options: dict[str, Option], name: str) -> dict[str, Any]:
    hints = typing.get_type_hints(type(config))
    values: dict[str, Any] = {}
    simple = {key: option for key, option in options.items() if not isinstance(getattr(config, key), Config)}
    columns = st.columns(2) if len(simple) > 1 else [st.container()]
    for index, (key, option) in enumerate(simple.items()):
        with columns[index % len(columns)]:
            values[key] = _field(key, option, getattr(config, key), getattr(base, key), hints[key], f"{name}.{key}")
    for key, option in options.items():
        inner, inner_base = getattr(config, key), getattr(base, key)
        if isinstance(inner, Config):
            st.markdown(f"**{option_title(key, option)}**", help=option.help)
            inner_base = inner_base if type(inner_base) is type(inner) else type(inner)()
            with own_place(), show_errors():
                inner_options = type(inner).options()
                values[key] = _changed(inner, _fields(inner, inner_base, inner_options, f"{name}.{key}"))
    return values


def _field(key: str, option: Option, value: Any, preset: Any, hint: Any, name: str) -> Any:
    widget_key = f"{session.widget_key(name.partition('.')[0])}.{name}"
    latest = session.get(widget_key)  # what the visitor has just entered, which the config does not have yet
    is_changed = (value if latest is None or isinstance(value, tuple) else latest) != preset
    label = option_title(key, option) + (f" [{option.unit}]" if option.unit else "") + (MARK if is_changed else "")
    has_range = bool(option.choices) or option.range_text() != "any"
    help_text = plain(option.help + (f" ({option.range_text()})" if has_range and not option.choices else ""))
    if option.choices:
        return st.selectbox(
            label,
            option.choices,
            index=option.choices.index(value),
            help=help_text,
            key=widget_key,
            format_func=_choice,
        )
    if isinstance(value, bool):
        return st.toggle(label, value=value, help=help_text, key=widget_key)
    if isinstance(value, int):
        low = None if option.minimum is None else int(option.minimum)
        high = None if option.maximum is None else int(option.maximum)
        return st.number_input(
            label, min_value=low, max_value=high, value=value, step=1, help=help_text, key=widget_key
        )
    if isinstance(value, float):
        return _float_field(label, option, value, help_text, widget_key)
    if isinstance(value, tuple) and typing.get_args(hint)[:1] == (int,):
        text = st.text_input(label, ", ".join(map(str, value)), help=help_text, key=widget_key)
        return _widths(option_title(key, option), text, value)
    if isinstance(value, tuple) and typing.get_args(hint)[:1] == (str,) and not any("," in each for each in value):
        text = st.text_input(label, ", ".join(value), help=help_text, key=widget_key, placeholder="A, B")
        return tuple(each.strip() for each in text.split(",") if each.strip())
    if isinstance(value, str):
        return st.text_input(label, value, help=help_text, key=widget_key)
    st.caption(f"{label}: {plain(value)} (set in Python)")
    return value


def _float_field(label: str, option: Option, value: float, help_text: str, key: str) -> float:
    low = option.above if option.minimum is None else option.minimum  # the config itself rejects the open end
    step = 10.0 ** math.floor(math.log10(abs(value))) if value else 0.01
    return float(
        st.number_input(
            label,
            min_value=None if low is None else float(low),
            max_value=None if option.maximum is None else float(option.maximum),
            value=float(value),
            step=step,
            format="%g",
            help=help_text,
            key=key,
        )
    )


def _widths(label: str, text: str, value: tuple[int, ...]) -> tuple[int, ...]:
    """Whole numbers separated by commas; for anything else an error is shown and the value stays."""
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    if all(part.isdecimal() and int(part) > 0 for part in parts):
        return tuple(int(part) for part in parts)
    show_problem(f"{label} must be whole numbers above 0, separated by commas; got {text!r}.", "Example: 128, 64.")
    return value


def _choice(value: Any) -> str:
    return str(value).replace("_", " ")
