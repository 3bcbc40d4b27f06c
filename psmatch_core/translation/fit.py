"""Train a translator on matched cells: it then predicts one modality from the other, for new cells too."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.cores import compute
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers import stratified_folds
from psmatch_core.classification.networks.devices import asked_device, training_on
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import FittedPreprocessing
from psmatch_core.matching.coupling import Coupling
from psmatch_core.translation.translate import TO_SOURCE, checked_direction
from psmatch_core.translation.translators import (
    FeatureScale,
    FittedTranslator,
    LabelPairs,
    MatchedPairs,
    Predictor,
    TrainedTranslator,
    Translator,
)


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
    """Train a model on matched cells that predicts one modality from the other.

    Parameters
    ----------
    coupling
        The matching.
    translator
        A strategy that is trained; for those that only carry features across a coupling, use :func:`translate`.
    direction
        ``target_to_source`` predicts target features from source cells; ``source_to_target`` the reverse.
    inputs, outputs
        Features to predict from and features to predict, for the same cells in the same order as in the coupling. The
        features used for matching unless given.
    preprocessing
        The transform that gave the inputs as ``readable`` values; kept, so that new cells can be given as raw values.
    seed
        Held-out cells, initial weights and draws derive from it.

    Returns
    -------
    A translator that predicts any cell of the input modality.

    Raises
    ------
    PsmatchError
        For a translator that is not trained, an unknown direction, features of other cells, or no matched cells.

    Source: Xi et al. 2024, section on cross-modality prediction (docs/method.md); held-out cells are ours.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> fitted = psmatch.fit_translator(coupling, psmatch.RidgeTranslator())
    >>> fitted.predict(source.X[:3], source.var_names).shape
    (3, 60)
    """
    if not isinstance(translator, TrainedTranslator):
        raise PsmatchError(
            f"{type(translator).__name__} only carries features across the coupling and cannot predict new cells.",
            hint="Choose a translator that is trained, such as RidgeTranslator, or use translate.",
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
            f"No {inputs.name} cell has a match, so there is nothing to train on.",
            hint="Look at the status of the labels and match again.",
        )
    stage = f"translator: {outputs.name} from {inputs.name}"

    def staged(event: Event, /) -> None:
        progress(Event(stage, event.fraction, event.message, event.values))

    predictor = compute(_trained, (translator, pairs), own_seed, asked_device(), progress=staged)
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
        notes=(*predictor.notes, *_notes(pairs, inputs)),
        preprocessing=preprocessing,
    )
    progress(Event(stage, 1.0, "trained"))
    return fitted


def _trained(
    translator: TrainedTranslator, pairs: MatchedPairs, seed: int, device: str, *, progress: Progress
) -> Predictor:
    """What a translator learns from pairs, on any machine; its networks on the device that was asked for here."""
    with training_on(device):
        return translator.fit(pairs, seed=seed, progress=progress)


def same_cells(features: Modality | None, matched: Modality) -> Modality:
    """The given features, checked to belong to the matched cells; without any, those used for matching."""
    if features is None:
        return matched
    if not np.array_equal(features.obs_names, matched.obs_names):
        raise PsmatchError(
            f"The features given for {matched.name} are not those of the matched cells.",
            hint="Give features of the same cells in the same order.",
        )
    return features


def _notes(pairs: MatchedPairs, inputs: Modality) -> list[str]:
    notes = []
    unmatched = pairs.X.shape[0] - pairs.training.size - pairs.validation.size
    if unmatched:
        notes.append(f"translator: {plural(unmatched, f'{inputs.name} cell')} without a match not used for training.")
    if pairs.validation.size == 0:
        notes.append("translator: no cell could be held out (all labels have one cell), so it cannot be evaluated.")
    return notes
