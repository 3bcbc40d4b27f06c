"""The pairs of a run: rules that choose them, a preview, and downloads."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import streamlit as st

from pages.shell import cache, charts, session
from pages.shell.downloads import mime_type, open_binary, open_written
from pages.shell.forms import config_form
from pages.shell.glossary import meaning
from pages.shell.tables import EMPTY_CELL, fitted_height, in_percent, percent_column, text_width
from pages.shell.text import count
from pages.shell.verdicts import report_of
from psmatch_core.pipeline.recipe import ExportRules
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

PREVIEW = 100


def pairs_section(folder: RunFolder) -> None:
    """The rules, how many pairs they choose, the first of them, and download buttons."""
    workspace = session.workspace()
    rules = config_form(workspace.exports, workspace.base.exports, name="exports", more="For the next run")
    session.set_workspace(replace(workspace, exports=rules))
    chosen = _chosen(folder, rules)
    if not len(chosen):
        st.info("No cell was matched. The table of labels on Match shows why.", icon=":material/arrow_forward:")
        return
    charts.metrics([("Pairs", f"{len(chosen):,}", "", "")])
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
        _matched_button(folder, rules)


def _matched_button(folder: RunFolder, rules: ExportRules) -> None:
    values = rules.h5mu if rules.h5mu != "none" else "best"
    st.download_button(
        f"Matched cells, h5mu ({values})",
        data=partial(_matched, folder, rules, values),
        file_name=f"psmatch-matched-{folder.id}.h5mu",
        mime="application/x-hdf5",
        key="download.matched",
        on_click="ignore",
        icon=":material/join_inner:",
        help="One observation per pair for mudata and muon: the source's features as one modality, the matched ones of "
        "the target as the other. The setting matched.h5mu above says which.",
    )


def _matched(folder: RunFolder, rules: ExportRules, values: str) -> BinaryIO:
    from psmatch_core.exports.matched_h5mu import MATCHED_OF_RUN
    from psmatch_core.workspace.matched_file import write_matched_of

    name, coupling = MATCHED_OF_RUN.format(values), cache.coupling(folder)

    def write(path: Path) -> Path:
        return write_matched_of(folder, path, values=values, rules=rules, coupling=coupling)

    # a guest's download leaves nothing in the run
    return open_written(write, name) if folder.is_read_only else open_binary(write(folder.exports / name))


def _preview(chosen: pd.DataFrame) -> None:
    column, shown = st.column_config, in_percent(chosen.head(PREVIEW), "weight")
    flags = [str(each) for each in shown["flags"]] if "flags" in shown else []
    config: dict[str, Any] = {
        "source_cell": column.TextColumn("Source cell"),
        "target_cell": column.TextColumn("Target cell"),
        "label": column.TextColumn("Label"),
        "weight": percent_column("Weight", help=meaning("weight")),
        "rank": column.NumberColumn("Rank", format="%d"),
        "n_effective": column.NumberColumn("Effective matches", format="%.1f", help=meaning("effective matches")),
        "verdict": column.TextColumn("Verdict", help="Of the label: what its matches are good for (Monitor)."),
        "agreement": column.NumberColumn("Agreement", format="%.2f", help="Of the label's halves (Monitor)."),
        "flags": column.TextColumn("Flags", width=text_width(flags)),
        "mass": column.NumberColumn("Mass", format="%.3g", help="How much of the cell is matched: 1 is all of it."),
        "draws": column.NumberColumn("Draws", format="%d", help="How many times this target cell was drawn."),
    }
    st.dataframe(
        shown,
        hide_index=True,
        column_config=config,
        height=320,
        row_height=fitted_height(shown, config),
        placeholder=EMPTY_CELL,
    )
    n_rows = len(chosen)
    st.caption(f"The first {min(PREVIEW, n_rows):,} of {count(n_rows, 'row')}. These pairs are inferred, not measured.")


def _chosen(folder: RunFolder, rules: ExportRules) -> pd.DataFrame:
    key = json.dumps(rules.to_dict(), sort_keys=True)
    times = (*files.COUPLING.times(folder), *files.MONITOR_REPORT.times(folder))
    return _pairs(str(folder.path), times, key, folder.recipe.seed)


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Choosing pairs…")
def _pairs(path: str, times: tuple[int, ...], rules: str, seed: int) -> pd.DataFrame:
    from psmatch_core.exports.pairs import choose_pairs, verdict_columns

    folder = RunFolder(Path(path))
    chosen = choose_pairs(cache.coupling(folder), ExportRules.from_dict(json.loads(rules)), seed=seed)
    return chosen.assign(**verdict_columns(chosen["label"].to_numpy(), report_of(folder)))


def _written(folder: RunFolder, rules: ExportRules, kind: str) -> bytes:
    from psmatch_core.exports.tables import table_bytes

    return table_bytes(_chosen(folder, rules), kind)
