"""The chapter on the data: sizes of both modalities, and cells per label."""

from __future__ import annotations

from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files


def data_chapter(run: LoadedRun, page: Page) -> None:
    """What the run has read."""
    report, inputs = files.LABEL_REPORT.read(run.folder), files.INPUTS.read(run.folder)
    if report is None or inputs is None:
        return
    from psmatch_core.plotting import label_counts

    page.heading("Data")
    sides = [(side, inputs[side]) for side in files.BOTH_SIDES]
    page.table(
        ("side", "name", "cells", "features", "labels", "excluded cells", "fingerprint"),
        [
            (side, each.name, each.n_cells, each.n_features, each.n_labels, each.n_excluded, each.fingerprint[:12])
            for side, each in sides
        ],
    )
    pairs = files.KNOWN_PAIRS.read(run.folder)
    if pairs is not None:
        page.text(str(pairs))
    names = {f"{side}_name": each.name for side, each in sides}
    page.figure(label_counts(report.source_counts, report.target_counts, **names))
