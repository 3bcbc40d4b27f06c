"""fit_translator: from a coupling to a map that predicts one modality from the other alone, for new cells too."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.threads import one_thread
from psmatch_core.classification.classifiers import stratified_folds
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import known_ids
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.translation.accuracy import error_r2
from psmatch_core.translation.translate import TO_SOURCE, Translation, checked_direction
from psmatch_core.translation.translators import (
    FeatureScale,
    FittedTranslator,
    LabelPairs,
    MatchedPairs,
    PredictionQuality,
    Predictor,
    TrainedTranslator,
    Translator,
)

TRUE_PAIRS = "true pairs"
MATCHED_CELLS = "matched cells"


def fit_translator(
    coupling: Coupling,
    translator: Translator,
    *,
    direction: str = TO_SOURCE,
    inputs: Modality | None = None,
    outputs: Modality | None = None,
    preprocessing: FittedPreprocessing | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> FittedTranslator:
    """Learn to predict one modality from the other, from the cells that a coupling matched.

    Parameters
    ----------
    coupling
        Who goes with whom.
    translator
        A strategy that learns; those that only carry features across a coupling have :func:`translate`.
    direction
        ``target_to_source`` predicts target features from source cells; ``source_to_target`` the reverse.
    inputs, outputs
        Features of the cells that are read and of those that are predicted: the same cells in the same order as in
        the coupling. Those matched on unless given.
    preprocessing
        The transform whose ``readable`` values the inputs are; kept, so that new cells can come as files hold them.
    seed
        Held-out cells, starts and draws derive from it.

    Raises
    ------
    PsmatchError
        For a translator that does not learn, an unknown direction, features of other cells, or no matched cells.

    Source: Xi et al. 2024, section on cross-modality prediction (docs/method.md); held-out cells are ours.
    """
    if not isinstance(translator, TrainedTranslator):
        raise PsmatchError(
            f"{type(translator).__name__} reads features off the coupling and learns nothing for new cells.",
            hint="Choose a translator that is trained, such as RidgeTranslator, or carry features with translate.",
        )
    to_source = checked_direction(direction) == TO_SOURCE
    models = (coupling.source.modality, coupling.target.modality)
    cells = (coupling.source_cells, coupling.target_cells)
    matched = models if to_source else models[::-1]
    inputs = same_cells(inputs, matched[0])
    outputs = same_cells(outputs, matched[1])
    own_seed = derived_seed(seed, "translator", direction)
    held_out = stratified_folds(np.unique(inputs.labels, return_inverse=True)[1], translator.n_folds, seed=own_seed)
    x_scale, y_scale = FeatureScale.of(inputs), FeatureScale.of(outputs)
    pairs = MatchedPairs(
        X=x_scale.standardised(inputs.X),
        Y=y_scale.standardised(outputs.X),
        labels=tuple(
            LabelPairs(label, block if to_source else block.T, *(c[label] for c in cells[:: 1 if to_source else -1]))
            for label, block in coupling.blocks.items()
        ),
        held_out=held_out.held_out(0),
    )
    if pairs.training.size == 0:
        raise PsmatchError(
            f"No cell of {inputs.name} has a match to learn from.", hint="Look at the labels' status and match again."
        )
    stage = f"translator: {outputs.name} from {inputs.name}"

    def staged(event: Event, /) -> None:
        progress(Event(stage, event.fraction, event.message, event.values))

    with one_thread():
        predictor = translator.fit(pairs, seed=own_seed, progress=staged)
    fitted = FittedTranslator(
        direction=direction,
        input_name=inputs.name,
        output_name=outputs.name,
        inputs=x_scale,
        outputs=y_scale,
        translator=translator,
        predictor=predictor,
        seed=seed,
        n_training=int(pairs.training.size),
        held_out=inputs.obs_names[pairs.held_out],
        curves=predictor.curves,
        quality=_quality(predictor, pairs, inputs, outputs, y_scale),
        notes=(*predictor.notes, *_notes(pairs, inputs)),
        preprocessing=preprocessing,
    )
    progress(Event(stage, 1.0, "trained"))
    return fitted


def same_cells(features: Modality | None, matched: Modality) -> Modality:
    """The features to use for a modality's cells: those given, if they are of the same cells, or its own."""
    if features is None:
        return matched
    if not np.array_equal(features.obs_names, matched.obs_names):
        raise PsmatchError(
            f"The features given for {matched.name} belong to other cells than the matched ones.",
            hint="Give features of the same cells in the same order.",
        )
    return features


def translation_quality(translation: Translation) -> tuple[PredictionQuality, ...]:
    """R² of features carried to matched cells, against their true partners; nothing where no pair is known.

    No cell is held out: a coupling never sees the pairs, unless they are what it matched on.
    """
    at, of = translation.at, translation.of
    ids = known_ids(at, of)
    if ids is None:
        return ()
    rows, columns = true_pairs(*ids)
    has_match = translation.has_match[rows]
    rows, columns = rows[has_match], columns[has_match]
    if not rows.size:
        return ()
    scale = FeatureScale.of(of)
    predicted = (translation.values[rows] - scale.mean) / np.where(scale.spread > 0, scale.spread, 1)
    measured = scale.standardised(of.X[columns])
    return (_judged(TRUE_PAIRS, predicted, measured, measured**2, scale),)


def _quality(
    predictor: Predictor, pairs: MatchedPairs, inputs: Modality, outputs: Modality, scale: FeatureScale
) -> tuple[PredictionQuality, ...]:
    """R² on the held-out cells, against true pairs where they are known and against matched cells always."""
    found = []
    ids = known_ids(inputs, outputs)
    if ids is not None:
        rows, columns = true_pairs(*ids)
        mine = pairs.held_out[rows]
        if mine.any():
            measured = pairs.Y[columns[mine]]
            found.append(_judged(TRUE_PAIRS, predictor.predict(pairs.X[rows[mine]]), measured, measured**2, scale))
    cells = pairs.validation
    if cells.size:
        # The error against all matches of a cell needs only their first two moments, however many there are.
        square = pairs.expected(pairs.Y**2)[cells]
        found.append(_judged(MATCHED_CELLS, predictor.predict(pairs.X[cells]), pairs.targets[cells], square, scale))
    return tuple(found)


def _judged(
    against: str, predicted: np.ndarray, mean: np.ndarray, square: np.ndarray, scale: FeatureScale
) -> PredictionQuality:
    """R² against values known by their mean and mean square, all standardised, ``(n_cells, n_features)``."""
    error = np.sum(predicted**2 - 2 * predicted * mean + square, axis=0)
    baseline = np.sum(square, axis=0)  # of the training mean, which standardisation put at 0
    per_feature, pooled = error_r2(error, np.where(scale.spread > 0, baseline, 0.0))
    return PredictionQuality(against, predicted.shape[0], scale.names, per_feature, pooled)


def _notes(pairs: MatchedPairs, inputs: Modality) -> list[str]:
    notes = []
    unmatched = pairs.X.shape[0] - pairs.training.size - pairs.validation.size
    if unmatched:
        notes.append(f"translator: {plural(unmatched, 'cell')} of {inputs.name} without a match did not train.")
    if pairs.validation.size == 0:
        notes.append("translator: no cell could be held out (every label has one cell); it was not judged.")
    return notes
