"""The first chapter: how the run ended, the verdict, what needs attention, its notes, and the excluded cells."""

from __future__ import annotations

from psmatch_core.data.checks import display
from psmatch_core.report.chapters.verdict import add_verdict
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.ending import describe_ending
from psmatch_core.workspace.run_facts import read_note
from psmatch_core.workspace.run_folder import RunFolder


def attention_chapter(run: LoadedRun, page: Page) -> None:
    """What a reader should know first."""
    if ending := describe_ending(run.folder):
        page.text(ending, "attention")
    if note := read_note(run.folder.path):
        page.text(f"Note: {note}")
    inputs = files.INPUTS.read(run.folder)
    if inputs is not None:
        source, target = (
            f"{inputs[side].n_cells:,} cells of {display(inputs[side].name)}" for side in files.BOTH_SIDES
        )
        page.text(f"{source} (source) and {target} (target). Pairs are inferred, not measured.")
    page.heading("What needs attention")
    if run.coupling is not None:
        add_verdict(page, run.judged[0])
    problems = _problems(run)
    if problems:
        page.points(problems)
    if run.labels is None:
        page.text("Not known: the run has no table of labels, so no label can be called matched.")
    elif not problems:
        page.text("All labels were matched, and no solver reported a problem.")
    notes = [*(files.NOTES.read(run.folder) or ()), *(note for model in run.models or () for note in model.notes)]
    if notes:
        page.text("Notes:")
        page.points(dict.fromkeys(str(note) for note in notes))
    excluded = _excluded_cells(run.folder)
    if excluded:
        page.table(("modality", "why cells were excluded", "cells"), excluded)


def _problems(run: LoadedRun) -> list[str]:
    """Modalities that have learned nothing, and labels that need attention."""
    problems = [
        f"The {display(model.modality.name)} classifier has learned nothing about the labels: its held-out loss "
        f"({model.validation_loss:.2f} nats) is not below the label entropy ({model.label_entropy:.2f} nats). Within a "
        "label, its cells are matched at random."
        for model in run.models or ()
        if model.validation_loss >= model.label_entropy
    ]
    if run.labels is not None:
        for row in run.labels[run.labels["needs_attention"]].itertuples():
            note = f" {row.note}" if row.note else ""
            cells = f"{row.n_source:,} source and {row.n_target:,} target cells"
            problems.append(f"Label {display(row.label, 60)} ({cells}): {row.status}.{note}")
    return problems


def _excluded_cells(folder: RunFolder) -> list[tuple[str, str, int]]:
    """Modality, reason and number of excluded cells; the exports list their names."""
    path = folder.exports / "excluded_cells.csv"
    if not path.exists():
        return []
    import pandas as pd

    cells = pd.read_csv(path, dtype=str, keep_default_na=False)
    counts = cells.groupby(["modality", "reason"], sort=False).size()
    return [(str(name), str(reason), int(n)) for (name, reason), n in counts.items()]
