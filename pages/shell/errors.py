"""Errors as pages tell them: what is wrong, and the one thing to change. Only :class:`PsmatchError` is caught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shell.text import plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, Severity


def show_error(error: PsmatchError) -> None:
    """An error in a box: the problem, then what to do."""
    tell(error.problem, error.hint, error.code)


def tell(problem: str, hint: str, code: str = "") -> None:
    """A problem and its remedy in a box."""
    st.error(_worded(problem, hint, code), icon=":material/error:")


def show_findings(findings: Iterable[Finding]) -> None:
    """Findings, refusals first; what stays usable is a warning."""
    for finding in findings:
        if finding.severity is Severity.REJECT:
            tell(finding.problem, finding.hint, finding.code)
        else:
            st.warning(_worded(finding.problem, finding.hint, finding.code, strong=False), icon=":material/warning:")


@contextmanager
def told() -> Iterator[None]:
    """Show a :class:`PsmatchError` raised inside, and go on after it."""
    try:
        yield
    except PsmatchError as error:
        show_error(error)


def _worded(problem: str, hint: str, code: str, *, strong: bool = True) -> str:
    action = f" → {plain(hint)}" if hint else ""
    mark = "**" if strong else ""
    return f"{mark}{plain(problem)}{mark}{action}" + (f"  `{code}`" if code else "")
