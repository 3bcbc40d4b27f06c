"""What can be downloaded from a run, section by section, and how to repeat the run."""

from __future__ import annotations

import streamlit as st

from pages.shell.errors import show_errors
from pages.shell.verdicts import run_verdict
from pages.views.export.excluded_cells import excluded_cells_section
from pages.views.export.files import files_section
from pages.views.export.pairs import pairs_section
from psmatch_core.workspace.manifest import checked_file
from psmatch_core.workspace.run_folder import RunFolder

COMMAND = "python -m psmatch_core run recipe.json --out psmatch-again"


def export_view(folder: RunFolder) -> None:
    """Everything about the exports of a run."""
    run_verdict(folder)
    st.subheader("Pairs")
    pairs_section(folder)
    st.subheader("Report and files")
    files_section(folder)
    st.subheader("Repeat this run")
    st.caption("In a terminal, with recipe.json and the data files in one folder:")
    st.code(COMMAND, language="bash")
    st.caption("Or in Python:")
    with show_errors():
        script = checked_file(folder.path, folder.exports / "reproduce.py")
        st.code(script.read_text(encoding="utf-8", errors="replace"), language="python")
    st.subheader("Cells left out")
    with show_errors():
        excluded_cells_section(folder)
