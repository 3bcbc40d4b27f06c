"""The chapter on the classifiers: losses, calibration, confusion, and the map of scores."""

from __future__ import annotations

from psmatch_core.report.loaded_run import LoadedRun
from psmatch_core.report.page import Page
from psmatch_core.workspace import files

MOST_POINTS = 20_000  # in the map of scores; with more, the file would have hundreds of megabytes


def propensity_chapter(run: LoadedRun, page: Page) -> None:
    """How well each modality distinguishes the labels."""
    if run.models is None:
        return
    from psmatch_core.classification.propensity import PropensityModel
    from psmatch_core.plotting import (
        PALETTE,
        confusion,
        fitted_curves,
        label_losses,
        loss_curves,
        reliability,
        score_map_figure,
    )

    models = run.models
    page.heading("Propensity: can each modality distinguish the labels?")
    if not isinstance(models[0], PropensityModel):
        page.text(f"Cells were matched by {models[0].space_name}, not by propensity scores.", "attention")
    page.table(
        (
            "modality",
            "calibrated loss [nats]",
            "label entropy [nats]",
            "accuracy",
            "balanced accuracy",
            "calibration error",
        ),
        [
            (
                model.modality.name,
                model.validation_loss,
                model.label_entropy,
                model.accuracy,
                model.balanced_accuracy,
                model.reliability.expected_error,
            )
            for model in models
        ],
    )
    curves = fitted_curves(models)
    if curves:
        page.figure(loss_curves(curves, entropies={model.modality.name: model.label_entropy for model in models}))
    page.figure(label_losses(*models))
    page.figure(reliability(*models))
    for model in models:
        page.figure(confusion(model))
    if run.coupling is not None and run.coupling.blocks:
        return  # the chapter of the cells has their maps
    maps = (files.SCORE_MAP.read(run.folder, which=method) for method in ("umap", "pca"))
    scores = next((found for found in maps if found is not None), None)
    if scores is None:
        return
    if scores.source_cells.size + scores.target_cells.size <= MOST_POINTS:
        has_many_labels = len(models[0].label_names) > len(PALETTE)
        page.figure(score_map_figure(scores, *models, color="family" if has_many_labels else "label"))
    else:
        page.text(f"The map of scores is not shown above {MOST_POINTS:,} points; the app shows it.", "small")
