"""The exported files of a run: a look at the pairs, every file, and how to repeat it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.forms import config_form
from pages.shell.glossary import meaning
from pages.shell.text import count, plain, size
from psmatch_core.pipeline.recipe import ExportRules
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.exports.pairs import ChosenPairs

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
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".zip": "application/zip",
    ".txt": "text/plain",
    ".py": "text/plain",
}
PREVIEW = 100


def export_view(folder: RunFolder) -> None:
    """Everything that can be taken along."""
    st.subheader("Pairs")
    _pairs(folder)
    st.subheader("Report and files")
    _files(folder)
    st.subheader("Repeat it")
    st.caption("On a terminal, with recipe.json and the data files in one folder:")
    st.code(COMMAND, language="bash")
    st.caption("Or in Python:")
    st.code((folder.exports / "reproduce.py").read_text(encoding="utf-8"), language="python")
    st.subheader("Left out")
    _left_out(folder)


def _files(folder: RunFolder) -> None:
    archive = folder.exports / ARCHIVE
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            "Report (html)",
            data=partial(_report, folder),
            file_name=f"psmatch-report-{folder.id}.html",
            mime="text/html",
            key="download.report",
            on_click="ignore",
            type="primary",
            icon=":material/summarize:",
            help="One page with every figure, table, status and setting; opens without the internet (some 5 MB).",
        )
        _download_all(folder, archive)
    st.caption("The files below were written when the run ended, by the rules it was started with.")
    with st.container(border=True):
        for name, what in FILES.items():
            path = folder.exports / name
            if name == ARCHIVE or not path.exists():
                continue
            with st.container(horizontal=True, vertical_alignment="center"):
                st.download_button(
                    name,
                    data=partial(opened, path),
                    file_name=name,
                    mime=MIME.get(path.suffix, "application/octet-stream"),
                    key=f"download.{name}",
                    on_click="ignore",
                    width=310,
                )
                st.caption(f"{what} · {size(path.stat().st_size)}", width="stretch")


def _report(folder: RunFolder) -> BinaryIO:
    """The report, made when its button is pressed."""
    return opened(cache.report(folder))


def _download_all(folder: RunFolder, archive: Path) -> None:
    st.download_button(
        f"Download all ({size(archive.stat().st_size)})",
        data=partial(opened, archive),
        file_name=f"psmatch-{folder.id}.zip",
        mime=MIME[".zip"],
        key=f"download.{ARCHIVE}",
        on_click="ignore",
        icon=":material/download:",
    )


def opened(path: Path) -> BinaryIO:
    """The file, read only when its button is pressed."""
    return path.open("rb")


def _pairs(folder: RunFolder) -> None:
    workspace = session.workspace()
    rules = config_form(workspace.exports, workspace.base.exports, name="exports", more="From the next run on")
    if rules != workspace.exports:
        session.keep(replace(workspace, exports=rules))
    chosen = cache.pairs(folder, rules)
    n_rows = len(chosen.table)
    if not n_rows and not chosen.n_left_out:
        st.info("No cell was matched: see the table of labels on Match.", icon=":material/arrow_forward:")
        return
    _told(chosen, rules)
    if not n_rows:
        st.info("No pair reaches this least weight. Choose a smaller one.", icon=":material/arrow_forward:")
        return
    column = st.column_config
    config: dict[str, Any] = {
        "source_cell": column.TextColumn("Source cell"),
        "target_cell": column.TextColumn("Target cell"),
        "label": column.TextColumn("Label"),
        "weight": column.NumberColumn("Weight", format="percent", help=meaning("weight")),
        "rank": column.NumberColumn("Rank", format="%d"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f", help=meaning("effective matches")),
        "mass": column.NumberColumn("Mass", format="%.3g", help="How much of the cell is matched: 1 is all of it."),
        "draws": column.NumberColumn("Draws", format="%d", help="How often this target cell was drawn."),
    }
    st.dataframe(chosen.table.head(PREVIEW), hide_index=True, column_config=config, height=320)
    st.caption(f"The first {min(PREVIEW, n_rows):,} of {count(n_rows, 'row')}. These pairs are inferred, not measured.")
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind in ("csv", "tsv", "parquet"):
            st.download_button(
                f"These pairs, {kind}",
                data=partial(_written, folder, rules, kind),
                file_name=f"psmatch-pairs-{folder.id}.{kind}",
                mime=MIME.get(f".{kind}", "application/octet-stream"),
                key=f"download.chosen.{kind}",
                on_click="ignore",
                icon=":material/download:",
            )


def _told(chosen: ChosenPairs, rules: ExportRules) -> None:
    """How many pairs there are, and how many the threshold leaves out."""
    kept, left_out = len(chosen.table), chosen.n_left_out
    rows = [("Pairs", f"{kept:,}", "", "")]
    if rules.least > 0:
        beside = f"of {kept + left_out:,}"
        rows.append(
            (f"Left out below {rules.least:g}", f"{left_out:,}", beside, "Pairs lighter than the least weight.")
        )
        unpaired = "Matched source cells all of whose pairs are lighter than the least weight."
        rows.append(("Source cells without a pair", f"{chosen.n_unpaired:,}", "", unpaired))
    charts.metrics(rows)


def _written(folder: RunFolder, rules: ExportRules, kind: str) -> bytes:
    from psmatch_core.exports.tables import table_bytes

    return table_bytes(cache.pairs(folder, rules).table, kind)


def _left_out(folder: RunFolder) -> None:
    table = cache.read_csv(folder.exports / "excluded_cells.csv")
    if not len(table):
        st.markdown("No cell was left out.")
        return
    reasons = table.groupby(["modality", "reason"]).size().reset_index(name="cells")
    st.dataframe(reasons, hide_index=True, column_config={"cells": st.column_config.NumberColumn(format="localized")})
    with st.expander(f"All {count(len(table), 'cell')}"):
        st.dataframe(table.head(5000), hide_index=True, height=320)
        if len(table) > 5000:
            st.caption(f"The first 5,000 of {len(table):,}; all are in {plain('excluded_cells.csv')}.")
