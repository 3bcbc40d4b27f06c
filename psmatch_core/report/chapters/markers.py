"""The chapter on markers that a user has kept: what distinguishes two groups, and what the matching adds to it."""

from __future__ import annotations

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import display
from psmatch_core.exploration.markers import MEASURED, PROJECTED
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace.saved_markers import load_markers

TOP = 25  # features of each modality in a table
TITLES = {
    "feature": "feature",
    "effect": "difference [SD]",
    "effect_low": "95% from",
    "effect_high": "to",
    "auroc": "AUROC",
    "label_part": "of the labels",
    "within_part": "within labels",
    "q_within": "q within",
    "q_labels": "q labels",
}


def markers_chapter(run: LoadedRun, page: Page) -> None:
    """All markers that were kept for the report."""
    saved = load_markers(run.folder)
    if not saved:
        return
    from psmatch_core.plotting import marker_bars

    page.heading("Markers: what distinguishes selected cells in both modalities?")
    page.text(
        "Differences are in standard deviations within labels. The part of the labels is what a uniform plan gives; "
        "what lies within labels is what the matching adds in the projected modality.",
        "small",
    )
    for name, found in saved.items():
        page.subheading(display(name, 60))
        first, second = found.n_cells
        compared = f"{display(found.group, 80)} ({plural(first, 'cell')}) compared with {display(found.against, 80)}"
        page.text(f"{compared} ({second:,}). {found.finding()}.")
        for values in (MEASURED, PROJECTED):
            table = found.of(values)
            page.figure(marker_bars(found, values))
            page.table(list(TITLES.values()), table[list(TITLES)].head(TOP).to_numpy(dtype=object).tolist())
            if len(table) > TOP:
                page.text(f"The first {TOP} of {plural(len(table), 'feature')}, {values}.", "small")
        page.points(found.notes)
