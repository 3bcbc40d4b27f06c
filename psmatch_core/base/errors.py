"""Errors for users: what is wrong, and what to change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class PsmatchError(Exception):
    """A problem that the user can solve, described in two parts.

    Parameters
    ----------
    problem
        One sentence: the subject (file, column, label), the rule, and what was found.
    hint
        What the user can do about it.
    code
        Short code of the message, such as ``PM-F05``, explained in docs/messages.md.

    Examples
    --------
    >>> import psmatch
    >>> psmatch.demo("screens")
    Traceback (most recent call last):
    psmatch_core.base.errors.PsmatchError: There is no demo 'screens'. → Use one of screen, pbmc, images.
    """

    def __init__(self, problem: str, *, hint: str, code: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:  # by which it comes back from another process
        return type(self).__new__, (type(self), self.problem), self.__dict__

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.problem} → {self.hint}{code}"


class Cancelled(Exception):  # noqa: N818 - a request, not an error
    """Raised by a progress callback when the user has cancelled; no function of the core catches it."""


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """A count with its noun, such as ``1 cell``, ``12 cells`` or ``4,180 cells``."""
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def some(names: Iterable[object], limit: int = 5) -> str:
    """The first few names of a collection and the number of the others, for a message."""
    items = [str(name) for name in names]
    shown = ", ".join(repr(item) if item != item.strip() or not item else item for item in items[:limit])
    return shown + (f" and {len(items) - limit:,} more" if len(items) > limit else "")
