"""The chapters on predictions: translators, shifts of labels, and labels that were left out and predicted."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.predictions import load_shifts


def translate_chapter(run: LoadedRun, page: Page) -> None:
    """How features are predicted in both directions: training, R² of each feature, shifts of labels."""
    if run.coupling is None or run.models is None:
        return
    from psmatch_core.plotting import feature_r2_bars, shift_dots, translator_curves

    page.heading("Translate: what would these cells look like in the other modality?")
    page.text(f"Translator: {type(run.folder.recipe.translator).__name__}.")
    for direction in files.DIRECTIONS:
        fitted = files.TRANSLATOR.read(run.folder, which=direction)
        r2 = files.TRANSLATION_R2.read(run.folder, which=direction)
        shifts = load_shifts(run.folder, run.models, direction)
        if fitted is None and r2 is None and shifts is None:
            continue
        page.subheading(run.describe(direction))
        if fitted is not None:
            page.text(
                f"Trained on {fitted.n_training:,} cells; {len(fitted.held_out):,} others were held out to evaluate it."
            )
            page.points(fitted.notes)
            if fitted.curves:
                page.figure(translator_curves(fitted.curves))
        if r2 is not None and len(r2) > 1:
            column = str(r2.columns[1])
            measured = column.removeprefix("r2_").replace("_", " ")
            page.text(f"R² ({measured}) over all features: {float(r2.iloc[0, 1]):.3f}.")
            page.figure(feature_r2_bars(dict(zip(r2["feature"][1:], r2[column][1:].astype(float), strict=True))))
        if shifts is not None and shifts.labels:
            page.figure(shift_dots(shifts))
            if fitted is None:
                page.text("The weighted mean over all cells of a label is its own mean for every matching.", "small")


def leave_out_chapter(run: LoadedRun, page: Page) -> None:
    """All labels that were left out and predicted."""
    found = []
    for job in LeaveOutJob.jobs_of(run.folder):
        try:
            result = None if job.is_active else job.result()
        except PsmatchError as error:
            page.text(f"{error.problem} {error.hint}", "small")
            continue
        if result is not None:
            found.append(result)
    if not found:
        return
    from psmatch_core.plotting import predicted_means, shifted_features

    page.heading("Perturbations left out and predicted")
    page.table(
        ("label", "predicted", "control", "cells", "shift explained", "uniform matching", "mean of labels"),
        [
            (
                each.label,
                run.describe(each.direction),
                each.control,
                each.n_cells,
                *(each.shift_explained[name] for name in ("translated", "uniform", "label_mean")),
            )
            for each in found
        ],
    )
    for each in found:
        page.subheading(f"{display(each.label, 60)}: {run.describe(each.direction)}")
        page.text(
            f"{plural(each.n_cells, 'unseen cell')} predicted, compared with "
            f"{plural(each.n_observed, 'observed cell')}."
        )
        page.figure(predicted_means(each))
        page.figure(shifted_features(each))
        summary = each.summary()
        page.table([str(name).replace("_", " ") for name in summary.columns], summary.to_numpy(object))
        page.points(each.notes)
