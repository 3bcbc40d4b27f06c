"""The chapters on predictions: translators, what the matching adds, and labels that were left out and predicted."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.checks import display
from psmatch_core.evaluation.within_labels import NO_ACCURACY, FeatureAccuracy
from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.translation.translate import DIRECTIONS
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob


def translate_chapter(run: LoadedRun, page: Page) -> None:
    """How features are predicted in both directions: training, and what the matching adds within labels."""
    if run.coupling is None or run.models is None:
        return
    from psmatch_core.plotting import feature_r2_bars, translator_curves

    translator = run.folder.recipe.translator
    accuracy = files.ACCURACY.read(run.folder) or {}
    page.heading("Translate: what would these cells look like in the other modality?")
    page.text(f"Translator: {kind_title(type(translator))}.")
    if not accuracy:
        page.text(f"What the matching adds to the prediction of features: {NO_ACCURACY[0].lower()}{NO_ACCURACY[1:]}")
    for direction in DIRECTIONS:
        fitted = files.TRANSLATOR.read(run.folder, which=direction)
        if fitted is None and not accuracy.get(direction):
            continue
        page.subheading(run.describe(direction))
        if fitted is not None:
            page.text(
                f"Trained on {fitted.n_training:,} cells; {len(fitted.held_out):,} others were held out to evaluate it."
            )
            page.points(fitted.notes)
            if fitted.curves:
                page.figure(translator_curves(fitted.curves))
        for found in accuracy.get(direction, ()):
            page.text(f"{found.translator}. {found.finding()}.")
            page.points(found.remarks())
            if not run.is_of_pixels(direction):
                page.figure(feature_r2_bars(found))
                _gained(found, page)


def _gained(found: FeatureAccuracy, page: Page) -> None:
    """What the matching adds, feature by feature."""
    if not found.gained:
        page.text("There is no single feature to which the matching adds.")
        return
    page.text("What the matching adds, by feature:")
    rows = found.table().set_index("feature").loc[list(found.gained)]
    columns = {"r2_matched": "R² within labels", "r2_uniform": "uniform plan", "gain": "gain"}
    columns |= {"gain_low": "95% from", "gain_high": "95% to"}
    page.table(
        ("feature", *columns.values()),
        [(name, *values) for name, *values in rows[list(columns)].itertuples()],
    )


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
    from psmatch_core.plotting import predicted_shifts, shifted_features

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
            f"{plural(each.n_observed, 'observed cell')}. {each.finding()}. One label is one trial."
        )
        page.figure(predicted_shifts(each))
        page.figure(shifted_features(each))
        summary = each.summary()
        page.table([str(name).replace("_", " ") for name in summary.columns], summary.to_numpy(object))
        page.points(each.notes)
