"""fit_translator: from a coupling to a map that predicts one modality from the other alone, for new cells too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from psmatch_core.classifiers import LossCurve, stratified_folds
from psmatch_core.coupling import Coupling
from psmatch_core.errors import PsmatchError, plural, some
from psmatch_core.matchers.known_pairs import true_pairs
from psmatch_core.matching import known_ids
from psmatch_core.metrics import error_r2
from psmatch_core.modality import Matrix, Modality
from psmatch_core.preprocessing import moments, scaled
from psmatch_core.progress import Event, Progress, silent
from psmatch_core.randomness import derived_seed
from psmatch_core.threads import one_thread
from psmatch_core.translation import TO_SOURCE, checked_direction
from psmatch_core.translators import LabelPairs, MatchedPairs, Predictor, TrainedTranslator, Translator

TRUE_PAIRS = "true pairs"
MATCHED = "matched cells"


@dataclass(frozen=True, eq=False)
class FeatureScale:
    """Features by name, with the mean and standard deviation ``(n_features,)`` that brings them to one scale."""

    names: tuple[str, ...]
    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, modality: Modality) -> FeatureScale:
        """The scale of a modality's cells."""
        return cls(tuple(modality.var_names.tolist()), *moments(modality.X))

    def standardised(self, X: Matrix) -> np.ndarray:
        """Mean 0, variance 1, no value beyond ten, ``(n_cells, n_features)``; a constant feature is 0."""
        return scaled(X, self.mean, self.spread, True)

    def restored(self, Z: np.ndarray) -> np.ndarray:
        """Standardised values in the units that they came in."""
        return np.asarray(Z * self.spread + self.mean)


@dataclass(frozen=True, eq=False)
class PredictionQuality:
    """R² of a translator on cells that it never trained on.

    Parameters
    ----------
    against
        ``true pairs``: the held-out cells' own partners, measured. ``matched cells``: the cells that they were
        matched to, each with its weight; these are inferred, and their spread counts as error.
    n_cells
        Held-out cells that were judged.
    features
        Names of the predicted features.
    per_feature, pooled
        1 − squared error / squared error of the training mean: of each feature ``(n_features,)`` in its own units,
        NaN for one without variance, and of all together, standardised so that each counts alike.
    """

    against: str
    n_cells: int
    features: tuple[str, ...]
    per_feature: np.ndarray
    pooled: float


@dataclass(frozen=True, eq=False)
class FittedTranslator:
    """A trained translator: it gives any cells of the input modality the features of the other.

    Parameters
    ----------
    direction
        ``target_to_source``: target features for source cells; ``source_to_target``: source features for target cells.
    input_name, output_name
        The modality that is read, and the one that is predicted.
    inputs, outputs
        Their features and scales.
    translator, seed
        What made it.
    predictor
        The map between standardised features.
    n_training
        Cells that trained.
    held_out
        Names of the cells that were kept from training.
    quality
        R² on held-out cells, one entry for what it was measured against.
    notes
        What the user must know.
    """

    direction: str
    input_name: str
    output_name: str
    inputs: FeatureScale
    outputs: FeatureScale
    translator: TrainedTranslator
    predictor: Predictor
    seed: int
    n_training: int
    held_out: np.ndarray = field(repr=False)
    curves: tuple[LossCurve, ...] = field(default=(), repr=False)
    quality: tuple[PredictionQuality, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    def predict(self, X: Matrix, var_names: Sequence[str] | np.ndarray) -> np.ndarray:
        """Features of the other modality, ``(n_cells, n_outputs)``, in the units of the cells it learned from.

        Parameters
        ----------
        X
            Features of cells, ``(n_cells, n_inputs)``, as :meth:`FittedPreprocessing.readable` gives them.
        var_names
            Their names ``(n_inputs,)``, which must be those it learned from, in the same order.

        Raises
        ------
        PsmatchError
            For features that are missing, not known, or in another order; all by name.
        """
        check_features(tuple(str(name) for name in var_names), self.inputs.names, self.input_name)
        return self.outputs.restored(self.predictor.predict(self.inputs.standardised(X)))

    def r2_table(self) -> pd.DataFrame:
        """One row a predicted feature: ``feature``, and R² on held-out cells in a column for what it is against.

        The first row, ``all features``, is the pooled R².
        """
        columns = {
            f"r2_against_{quality.against.replace(' ', '_')}": [quality.pooled, *quality.per_feature.tolist()]
            for quality in self.quality
        }
        return pd.DataFrame({"feature": ["all features", *self.outputs.names], **columns})

    def __repr__(self) -> str:
        figures = ", ".join(f"R² {each.pooled:.3f} against {each.against}" for each in self.quality)
        return (
            f"FittedTranslator({self.direction}: {self.output_name} features from {self.input_name} cells, "
            f"{figures or 'not judged'})"
        )


def fit_translator(
    coupling: Coupling,
    translator: Translator,
    *,
    direction: str = TO_SOURCE,
    inputs: Modality | None = None,
    outputs: Modality | None = None,
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
    )
    progress(Event(stage, 1.0, "trained"))
    return fitted


def check_features(given: tuple[str, ...], wanted: tuple[str, ...], name: str) -> None:
    """Refuse cells whose features are not the wanted ones, by name and order.

    Raises
    ------
    PsmatchError
        Naming what is missing, what is not known, or the first feature out of its place.
    """
    if given == wanted:
        return
    missing = [each for each in wanted if each not in set(given)]
    unknown = [each for each in given if each not in set(wanted)]
    if missing or unknown:
        parts = [f"{plural(len(missing), 'feature')} missing ({some(missing)})"] if missing else []
        parts += [f"{plural(len(unknown), 'feature')} not known ({some(unknown)})"] if unknown else []
        raise PsmatchError(
            f"{name}: the cells' features are not those that the translator learned from: {' and '.join(parts)}.",
            hint=f"Give exactly the {len(wanted):,} features of the run, by name and in the same order.",
        )
    place = next(i for i, (mine, its) in enumerate(zip(given, wanted, strict=False)) if mine != its)
    raise PsmatchError(
        f"{name}: the features are in another order than those that the translator learned from; feature {place + 1:,} "
        f"is {given[place]}, it was {wanted[place]}.",
        hint="Sort the features as in the run's file.",
    )


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


def _quality(
    predictor: Predictor, pairs: MatchedPairs, inputs: Modality, outputs: Modality, scale: FeatureScale
) -> tuple[PredictionQuality, ...]:
    """R² on the held-out cells, against true pairs where they are known and against matched cells always."""
    judged = []
    test = pairs.validation
    if test.size:
        # The error against all matches of a cell needs only their first two moments, however many there are.
        square = pairs.expected(pairs.Y**2)[test]
        judged.append((MATCHED, test, pairs.targets[test], square))
    ids = known_ids(inputs, outputs)
    if ids is not None:
        rows, columns = true_pairs(*ids)
        mine = pairs.held_out[rows]
        if mine.any():
            measured = pairs.Y[columns[mine]]
            judged.insert(0, (TRUE_PAIRS, rows[mine], measured, measured**2))
    out = []
    for against, cells, mean, square in judged:
        predicted = predictor.predict(pairs.X[cells])
        error = np.sum(predicted**2 - 2 * predicted * mean + square, axis=0)
        baseline = np.sum(square, axis=0)  # of the training mean, which standardisation put at 0
        per_feature, pooled = error_r2(error, np.where(scale.spread > 0, baseline, 0.0))
        out.append(PredictionQuality(against, int(cells.size), scale.names, per_feature, pooled))
    return tuple(out)


def _notes(pairs: MatchedPairs, inputs: Modality) -> list[str]:
    notes = []
    unmatched = pairs.X.shape[0] - pairs.training.size - pairs.validation.size
    if unmatched:
        notes.append(f"translator: {plural(unmatched, 'cell')} of {inputs.name} without a match did not train.")
    if pairs.validation.size == 0:
        notes.append("translator: no cell could be held out (every label has one cell); it was not judged.")
    return notes
