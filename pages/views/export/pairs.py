"""The pairs of a run: rules that choose them, a preview, and downloads."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.downloads import mime_type
from pages.shell.forms import config_form
from pages.shell.glossary import meaning
from pages.shell.text import count
from psmatch_core.exports.pairs import ChosenPairs
from psmatch_core.pipeline.recipe import ExportRules
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

PREVIEW = 100


def pairs_section(folder: RunFolder) -> None:
    """The rules, how many pairs they choose, the first of them, and download buttons."""
    workspace = session.workspace()
    rules = config_form(workspace.exports, workspace.base.exports, name="exports", more="For the next run")
    session.set_workspace(replace(workspace, exports=rules))
    chosen = _chosen(folder, rules)
    n_rows = len(chosen.table)
    if not n_rows and not chosen.n_left_out:
        st.info("No cell was matched. The table of labels on Match shows why.", icon=":material/arrow_forward:")
        return
    _counts(chosen, rules)
    if not n_rows:
        st.info("No pair has this minimum weight. Choose a smaller one.", icon=":material/arrow_forward:")
        return
    _preview(chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        for kind in ("csv", "tsv", "parquet"):
            st.download_button(
                f"These pairs, {kind}",
                data=partial(_written, folder, rules, kind),
                file_name=f"psmatch-pairs-{folder.id}.{kind}",
                mime=mime_type(f".{kind}"),
                key=f"download.chosen.{kind}",
                on_click="ignore",
                icon=":material/download:",
            )


def _preview(chosen: ChosenPairs) -> None:
    column = st.column_config
    config: dict[str, Any] = {
        "source_cell": column.TextColumn("Source cell"),
        "target_cell": column.TextColumn("Target cell"),
        "label": column.TextColumn("Label"),
        "weight": column.NumberColumn("Weight", format="percent", help=meaning("weight")),
        "rank": column.NumberColumn("Rank", format="%d"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f", help=meaning("effective matches")),
        "mass": column.NumberColumn("Mass", format="%.3g", help="How much of the cell is matched: 1 is all of it."),
        "draws": column.NumberColumn("Draws", format="%d", help="How many times this target cell was drawn."),
    }
    st.dataframe(chosen.table.head(PREVIEW), hide_index=True, column_config=config, height=320)
    n_rows = len(chosen.table)
    st.caption(f"The first {min(PREVIEW, n_rows):,} of {count(n_rows, 'row')}. These pairs are inferred, not measured.")


def _counts(chosen: ChosenPairs, rules: ExportRules) -> None:
    """How many pairs there are, and how many the minimum weight leaves out."""
    kept, left_out = len(chosen.table), chosen.n_left_out
    rows = [("Pairs", f"{kept:,}", "", "")]
    if rules.least > 0:
        title, meaning = f"Left out below {rules.least:g}", "Pairs with less than the minimum weight."
        rows.append((title, f"{left_out:,}", f"of {kept + left_out:,}", meaning))
        unpaired = "Matched source cells of which all pairs have less than the minimum weight."
        rows.append(("Source cells without a pair", f"{chosen.n_unpaired:,}", "", unpaired))
    charts.metrics(rows)


def _chosen(folder: RunFolder, rules: ExportRules) -> ChosenPairs:
    key = json.dumps(rules.to_dict(), sort_keys=True)
    return _pairs(str(folder.path), files.COUPLING.times(folder), key, folder.recipe.seed)


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Choosing pairs…")
def _pairs(path: str, times: tuple[int, ...], rules: str, seed: int) -> ChosenPairs:
    from psmatch_core.exports.pairs import choose_pairs

    return choose_pairs(cache.coupling(RunFolder(Path(path))), ExportRules.from_dict(json.loads(rules)), seed=seed)


def _written(folder: RunFolder, rules: ExportRules, kind: str) -> bytes:
    from psmatch_core.exports.tables import table_bytes

    return table_bytes(_chosen(folder, rules).table, kind)
