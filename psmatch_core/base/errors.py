"""The one error a user meets: what is wrong, and the one thing to change."""

from __future__ import annotations

from collections.abc import Iterable


class PsmatchError(Exception):
    """A problem the user can mend, told in two parts.

    Parameters
    ----------
    problem
        The thing (file, column, label), the rule, and what came: one sentence.
    hint
        The one action that mends it.
    code
        Short code of the message, such as ``PM-F05``, that leads to a help page.
    """

    def __init__(self, problem: str, *, hint: str, code: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.problem} → {self.hint}{code}"


class Cancelled(Exception):  # noqa: N818 - a wish, not an error
    """Raised out of a progress callback when the user has cancelled; no verb catches it."""


def plural(count: int, noun: str, plural_noun: str | None = None) -> str:
    """``1 cell``, ``12 cells``, ``4,180 cells``: counts as messages write them."""
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def some(names: Iterable[object], limit: int = 5) -> str:
    """The first few names of a collection, and how many more there are, for a message."""
    items = [str(name) for name in names]
    shown = ", ".join(repr(item) if item != item.strip() or not item else item for item in items[:limit])
    return shown + (f" and {len(items) - limit:,} more" if len(items) > limit else "")
