"""The results in a run's folder that take more than one file to read: models, coupling, figures, losses so far."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.classification.baselines import HISTORY
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match_features import FeatureMatching, FeatureRules, match_features
from psmatch_core.monitor.effect_agreement import EffectAgreement, effect_agreement
from psmatch_core.monitor.run_figures import RunFigures
from psmatch_core.monitor.unseen_labels import UnseenLabels, unseen_labels
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


def has_propensities(folder: RunFolder) -> bool:
    """Whether both modalities are scored."""
    return files.PROPENSITY.is_in(folder)


def has_coupling(folder: RunFolder) -> bool:
    """Whether the cells are matched."""
    return files.COUPLING.is_in(folder)


def load_models(folder: RunFolder) -> tuple[ScoredModality, ScoredModality]:
    """Both scored modalities of a run: propensity models, or latents of a joint VAE.

    Raises
    ------
    PsmatchError
        If the run has none yet, or another version wrote them.
    """
    models = [_model(folder, side) for side in files.BOTH_SIDES]
    return models[0], models[1]


def load_modalities(folder: RunFolder) -> tuple[Modality, Modality]:
    """Both modalities as they were read, without the cells that were left out.

    Raises
    ------
    PsmatchError
        If the run has not read its data yet.
    """
    sides = [files.DATA.read(folder, which=side) for side in files.BOTH_SIDES]
    if sides[0] is None or sides[1] is None:
        raise PsmatchError("This run has no data yet.", hint="Start the run first.")
    return sides[0], sides[1]


def load_readable(folder: RunFolder) -> tuple[Modality, Modality]:
    """Both modalities in readable units."""
    return in_readable_units(folder, "source"), in_readable_units(folder, "target")


def in_readable_units(folder: RunFolder, side: str) -> Modality:
    """One modality of a run in readable units: its cells, before z-scoring and PCA."""
    cells, fitted = files.DATA.read(folder, which=side), files.PREPROCESSING.read(folder, which=side)
    if cells is None or fitted is None:
        raise PsmatchError("This run has no features yet.", hint="Train the propensity models first.")
    return fitted.readable(cells)


def load_matching(folder: RunFolder, models: tuple[ScoredModality, ScoredModality]) -> Coupling:
    """The coupling of a run, between its models.

    Raises
    ------
    PsmatchError
        If the run is not matched yet, or another version wrote the coupling.
    """
    coupling = files.COUPLING.read(folder, *models)
    if coupling is None:
        raise PsmatchError("This run has no coupling yet.", hint="Match first.")
    return coupling


def effects_of(folder: RunFolder) -> EffectAgreement:
    """Whether the labels have the same effects in both modalities of a run, on the features that it matches by.

    Raises
    ------
    PsmatchError
        If the run has no scored modalities yet.
    """
    source, target = load_models(folder)
    return effect_agreement(source.modality, target.modality, seed=folder.recipe.seed)


def unseen_of(folder: RunFolder, *, progress: Progress = silent) -> UnseenLabels:
    """Whether classifiers that have never seen a label take its cells for the same others in both modalities of a run.

    Raises
    ------
    PsmatchError
        If the run has no scored modalities yet.
    """
    source, target = load_models(folder)
    return unseen_labels(source.modality, target.modality, seed=folder.recipe.seed, progress=progress)


def features_of(
    folder: RunFolder,
    rules: FeatureRules | None = None,
    *,
    coupling: Coupling | None = None,
    progress: Progress = silent,
) -> FeatureMatching:
    """The features of a run's two modalities matched, in readable units: before z-scoring and PCA.

    Parameters
    ----------
    coupling
        The run's coupling, if it is loaded already.
    """
    progress(Event("features", 0.0, "reading the matching and the features"))
    if coupling is None:
        coupling = load_matching(folder, load_models(folder))
    return match_features(coupling, *load_readable(folder), rules, seed=folder.recipe.seed, progress=progress)


def side_names(folder: RunFolder) -> dict[str, str]:
    """What the source and the target are called; ``source`` and ``target`` until the run has read them."""
    inputs = files.INPUTS.read(folder)
    return {side: inputs[side].name if inputs is not None else side for side in files.BOTH_SIDES}


def load_figures(folder: RunFolder) -> RunFigures | None:
    """The figures of a run; None if it has none yet.

    Earlier versions wrote two files. The second, ``figures.json``, adds what the first lacks, apart from its effective
    matches: they were the median over labels, which is another figure.
    """
    earlier = files.EARLIER_FIGURES.read(folder) or {}
    found = {name: value for name, value in earlier.items() if name != "n_effective"}
    found |= files.RUN_FIGURES.read(folder) or {}
    return RunFigures.from_dict(found) if found else None


def add_figures(folder: RunFolder, **figures: float) -> None:
    """Add figures that were measured later to those of a run."""
    files.RUN_FIGURES.write(folder, {**(files.RUN_FIGURES.read(folder) or {}), **figures})


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


def _model(folder: RunFolder, side: str) -> ScoredModality:
    features = files.FEATURES.read(folder, which=side)
    model = files.PROPENSITY.read(folder, features, which=side) if features is not None else None
    if model is None:
        raise PsmatchError("This run has no propensity scores yet.", hint="Train the propensity models first.")
    linked = files.LINKED.read(folder, which=side)
    return model if linked is None else linked.of(model)
