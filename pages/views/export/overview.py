"""What can be downloaded from a run, section by section, and how to repeat the run."""

from __future__ import annotations

import streamlit as st

from pages.shell.errors import show_errors
from pages.shell.frame import say_answer
from pages.shell.read_only import link_to_share
from pages.shell.text import count
from pages.shell.verdicts import run_verdict
from pages.views.export.excluded_cells import excluded_cells_section
from pages.views.export.files import files_section
from pages.views.export.pairs import pairs_section
from psmatch_core.workspace import files
from psmatch_core.workspace.manifest import checked_file
from psmatch_core.workspace.run_folder import RunFolder

COMMAND = "python -m psmatch_core run recipe.json --out psmatch-again"


def export_view(folder: RunFolder) -> None:
    """Everything about the exports of a run."""
    say_answer(_answer(folder))
    run_verdict(folder)
    st.subheader("Pairs")
    pairs_section(folder)
    st.subheader("Report and files")
    files_section(folder)
    st.subheader("Show it to a colleague")
    link_to_share(folder)
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


def _answer(folder: RunFolder) -> str:
    """What there is to download, and what lies in the file that most people want."""
    table = files.LABELS.read(folder)
    n_matched = int(table.loc[table["n_effective"].notna(), "n_source"].sum()) if table is not None else 0
    if not n_matched:
        return "No cell is matched; the report and the files say why."
    of = f"{count(n_matched, 'source cell')} of the matched labels"
    return f"Press a button to download: pairs.csv lists the matches of the {of}, and the report shows all figures."
