"""What a run has left in its folder, loaded again as the objects that it was."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.disk import of_this_version
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.classification.baselines import HISTORY
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.exploration.maps import ScoreMap
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match_features import FeatureMatching, FeatureRules, match_features
from psmatch_core.monitor.run_figures import RunFigures
from psmatch_core.pipeline import result_files
from psmatch_core.translation.translators import FittedTranslator
from psmatch_core.workspace.run_folder import OBSERVABLES, RunFolder

# Parts that everything which reads these files takes for granted.
NEEDED = {
    "labels": ("label", "n_source", "n_target", "status", "needs_attention", "note", "n_effective"),
    "evaluation_labels": ("label",),
    "evaluation_cells": ("cell", "label"),
    "evaluation": ("n_pairs", "micro", "macro", "uniform_micro", "uniform_macro", "pooled_r2", "uniform_r2", "skipped"),
    "inputs": ("source", "target"),
    "label_report": ("shared", "source_counts", "target_counts"),
}


def has_propensities(folder: RunFolder) -> bool:
    """Whether both sides are scored."""
    return all(folder.stage_file(f"{side}_propensity").exists() for side in ("source", "target"))


def has_coupling(folder: RunFolder) -> bool:
    """Whether the coupling is there."""
    return folder.stage_file("coupling").exists()


def load_models(folder: RunFolder) -> tuple[ScoredModality, ScoredModality]:
    """Both scored modalities of a run: propensity models, or latents of a joint VAE."""
    _need(has_propensities(folder), "propensity scores", "Train the propensity models first.")
    models = []
    for side in ("source", "target"):
        features = result_files.load_modality(folder.stage_file(f"{side}_features"))
        models.append(result_files.load_scored(folder.stage_file(f"{side}_propensity"), features))
    return models[0], models[1]


def load_inputs(folder: RunFolder) -> tuple[Modality, Modality]:
    """The two modalities as they were read, cells that were left out not among them."""
    _need(folder.stage_file("target").exists(), "data", "Start the run first.")
    return result_files.load_modality(folder.stage_file("source")), result_files.load_modality(
        folder.stage_file("target")
    )


def load_readable(folder: RunFolder) -> tuple[Modality, Modality]:
    """Both modalities as a biologist reads them: the cells of the run, before z-scoring and PCA."""
    sides = [
        result_files.load_preprocessing(folder.stage_file(f"{name}_preprocessing")).readable(raw)
        for name, raw in zip(("source", "target"), load_inputs(folder), strict=True)
    ]
    return sides[0], sides[1]


def load_matching(folder: RunFolder, models: tuple[ScoredModality, ScoredModality]) -> Coupling:
    """The coupling of a run, between its models."""
    _need(has_coupling(folder), "coupling", "Match first.")
    return result_files.load_coupling(folder.stage_file("coupling"), *models)


def features_of(
    folder: RunFolder,
    rules: FeatureRules | None = None,
    *,
    coupling: Coupling | None = None,
    progress: Progress = silent,
) -> FeatureMatching:
    """The features of a run's two modalities matched, as a biologist reads them: before z-scoring and PCA.

    Parameters
    ----------
    coupling
        The run's coupling, where it is loaded already.
    """
    if coupling is None:
        coupling = load_matching(folder, load_models(folder))
    return match_features(coupling, *load_readable(folder), rules, seed=folder.recipe.seed, progress=progress)


def load_map(folder: RunFolder, method: str) -> ScoreMap | None:
    """The map of scores (``pca`` or ``umap``), or None while it is not ready."""
    path = folder.stage_file(f"map_{method}")
    return result_files.load_score_map(path) if path.exists() else None


def load_translator(folder: RunFolder, direction: str) -> FittedTranslator | None:
    """The run's trained translator of a direction, or None where it was not one that is trained."""
    path = folder.stage_file(f"translator_{direction}")
    return result_files.load_translator(path) if path.exists() else None


def load_feature_r2(folder: RunFolder, direction: str) -> pd.DataFrame | None:
    """R² of each predicted feature (first row: of all), or None where nothing could be judged."""
    path = folder.exports / f"translation_r2_{direction}.csv"
    return pd.read_csv(path, dtype={"feature": str}, keep_default_na=False, na_values=[""]) if path.exists() else None


def load_table(folder: RunFolder, name: str) -> pd.DataFrame | None:
    """A table of the run (``labels``, ``evaluation_cells``, ``evaluation_labels``), or None where there is none."""
    path = folder.path / f"{name}.parquet"
    return _read_table(path) if path.exists() else None


def load_facts(folder: RunFolder, name: str) -> Any:
    """Plain data of the run (``inputs``, ``notes``, ``evaluation``, ``distributions``, ``label_report`` …), or None."""
    path = folder.path / f"{name}.json"
    return _read_facts(path) if path.exists() else None


@of_this_version
def _read_table(path: Path) -> pd.DataFrame:
    table = pd.read_parquet(path)
    _complete(path.stem, table.columns.tolist())
    return table


@of_this_version
def _read_facts(path: Path) -> Any:
    facts = json.loads(path.read_text(encoding="utf-8"))
    _complete(path.stem, facts)
    return facts


def _complete(name: str, parts: Collection[str]) -> None:
    """What another version did not write yet; the KeyError becomes words in :func:`of_this_version`."""
    for part in NEEDED.get(name, ()):
        if part not in parts:
            raise KeyError(part)


def load_figures(folder: RunFolder) -> RunFigures | None:
    """The figures of a run; None where it has none, as while it is running.

    Earlier versions wrote two files. The second, ``figures.json``, adds what the first lacks, apart from its effective
    matches: they were the median over labels, which is another figure.
    """
    older = {name: value for name, value in (load_facts(folder, "figures") or {}).items() if name != "n_effective"}
    found = {**older, **(load_facts(folder, "observables") or {})}
    return RunFigures.from_dict(found) if found else None


def add_figures(folder: RunFolder, **figures: float) -> None:
    """Add figures that were measured later to those of a run."""
    disk.write_json(folder.path / OBSERVABLES, {**(load_facts(folder, "observables") or {}), **figures})


def live_curves(folder: RunFolder) -> dict[str, dict[int, np.ndarray]]:
    """Loss curves of a run that still trains, from its events.

    Returns
    -------
    By stage (``propensity: RNA``, ``latents: RNA``) and network: ``(n_epochs, 3)`` with epoch, training and validation
    loss (nats per cell).
    """
    curves: dict[str, dict[int, list[tuple[float, float, float]]]] = {}
    for event in folder.events():
        if event.stage.startswith(("propensity: ", "latents: ")) and {"epoch", "training_loss"} <= event.values.keys():
            network = int(event.values.get("member", 0))
            row = (
                event.values["epoch"],
                event.values["training_loss"],
                event.values.get("validation_loss", float("nan")),
            )
            curves.setdefault(event.stage, {}).setdefault(network, []).append(row)
    return {stage: {key: np.array(rows) for key, rows in networks.items()} for stage, networks in curves.items()}


def live_history(folder: RunFolder) -> dict[str, np.ndarray]:
    """Training of a joint VAE so far, from its events: by modality ``(n_epochs, 5)``, columns as in ``HISTORY``."""
    history: dict[str, list[list[float]]] = {}
    for event in folder.events():
        kind, _, name = event.stage.partition(": ")
        if kind == "latents" and "reconstruction" in event.values:
            history.setdefault(name, []).append([event.values.get(each, float("nan")) for each in HISTORY])
    return {name: np.array(rows) for name, rows in history.items()}


def _need(there: bool, what: str, hint: str) -> None:
    if not there:
        raise PsmatchError(f"This run has no {what} yet.", hint=hint)
