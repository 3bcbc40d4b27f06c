"""A finding: one thing that a check has to say, as a warning or as a refusal, in words for the user."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from psmatch_core.base.errors import PsmatchError, plural, some


class Severity(enum.Enum):
    """How much a finding weighs: usable once confirmed, or not usable."""

    WARN = "warn"
    REJECT = "reject"


@dataclass(frozen=True)
class Finding:
    """One thing found in the data.

    Parameters
    ----------
    severity
        Whether the data stay usable.
    code
        Short code that leads to a help page, such as ``PM-M01``.
    problem
        What was found, where and how often: one sentence or two.
    hint
        The one action that mends it.
    """

    severity: Severity
    code: str
    problem: str
    hint: str

    def error(self) -> PsmatchError:
        """The error that tells this finding."""
        return PsmatchError(self.problem, hint=self.hint, code=self.code)

    def __str__(self) -> str:
        return f"{self.problem} → {self.hint} [{self.code}]"


def warning(code: str, problem: str, hint: str) -> Finding:
    """A finding with which the data stay usable."""
    return Finding(Severity.WARN, code, problem, hint)


def rejection(code: str, problem: str, hint: str) -> Finding:
    """A finding with which the data cannot be used."""
    return Finding(Severity.REJECT, code, problem, hint)


def raise_rejections(findings: Iterable[Finding]) -> None:
    """Refuse when any finding is a rejection.

    Raises
    ------
    PsmatchError
        For the first rejection; its text says how many further ones there are.
    """
    rejected = [each for each in findings if each.severity is Severity.REJECT]
    if not rejected:
        return
    first, further = rejected[0], len(rejected) - 1
    more = f" ({plural(further, 'further problem')} found.)" if further else ""
    raise PsmatchError(first.problem + more, hint=first.hint, code=first.code)


def display(text: object, limit: int = 32) -> str:
    """A name from a file made safe and short for a message: no control characters, at most ``limit`` long.

    A long name loses its middle: names that only their ends tell apart (replicates, guides, doses) stay apart.
    """
    clean = "".join(each if each.isprintable() else "·" for each in str(text))
    if len(clean) <= limit:
        return clean
    tail = (limit - 1) // 3
    return f"{clean[: limit - 1 - tail]}…{clean[len(clean) - tail :]}"


def named(names: Iterable[object], limit: int = 4) -> str:
    """The first few names of a collection for a message, each made safe and short, and how many more there are."""
    items = list(names)
    return some([display(each, 20) for each in items[:limit]] + [""] * (len(items) - limit), limit)
