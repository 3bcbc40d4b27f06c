"""What is remarkable of one file, as far as no control of the Data page asks about it already."""

from __future__ import annotations

from pages.shell.workspace import Side
from psmatch_core.data.checks import Finding
from psmatch_core.data.readers.summary import MENDABLE

# Cells without label: reported where they can be left out.
MISSING = ("PM-L02", "PM-L18")
LABEL_CODES = "PM-L"


def file_findings(side: Side) -> list[Finding]:
    """All findings of a file; none before it is inspected."""
    asked = {MENDABLE, *(MISSING if side.has_missing else ())}
    return [each for each in side.summary.findings if each.code not in asked] if side.summary is not None else []


def label_findings(side: Side) -> list[Finding]:
    """Those on its labels."""
    return [each for each in file_findings(side) if each.code.startswith(LABEL_CODES)]
