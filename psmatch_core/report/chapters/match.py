"""The chapters on the matches: effective matches, the plan of the largest label, all statuses, and the L-curves."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace.jobs.epsilon_path import EpsilonPathJob

LABEL_COLUMNS = {
    "label": "label",
    "n_source": "source cells",
    "n_target": "target cells",
    "n_effective": "effective matches",
    "status": "status",
    "note": "note",
    "marginal_error": "marginal error",
    "iterations": "iterations",
    "epsilon": "ε [cost]",
}


def match_chapter(run: LoadedRun, page: Page) -> None:
    """Which cells match, and how each label was solved."""
    coupling, table = run.coupling, run.labels
    if coupling is None or table is None:
        return
    from psmatch_core.plotting import coupling_heatmap, effective_matches

    page.heading("Match: which cells match across the two modalities?")
    if coupling.blocks:
        page.figure(effective_matches(coupling))
        largest = max(coupling.blocks, key=lambda label: coupling.blocks[label].shape[0])
        page.text(f"The plan of the largest label, {display(largest, 60)}:")
        page.figure(
            coupling_heatmap(
                coupling[largest],
                row_names=coupling.source.modality.obs_names[coupling.source_cells[largest]],
                column_names=coupling.target.modality.obs_names[coupling.target_cells[largest]],
            )
        )
    shown = table.sort_values(["needs_attention", "n_source"], ascending=[False, False])
    page.table(list(LABEL_COLUMNS.values()), shown[list(LABEL_COLUMNS)].to_numpy(dtype=object).tolist())


def l_curve_chapter(run: LoadedRun, page: Page) -> None:
    """Cost against spread of the labels whose epsilon path was solved on the Match page."""
    if run.models is None or run.coupling is None:
        return
    from psmatch_core.plotting import l_curve_figure

    shown: set[str] = set()
    for job in EpsilonPathJob.jobs_of(run.folder):  # the latest first
        try:
            path = None if job.label in shown else job.result(run.models)
        except PsmatchError:  # of another version: the page solves it again when it is needed
            continue
        if path is None:
            continue
        if not shown:
            page.heading("How sharp? Cost against the spread of the matches")
        shown.add(job.label)
        page.text(f"{display(job.label, 60)}, solved at {plural(len(path), 'value')} of {path.option}:")
        page.figure(l_curve_figure(path.curve, current=getattr(run.folder.recipe.matcher, path.option, None)))
