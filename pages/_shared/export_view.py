"""The exported files of a run: a look at the pairs, every file, and how to repeat it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import streamlit as st

from pages._shared import results
from pages._shared.text import count, plain, size
from psmatch_core.folder import RunFolder

ARCHIVE = "psmatch-export.zip"
COMMAND = "python -m psmatch_core run recipe.json --out psmatch-again"
FILES = {
    ARCHIVE: "everything below in one file",
    "pairs.csv": "each source cell with its heaviest matches",
    "pairs.parquet": "the same, for pandas, R arrow and the like",
    "coupling.h5ad": "the whole coupling, source cells × target cells, sparse",
    "translation_target_to_source.h5ad": "target features predicted at source cells",
    "translation_source_to_target.h5ad": "source features predicted at target cells",
    "translation_r2_target_to_source.csv": "R² of each target feature predicted at source cells",
    "translation_r2_source_to_target.csv": "R² of each source feature predicted at target cells",
    "translator_target_to_source.npz": "predicts target features of new source cells: psmatch translate",
    "translator_source_to_target.npz": "predicts source features of new target cells: psmatch translate",
    "labels.csv": "every label with its status",
    "evaluation.csv": "metrics by label, where pairs are known",
    "excluded_cells.csv": "cells that were left out, with the reason",
    "recipe.json": "every setting, and the seed",
    "reproduce.py": "the Python lines that repeat the run",
    "README.txt": "what is in the files, and what was noticed",
}
MIME = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".zip": "application/zip",
    ".txt": "text/plain",
    ".py": "text/plain",
}
PREVIEW = 100


def export_view(folder: RunFolder) -> None:
    """Everything that can be taken along."""
    _files(folder)
    st.subheader("Pairs")
    _pairs(folder)
    st.subheader("Repeat it")
    st.caption("On a terminal, with recipe.json and the data files in one folder:")
    st.code(COMMAND, language="bash")
    st.caption("Or in Python:")
    st.code((folder.exports / "reproduce.py").read_text(encoding="utf-8"), language="python")
    st.subheader("Left out")
    _left_out(folder)


def _files(folder: RunFolder) -> None:
    archive = folder.exports / ARCHIVE
    st.download_button(
        f"Download all ({size(archive.stat().st_size)})",
        data=partial(_opened, archive),
        file_name=f"psmatch-{folder.id}.zip",
        mime=MIME[".zip"],
        key=f"download.{ARCHIVE}",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
    )
    with st.container(border=True):
        for name, meaning in FILES.items():
            path = folder.exports / name
            if name == ARCHIVE or not path.exists():
                continue
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    name,
                    data=partial(_opened, path),
                    file_name=name,
                    mime=MIME.get(path.suffix, "application/octet-stream"),
                    key=f"download.{name}",
                    on_click="ignore",
                    width=210,
                )
                st.caption(f"{meaning} · {size(path.stat().st_size)}", width="stretch")


def _opened(path: Path) -> BinaryIO:
    """The file, read only when its button is pressed."""
    return path.open("rb")


def _pairs(folder: RunFolder) -> None:
    head, n_rows = results.head_of(folder.exports / "pairs.parquet", PREVIEW)
    if not n_rows:
        st.info("No cell was matched: see the table of labels on Match.", icon=":material/arrow_forward:")
        return
    column = st.column_config
    config: dict[str, Any] = {
        "source_cell": column.TextColumn("Source cell"),
        "target_cell": column.TextColumn("Target cell"),
        "label": column.TextColumn("Label"),
        "weight": column.NumberColumn("Weight", format="percent", help="Share of the source cell's mass."),
        "rank": column.NumberColumn("Rank", format="%d"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f"),
    }
    st.dataframe(head, hide_index=True, column_config=config, height=320)
    st.caption(f"The first {min(PREVIEW, n_rows):,} of {count(n_rows, 'row')}. These pairs are inferred, not measured.")


def _left_out(folder: RunFolder) -> None:
    table = results.read_csv(folder.exports / "excluded_cells.csv")
    if not len(table):
        st.markdown("No cell was left out.")
        return
    reasons = table.groupby(["modality", "reason"]).size().reset_index(name="cells")
    st.dataframe(reasons, hide_index=True, column_config={"cells": st.column_config.NumberColumn(format="localized")})
    with st.expander(f"All {count(len(table), 'cell')}"):
        st.dataframe(table.head(5000), hide_index=True, height=320)
        if len(table) > 5000:
            st.caption(f"The first 5,000 of {len(table):,}; all are in {plain('excluded_cells.csv')}.")
