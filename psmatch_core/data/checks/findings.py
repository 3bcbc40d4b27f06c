"""Findings of the checks: a warning or a reason to refuse the data, in words for the user."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

from psmatch_core.base.errors import PsmatchError, plural, some


class Severity(enum.Enum):
    """Whether the data can be used despite a finding."""

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
        Short code, such as ``PM-M01``, explained in docs/messages.md.
    problem
        What was found, where and how often: one or two sentences.
    hint
        What the user can do about it.
    """

    severity: Severity
    code: str
    problem: str
    hint: str

    def error(self) -> PsmatchError:
        """The finding as an error."""
        return PsmatchError(self.problem, hint=self.hint, code=self.code)

    def __str__(self) -> str:
        return f"{self.problem} → {self.hint} [{self.code}]"


def warning(code: str, problem: str, hint: str) -> Finding:
    """A finding despite which the data can be used."""
    return Finding(Severity.WARN, code, problem, hint)


def rejection(code: str, problem: str, hint: str) -> Finding:
    """A finding that makes the data unusable."""
    return Finding(Severity.REJECT, code, problem, hint)


def raise_rejections(findings: Iterable[Finding]) -> None:
    """Refuse the data if any finding is a rejection.

    Raises
    ------
    PsmatchError
        For the first rejection; its text counts the others.
    """
    rejected = [each for each in findings if each.severity is Severity.REJECT]
    if not rejected:
        return
    first, further = rejected[0], len(rejected) - 1
    more = f" ({plural(further, 'more problem')} found.)" if further else ""
    raise PsmatchError(first.problem + more, hint=first.hint, code=first.code)


def display(text: object, limit: int = 32) -> str:
    """A name from a file, shortened for a message: no control characters, at most ``limit`` characters.

    A long name loses its middle, so that names which differ only at their ends (replicates, guides, doses) stay
    distinct.
    """
    clean = "".join(each if each.isprintable() else "·" for each in str(text))
    if len(clean) <= limit:
        return clean
    tail = (limit - 1) // 3
    return f"{clean[: limit - 1 - tail]}…{clean[len(clean) - tail :]}"


def name_list(names: Iterable[object], limit: int = 4) -> str:
    """The first few names of a collection, each shortened for a message, and the number of the others."""
    items = list(names)
    return some([display(each, 20) for each in items[:limit]] + [""] * (len(items) - limit), limit)


def seen_in_part(findings: Iterable[Finding], n_read: int, n_cells: int) -> tuple[Finding, ...]:
    """The findings, each of which says from how many cells it is, unless all were read."""
    if n_read >= n_cells:
        return tuple(findings)
    seen = f" (from {n_read:,} of {n_cells:,} cells)."
    return tuple(replace(each, problem=each.problem.removesuffix(".") + seen) for each in findings)
