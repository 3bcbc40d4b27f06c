"""Download buttons for the report and for each exported file."""

from __future__ import annotations

from functools import partial
from typing import BinaryIO

import streamlit as st

from pages.shell.downloads import MIME, download_row, open_binary, open_written
from pages.shell.errors import show_errors
from pages.shell.text import size
from psmatch_core.workspace.manifest import checked_file, is_listed
from psmatch_core.workspace.run_folder import RunFolder

ARCHIVE = "psmatch-export.zip"
FILES = {
    "pairs.csv": "each source cell with its heaviest matches",
    "pairs.parquet": "the same, for pandas, R arrow and similar tools",
    "coupling.h5ad": "the complete coupling, source cells × target cells, sparse",
    "matched.h5mu": "matched cells as MuData: one observation per pair, the features of both modalities",
    "translation_target_to_source.h5ad": "target features predicted for source cells",
    "translation_source_to_target.h5ad": "source features predicted for target cells",
    "translation_r2_target_to_source.csv": "R² within labels of target features at source cells, beside a uniform plan",
    "translation_r2_source_to_target.csv": "R² within labels of source features at target cells, beside a uniform plan",
    "translator_target_to_source.npz": "predicts target features of new source cells, with psmatch translate",
    "translator_source_to_target.npz": "predicts source features of new target cells, with psmatch translate",
    "labels.csv": "all labels with their status",
    "evaluation.csv": "metrics by label, if pairs are known",
    "excluded_cells.csv": "cells that were left out, with the reason",
    "recipe.json": "all settings, and the seed",
    "reproduce.py": "Python code that repeats the run",
    "README.txt": "what the files contain, and notes from the computation",
}


def files_section(folder: RunFolder) -> None:
    """The report, all files as an archive, and each file with its description."""
    archive = folder.exports / ARCHIVE
    with show_errors(), st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Report (html)",
            data=partial(_report, folder),
            file_name=f"psmatch-report-{folder.id}.html",
            mime="text/html",
            key="download.report",
            on_click="ignore",
            type="primary",
            icon=":material/summarize:",
            help="One page with all figures, tables, statuses and settings (about 5 MB). It opens without internet.",
        )
        st.download_button(
            f"Download all ({size(archive.stat().st_size)})",
            data=partial(open_binary, checked_file(folder.path, archive)),
            file_name=f"psmatch-{folder.id}.zip",
            mime=MIME[".zip"],
            key=f"download.{ARCHIVE}",
            on_click="ignore",
            icon=":material/download:",
        )
    st.caption("The files below were written at the end of the run, with the export settings it was started with.")
    with st.container(border=True):
        for name, description in FILES.items():
            path = folder.exports / name
            if path.exists() or is_listed(folder.path, path):
                download_row(folder, path, description)


def _report(folder: RunFolder) -> BinaryIO:
    """The report, written when its button is pressed if it is missing or older than the run's other files."""
    from psmatch_core.report import REPORT_FILE, write_report

    if folder.is_read_only:  # a guest's download leaves nothing in the run
        return open_written(lambda path: write_report(folder, path), REPORT_FILE)
    path = folder.exports / REPORT_FILE
    parts = (each for each in folder.path.rglob("*.*") if folder.exports not in each.parents)  # also of its jobs
    newest = max((each.stat().st_mtime for each in parts), default=0.0)
    if not path.exists() or path.stat().st_mtime < newest:
        write_report(folder, path)
    return open_binary(path)
