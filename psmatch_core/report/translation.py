"""Chapters on what a run predicts: translators, shifts of labels, clouds compared, perturbations left out."""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.checks import display
from psmatch_core.evaluation.distributions import DISTANCE_MEASURES
from psmatch_core.report.content import Content
from psmatch_core.report.page import Page
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET
from psmatch_core.workspace import files
from psmatch_core.workspace.jobs.leave_out import LeaveOutJob
from psmatch_core.workspace.predictions import load_shifts

WAYS = (TO_SOURCE, TO_TARGET)


def translators(content: Content, page: Page) -> None:
    """How features are carried or predicted, in both directions: training, R² of each feature, shifts of labels."""
    if content.coupling is None or content.models is None:
        return
    from psmatch_core.plotting import feature_r2_bars, shift_dots, translator_curves

    page.heading("Translate: what would cells look like in the other modality?")
    kind = type(content.folder.recipe.translator).__name__
    page.text(f"Translator: {kind}. A direction names whose features are predicted at whose cells.")
    for direction in WAYS:
        fitted = files.TRANSLATOR.read(content.folder, which=direction)
        table = files.TRANSLATION_R2.read(content.folder, which=direction)
        shifts = load_shifts(content.folder, content.models, direction)
        if fitted is None and table is None and shifts is None:
            continue
        page.subheading(content.way(direction))
        if fitted is not None:
            page.text(f"Trained on {fitted.n_training:,} cells; {len(fitted.held_out):,} held out to judge it.")
            page.points(fitted.notes)
            if fitted.curves:
                page.figure(translator_curves(fitted.curves))
        if table is not None and len(table) > 1:
            column = str(table.columns[1])
            page.text(
                f"R², {column.removeprefix('r2_').replace('_', ' ')}; all features: {float(table.iloc[0, 1]):.3f}."
            )
            page.figure(feature_r2_bars(dict(zip(table["feature"][1:], table[column][1:].astype(float), strict=True))))
        if shifts is not None and shifts.labels:
            page.figure(shift_dots(shifts))
            if fitted is None:
                page.text("Weighted means over all cells of a label give its own mean, whatever the matching.", "small")


def distributions(content: Content, page: Page) -> None:
    """Translated against observed cells, where no pair is known."""
    compared = files.DISTRIBUTIONS.read(content.folder)
    if not compared:
        return
    from psmatch_core.plotting import distance_dots

    page.heading("Translated against observed cells, where no pair is known")
    page.text("Beside the same through a uniform plan, and a floor: one half of the observed cells against the other.")
    for direction, found in compared.items():
        page.subheading(content.way(direction))
        if found.per_label:
            rows = [
                (name.replace("_", " "), *(values[each] for each in DISTANCE_MEASURES))
                for name, values in found.micro.items()
            ]
            page.table(("mean over cells", *(each.replace("_", " ") for each in DISTANCE_MEASURES)), rows)
            page.figure(distance_dots(found, "energy"))
        page.points(found.notes)
        if found.skipped:
            page.table(("label not compared", "reason"), list(found.skipped.items()))


def left_out(content: Content, page: Page) -> None:
    """Every perturbation that was left out of everything, and predicted."""
    jobs = [job for job in LeaveOutJob.jobs_of(content.folder) if not job.is_active]
    found = []
    for job in jobs:
        try:
            result = job.result()
        except PsmatchError as error:
            page.text(f"{error.problem} {error.hint}", "small")
            continue
        if result is not None:
            found.append(result)
    if not found:
        return
    from psmatch_core.plotting import predicted_means, shifted_features

    page.heading("Perturbations left out of everything, and predicted")
    rows = [
        (each.label, content.way(each.direction), each.control, each.n_cells,
         *(each.shift_explained[name] for name in ("translated", "uniform", "label_mean")))
        for each in found
    ]  # fmt: skip
    page.table(("label", "predicted", "control", "cells", "shift explained", "uniform matching", "labels' mean"), rows)
    for each in found:
        page.subheading(f"{display(each.label, 60)}: {content.way(each.direction)}")
        page.text(f"{plural(each.n_cells, 'cell')}, never seen, against {plural(each.n_observed, 'observed cell')}.")
        page.figure(predicted_means(each))
        page.figure(shifted_features(each))
        summary = each.summary()
        page.table([str(name).replace("_", " ") for name in summary.columns], summary.to_numpy(object))
        page.points(each.notes)
