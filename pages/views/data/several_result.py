"""The result of matching all three modalities: what it says in one sentence, its figures, and its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.shell import charts, progress_box, session
from pages.shell.downloads import download_row
from pages.shell.errors import show_errors
from pages.shell.frame import say_answer
from pages.shell.opened_results import origin_text
from pages.shell.places import in_own_place
from pages.shell.read_only import link_to_matching
from pages.shell.several import current_several, is_as_asked
from pages.shell.tables import EMPTY_FIGURE, label_table, text_width
from pages.shell.text import count, number, plain, when
from pages.shell.workspace import DEMO
from psmatch_core.data.sides import ALL_SIDES
from psmatch_core.evaluation.evaluate import INFLATED
from psmatch_core.monitor import FIGURES, Verdict
from psmatch_core.monitor.report import REPRODUCIBLE
from psmatch_core.pipeline.preset_words import preset_in_words
from psmatch_core.pipeline.several_figures import PairFigures, SeveralFigures
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.manifest import result_files_in
from psmatch_core.workspace.opening.named_data import is_there

BY_COMMAND = "psmatch match-many matches any number"
WITHOUT_VERDICT = "not judged"  # a pair or a label of which nothing is known
TRUTH = ("foscttm", "rank", "trace_fold")
CYCLE_COLUMNS = {
    "agreement": ("Agreement", "Of direct matches and those through a third modality: 1 the same, 0 unrelated."),
    "agreement_turned": (
        "third turned",
        "The same if the third is turned at random: what geometry alone gives.",
    ),
    "shared_mass": ("Shared mass", "Mass that both ways put on the same cells, 0 to 1."),
    "shared_mass_turned": ("mass, turned", "The same if the third modality is turned at random."),
    "shared_mass_uniform": ("mass, uniform", "Of the direct plan and a uniform one."),
}
DESCRIPTIONS = {
    "matched.h5mu": "one observation for each cell of the reference, with a partner in each other modality",
    "pairs_": "each cell of the reference with its heaviest matches",
    "coupling_": "the complete coupling of two modalities, sparse",
    "labels.csv": "all labels: cells in each modality, and why some are not matched",
    "excluded_cells.csv": "cells that were left out, with the reason",
    "cycle_consistency.csv": "consistency by label and way, beside its baselines",
    "evaluation.csv": "metrics by label from known pairs: of held-out cells, and of all, inflated",
    "README.txt": "what the files contain, and notes from the computation",
    "modalities.json": "all settings, and the seed",
}


@in_own_place
def several_section() -> None:
    """The matching of all three that was started or opened last: its progress, or its result; nothing without one."""
    job = current_several(session.workspace())
    if job is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(f"{plain(job.name)}, matched together", anchor=False, width="content")
        st.button("Close", key="several.close", icon=":material/close:", on_click=session.set_several, args=("",))
    if job.folder.is_read_only:
        own = "“Match all three” makes one of your own" if len(job.specs) <= len(ALL_SIDES) else BY_COMMAND
        words = "This matching belongs to somebody else. You can read it and take its files"
        st.caption(f":material/lock: {words}; {own}.")
    progress_box.show_job(job)
    if job.is_done:
        with show_errors():
            _result(job)
    st.divider()


def _result(job: SeveralJob) -> None:
    figures = files.SEVERAL_FIGURES.read(job.folder)
    if figures is None:
        return
    say_answer(figures.answer(), on="several")
    _made_with(job)
    _consistency(figures)
    _pairs(figures)
    _truth(job, figures)
    _by_label(job, figures)
    _notes(figures)
    _files(job)
    link_to_matching(job.id)


@in_own_place
def _made_with(job: SeveralJob) -> None:
    """When and with which method, and whether the settings have changed since."""
    st.caption(f"{when(job.created)} · {plain(preset_in_words(job.folder.recipe))}")
    _came_from(job)
    workspace = session.workspace()
    if workspace.third is not None and not workspace.missing and not is_as_asked(job, workspace):
        st.caption(":material/refresh: Settings have changed since. Press “Match all three” to match with them.")


def _came_from(job: SeveralJob) -> None:
    """Where a matching that was opened came from, and which of its files are not here."""
    if words := origin_text(job.folder):
        st.caption(f":material/drive_folder_upload: Opened {words}.")
    missing = [Path(spec.path).name for spec in job.specs.values() if not is_there(spec.path)]
    if missing and words:
        st.caption(
            f":material/link_off: Not here: {plain(', '.join(missing), 120)}. The result can be read and its files "
            "taken; only matching again needs the data."
        )
    if len(job.specs) > len(ALL_SIDES):
        st.caption(
            f"The steps before hold the first three of its {len(job.specs)} modalities, and “Match all three” matches "
            f"these; {BY_COMMAND}."
        )


@in_own_place
def _consistency(figures: SeveralFigures) -> None:
    if not figures.cycle:
        return
    found = figures.cycle
    charts.metrics(
        [
            (
                "Cycle agreement",
                number(found["agreement"], 2),
                f"third turned at random {number(found['agreement_turned'], 2)}",
                CYCLE_COLUMNS["agreement"][1],
            ),
            (
                "Shared mass",
                number(found["shared_mass"], 2),
                f"turned {number(found['shared_mass_turned'], 2)}, uniform {number(found['shared_mass_uniform'], 2)}",
                CYCLE_COLUMNS["shared_mass"][1],
            ),
        ],
        gap="small",
    )
    st.caption(plain(figures.cycles_in_words()))


@in_own_place
def _pairs(figures: SeveralFigures) -> None:
    st.markdown("**Each pair of modalities**")
    rows: list[dict[str, Any]] = [
        {
            "pair": f"{pair.source} → {pair.target}",
            "verdict": _verdict(pair.verdict),
            "labels": pair.counted() or "–",
            "n_effective": pair.n_effective,
            "n_candidates": pair.n_candidates,
            **pair.cycle,
        }
        for pair in figures.pairs
    ]
    config: dict[str, Any] = {
        "pair": st.column_config.TextColumn("Pair", pinned=True, width=text_width(row["pair"] for row in rows)),
        "verdict": st.column_config.TextColumn("Verdict", width=text_width(row["verdict"] for row in rows)),
        "labels": st.column_config.TextColumn("Labels", width=text_width(row["labels"] for row in rows)),
        **_number_columns(),
    }
    st.dataframe(rows, hide_index=True, column_config=config, key="several.pairs", placeholder=EMPTY_FIGURE)
    st.caption(f"matched.h5mu holds the matches with {plain(figures.names[0])}, the reference. {REPRODUCIBLE}")


def _verdict(verdict: Verdict | None) -> str:
    return WITHOUT_VERDICT if verdict is None else verdict.value


def _number_columns() -> dict[str, Any]:
    columns = {
        "n_effective": st.column_config.NumberColumn("Effective matches", format="%.3g", help="Of the median cell."),
        "n_candidates": st.column_config.NumberColumn("of candidates", format="%.3g"),
    }
    return columns | {
        name: st.column_config.NumberColumn(title, format="%.2f", help=text)
        for name, (title, text) in CYCLE_COLUMNS.items()
    }


@in_own_place
def _truth(job: SeveralJob, figures: SeveralFigures) -> None:
    """The metrics from known pairs, each beside that of a uniform plan; nothing if no pair is known."""
    known = [pair for pair in figures.pairs if pair.known]
    if not known:
        st.caption("No true pairs are known, so how good the matches are cannot be measured.")
        return
    is_demo = all(spec.path.startswith(DEMO) for spec in job.specs.values())
    title = "Against the truth of the demo" if is_demo else "Against known pairs"
    st.markdown(f"**{title}**")
    judged = [pair for pair in known if pair.held_out]
    if judged:
        st.caption(
            "Of cells that no classifier saw: groups of physical cells train one modality each, another is judged."
        )
        rows = [_truth_row(pair, pair.held_out, pair.held_out_uniform, pair.n_held_out) for pair in judged]
        _truth_table(rows, "several.held_out", is_held_out=True)
        st.caption("Of all pairs:")
    st.warning(f"**These figures are {INFLATED}.**", icon=":material/warning:")
    rows = [_truth_row(pair, pair.known, pair.uniform, pair.n_known) for pair in known]
    _truth_table(rows, "several.truth", is_held_out=False)


def _truth_table(rows: list[dict[str, Any]], key: str, *, is_held_out: bool) -> None:
    of = {name: FIGURES[f"held_out_{name}" if is_held_out else name] for name in TRUTH}
    st.dataframe(
        rows, hide_index=True, key=key, placeholder=EMPTY_FIGURE,
        column_config={
            "pair": st.column_config.TextColumn("Pair", pinned=True),
            "n_known": st.column_config.NumberColumn("Known pairs", format="localized"),
            **{
                name: st.column_config.NumberColumn(figure.title(), format="%.3f", help=figure.unit)
                for name, figure in of.items()
            },
            **{f"{name}_uniform": st.column_config.NumberColumn("uniform plan", format="%.3f") for name in TRUTH},
        },
    )  # fmt: skip


def _truth_row(
    pair: PairFigures, figures: Mapping[str, float], uniform: Mapping[str, float], n_pairs: int
) -> dict[str, Any]:
    row: dict[str, Any] = {"pair": f"{pair.source} → {pair.target}", "n_known": n_pairs}
    for name in TRUTH:
        row |= {name: figures[name], f"{name}_uniform": uniform[name]}
    return row


@in_own_place
def _by_label(job: SeveralJob, figures: SeveralFigures) -> None:
    st.markdown("**By label**")
    titles = [f"{pair.source} → {pair.target}" for pair in figures.pairs]
    chosen = st.selectbox("Pair", titles, key=f"several.pair.{job.id}", width=380)
    pair = figures.pairs[titles.index(chosen or titles[0])]
    rows = [
        {
            "label": row.label,
            "verdict": _verdict(row.verdict),
            "n_cells": row.n_cells,
            "n_effective": row.n_effective,
            **row.cycle,
            "status": row.status or "–",
        }
        for row in pair.labels
    ]
    config = {
        **_number_columns(),
        "verdict": st.column_config.TextColumn("Verdict", width=text_width(each.value for each in Verdict)),
        "n_cells": st.column_config.NumberColumn(f"Cells of {pair.source}", format="localized"),
        "status": st.column_config.TextColumn("Needs attention"),
    }
    label_table(pd.DataFrame(rows), config, key=f"several.labels.{job.id}.{chosen}")
    left = [row for row in figures.labels if not row.matched]
    if left:
        names = "; ".join(f"{plain(row.label, 40)} ({plain(row.reason, 200)})" for row in left[:6])
        st.caption(f"{count(len(left), 'label')} not matched: {names}{' …' if len(left) > 6 else ''}. See labels.csv.")


@in_own_place
def _notes(figures: SeveralFigures) -> None:
    if figures.notes:
        with st.expander(f"Notes ({len(figures.notes)})"):
            st.markdown("\n".join(f"- {plain(note)}" for note in figures.notes))


def _files(job: SeveralJob) -> None:
    st.markdown("**Files**")
    with st.container(border=True):
        written = [path for path in result_files_in(job.folder.path) if path.parent == job.folder.exports]
        for name, description in DESCRIPTIONS.items():
            for path in written:
                if path.name.startswith(name):
                    download_row(job.folder, path, description)
