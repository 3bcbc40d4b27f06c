"""The chapters of a report: each looks for its files in the run's folder, and leaves the page alone without them."""

from __future__ import annotations

import json
import time

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import display
from psmatch_core.report import evidence, translation
from psmatch_core.report.content import SIDES, Chapter, Content
from psmatch_core.report.page import Page
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import DONE

LARGEST_MAP = 20_000  # points of the map of scores; above, the file would be hundreds of megabytes of dots


def _verdict(content: Content, page: Page) -> None:
    status = content.folder.status()
    if status.state != DONE:
        page.text(f"This run is not finished: {status.state}. {status.problem} {status.hint}".strip(), "attention")
    inputs = files.INPUTS.read(content.folder)
    if inputs is not None:
        sides = [f"{inputs[side].n_cells:,} cells of {display(inputs[side].name)}" for side in SIDES]
        page.text(f"{sides[0]} (source) and {sides[1]} (target). Pairs are inferred, not measured.")
    page.heading("What needs attention")
    wrong = _attention(content)
    if wrong:
        page.points(wrong)
    else:
        page.text("Nothing: every label was matched, and its solver ended as it should.")
    notes = list(files.NOTES.read(content.folder) or ())
    if content.models is not None:
        notes += [note for model in content.models for note in model.notes]
    if notes:
        page.text("Noticed on the way:")
        page.points(dict.fromkeys(str(note) for note in notes))
    excluded = _excluded(content)
    if excluded:
        page.table(("modality", "why cells were left out", "cells"), excluded)


def _excluded(content: Content) -> list[tuple[str, str, int]]:
    """Cells that were left out, counted by modality and reason; their names are in the exports."""
    path = content.folder.exports / "excluded_cells.csv"
    if not path.exists():
        return []
    import pandas as pd

    cells = pd.read_csv(path, dtype=str, keep_default_na=False)
    counts = cells.groupby(["modality", "reason"], sort=False).size()
    return [(str(name), str(reason), int(n)) for (name, reason), n in counts.items()]


def _attention(content: Content) -> list[str]:
    """Labels that need a look and modalities that have learned nothing, in words."""
    said = []
    for model in content.models or ():
        if model.validation_loss >= model.label_entropy:
            said.append(
                f"{display(model.modality.name)} has learned nothing of the labels: its held-out loss "
                f"({model.validation_loss:.2f} nats) is not below their entropy ({model.label_entropy:.2f} nats). "
                "Within a label its cells are matched at random."
            )
    if content.labels is not None:
        for row in content.labels[content.labels["needs_attention"]].itertuples():
            note = f" {row.note}" if row.note else ""
            cells = f"{row.n_source:,} source and {row.n_target:,} target cells"
            said.append(f"Label {display(row.label, 60)} ({cells}): {row.status}.{note}")
    return said


def _data(content: Content, page: Page) -> None:
    report, inputs = files.LABEL_REPORT.read(content.folder), files.INPUTS.read(content.folder)
    if report is None or inputs is None:
        return
    from psmatch_core.plotting import label_counts

    page.heading("Data")
    rows = [(side, each.name, each.n_cells, each.n_features, each.n_labels, each.n_excluded, each.fingerprint[:12])
            for side, each in zip(SIDES, (inputs.source, inputs.target), strict=True)]  # fmt: skip
    page.table(
        ("side", "name", "cells", "features", "labels", "left out [cells]", "fingerprint"),
        rows,
    )
    names = {f"{side}_name": inputs[side].name for side in SIDES}
    page.figure(label_counts(report.source_counts, report.target_counts, **names))


def _propensity(content: Content, page: Page) -> None:
    if content.models is None:
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

    models = content.models
    page.heading("Propensity: can each modality tell the labels apart?")
    if not isinstance(models[0], PropensityModel):
        page.text(f"Cells were matched on {models[0].space_name}, not on propensity scores.", "attention")
    columns = ("modality", "loss [nats]", "label entropy [nats]", "accuracy", "balanced accuracy", "calibration error")
    rows = [
        (model.modality.name, model.validation_loss, model.label_entropy, model.accuracy, model.balanced_accuracy,
         model.reliability.expected_error)
        for model in models
    ]  # fmt: skip
    page.table(columns, rows)
    curves = fitted_curves(models)
    if curves:
        page.figure(loss_curves(curves, entropies={model.modality.name: model.label_entropy for model in models}))
    page.figure(label_losses(*models))
    page.figure(reliability(*models))
    for model in models:
        page.figure(confusion(model))
    maps = (files.SCORE_MAP.read(content.folder, which=method) for method in ("umap", "pca"))
    scores = next((found for found in maps if found is not None), None)
    if scores is not None:
        if scores.source_cells.size + scores.target_cells.size <= LARGEST_MAP:
            is_many = len(models[0].label_names) > len(PALETTE)
            page.figure(score_map_figure(scores, *models, color="family" if is_many else "label"))
        else:
            page.text(f"The map of scores is left out above {LARGEST_MAP:,} points; the app draws it.", "small")


def _matching(content: Content, page: Page) -> None:
    coupling, table = content.coupling, content.labels
    if coupling is None or table is None:
        return
    from psmatch_core.plotting import coupling_heatmap, effective_matches

    page.heading("Match: who goes with whom?")
    if coupling.blocks:
        page.figure(effective_matches(coupling))
        largest = max(coupling.blocks, key=lambda label: coupling.blocks[label].shape[0])
        page.text(f"The plan of the largest label, {display(largest, 60)}:")
        names = coupling.source.modality.obs_names, coupling.target.modality.obs_names
        page.figure(
            coupling_heatmap(
                coupling[largest],
                row_names=names[0][coupling.source_cells[largest]],
                column_names=names[1][coupling.target_cells[largest]],
            )
        )
    shown = table.sort_values(["needs_attention", "n_source"], ascending=[False, False])
    columns = (
        "label",
        "n_source",
        "n_target",
        "n_effective",
        "status",
        "note",
        "marginal_error",
        "iterations",
        "epsilon",
    )
    page.table(
        ("label", "source cells", "target cells", "effective matches", "status", "note", "marginal error", "iterations",
         "ε [cost]"),
        shown[list(columns)].to_numpy(dtype=object).tolist(),
    )  # fmt: skip


def _quality(content: Content, page: Page) -> None:
    found, table = files.EVALUATION.read(content.folder), files.EVALUATION_LABELS.read(content.folder)
    if found is None:
        return
    from psmatch_core.evaluation.intervals import bootstrap_intervals, coverage_by_confidence
    from psmatch_core.plotting import coverage_curves, feature_r2_bars, metric_bars

    page.heading("Evaluate: how good is it where the truth is known?")
    if not found.n_pairs or table is None:
        page.text("True pairs are known, but every label has too few of them to judge.")
        return
    page.text(f"{plural(found.n_pairs, 'true pair')}, beside a uniform plan within each label (chance).")
    columns = ("metric", "mean over cells", "uniform", "mean over labels", "uniform")
    means = (found.micro, found.uniform_micro, found.macro, found.uniform_macro)
    metrics = ("foscttm", "trace_fold", "rank")
    page.table(columns, [[metric, *(each[metric] for each in means)] for metric in metrics])
    for metric in metrics[:2]:
        page.figure(metric_bars(table, metric))
    cells = files.EVALUATION_CELLS.read(content.folder)
    if content.coupling is not None and cells is not None and len(cells):
        sure = bootstrap_intervals(cells, seed=content.folder.recipe.seed)[1]["micro"]
        said = ", ".join(f"{metric} {sure[metric].low:.3g} to {sure[metric].high:.3g}" for metric in metrics)
        page.text(f"95% intervals over cells, had other cells of the same labels been judged: {said}.", "small")
        kept = coverage_by_confidence(content.coupling, cells, "foscttm")
        if kept:
            page.figure(coverage_curves(kept, uniform=found.uniform_micro["foscttm"]))
    values = files.FEATURE_R2.read(content.folder)
    if values:
        page.figure(feature_r2_bars(values, uniform=found.uniform_r2))
    if found.skipped:
        page.table(("label not judged", "reason"), list(found.skipped.items()))


def _repeating(content: Content, page: Page) -> None:
    from psmatch_core.exports.provenance import portable_recipe

    page.heading("Settings and versions")
    folder = content.folder
    made = time.strftime("%d %b %Y, %H:%M", time.localtime(float(folder.job.get("created", 0.0))))
    page.text(f"Run {folder.id}, begun {made}; seed {folder.recipe.seed}.")
    page.text("With recipe.json and the data files in one folder: python -m psmatch_core run recipe.json")
    recipe = portable_recipe(content.folder.recipe)
    page.details("Every setting (recipe.json)", json.dumps(recipe, indent=2, ensure_ascii=False))
    versions = files.ENVIRONMENT.read(content.folder) or {}
    if versions:
        page.table(("library", "version"), list(versions.items()))


# Whoever has another chapter adds a function here: it looks for its files, and leaves the page alone without them.
SECTIONS: list[Chapter] = [
    _verdict,
    _data,
    _propensity,
    _matching,
    evidence.curves,
    evidence.monitor,
    translation.translators,
    translation.left_out,
    _quality,
    translation.distributions,
    _repeating,
]
