"""Errors about options in words: what was given, what the option takes, and the line to write."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Sequence

from psmatch_core.base.errors import PsmatchError, some


def not_a_strategy(owner: str, name: str, value: object, *, family: str, kinds: Sequence[str]) -> PsmatchError:
    """The error for an option that takes a strategy and got something else, such as its name as text.

    Parameters
    ----------
    owner, name
        The config and its option.
    family
        Name of the class whose objects the option takes.
    kinds
        Names of the strategies of that family.
    """
    wanted = value.__name__ if inspect.isclass(value) else str(value)
    given = f"the class {wanted}" if inspect.isclass(value) else f"{value!r}"[:80]
    called = {name: each for each in kinds for name in (each.lower(), each.removesuffix(family).lower())}
    near = difflib.get_close_matches(wanted.lower(), called, 1, 0.5)
    example = called[near[0]] if near else kinds[0] if kinds else family
    others = [example, *(each for each in kinds if each != example)]
    return PsmatchError(
        f"{owner}: option {name!r} takes an object of {family}, got {given}.",
        hint=f"Write {owner}({name}={example}()). The kinds of {family} are {some(others, 4)}.",
    )


def nearest(name: str, names: Sequence[str], otherwise: str) -> str:
    """The hint for a name that is not known: the nearest one that is, if any is near."""
    near = difflib.get_close_matches(name, names, 1)
    return f"Did you mean {near[0]}? {otherwise}" if near else otherwise
