"""Errors on pages: what is wrong, and the one thing to change. Only :class:`PsmatchError` is caught."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import streamlit as st

from pages.shell.places import in_own_place
from pages.shell.text import plain
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks import Finding, Severity


def show_error(error: PsmatchError) -> None:
    """An error in a box: the problem, then what to do."""
    show_problem(error.problem, error.hint, error.code)


def show_problem(problem: str, hint: str, code: str = "") -> None:
    """A problem in a box, with what to do about it."""
    st.error(_markdown(problem, hint, code), icon=":material/error:")


@in_own_place
def show_findings(findings: Iterable[Finding]) -> None:
    """What was found in a file: errors where it cannot be used, warnings where it can."""
    for finding in findings:
        if finding.severity is Severity.REJECT:
            show_problem(finding.problem, finding.hint, finding.code)
        else:
            st.warning(_markdown(finding.problem, finding.hint, finding.code, bold=False), icon=":material/warning:")


@contextmanager
def show_errors() -> Iterator[None]:
    """Show a :class:`PsmatchError` raised inside, and continue after the block."""
    try:
        yield
    except PsmatchError as error:
        show_error(error)


def _markdown(problem: str, hint: str, code: str, *, bold: bool = True) -> str:
    action = f" → {plain(hint)}" if hint else ""
    mark = "**" if bold else ""
    return f"{mark}{plain(problem)}{mark}{action}" + (f"  `{code}`" if code else "")
