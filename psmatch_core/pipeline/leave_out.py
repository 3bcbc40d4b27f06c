"""leave_label_out: exclude a label from every step, predict its cells, and compare them with the measured ones.

Its cells are excluded in both modalities: from preprocessing, classifiers, matching and translator. A share of the
cells of each other label is held out too, so that accuracy in distribution is measured on unseen cells as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.cores import side_by_side
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.base.setting_words import kind_title
from psmatch_core.classification.networks.devices import training_on
from psmatch_core.data.modality import Modality
from psmatch_core.data.names.controls import OTHERS, control_for, has_control_name
from psmatch_core.evaluation.distributions import LABEL_MEAN, TRANSLATED, UNIFORM, Distributions, compare_distributions
from psmatch_core.evaluation.held_out import NO_CHANGE, HeldOut
from psmatch_core.evaluation.reference_space import ReferenceSpace
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.pipeline.inputs import prepare_inputs
from psmatch_core.pipeline.link_modalities import link_modalities
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.score_modalities import score_modalities
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translate import DIRECTIONS, TO_SOURCE, checked_direction
from psmatch_core.translation.translators import FittedTranslator, RidgeTranslator, TrainedTranslator

FEWEST_CELLS = 5  # of the left-out label per modality: the mean of fewer says nothing about a shift
FEWEST_KEPT = 10  # a label with fewer cells in a modality gives all of them to training


@dataclass(frozen=True)
class LeaveOut(Config):
    """How a label is left out and predicted."""

    direction: str = option(
        TO_SOURCE,
        choices=DIRECTIONS,
        help="target_to_source predicts target features of the label's source cells, source_to_target the reverse.",
    )
    control: str = option(
        "",
        help="The label from which shifts are measured. Empty: the one with a control's name (NT, control, DMSO …), or "
        f"the mean of the other labels if there is none. {OTHERS!r}: that mean.",
    )
    held_out_share: float = option(
        0.2,
        minimum=0,
        maximum=0.5,
        help="Share of the cells of each other label that is held out too, to compare in and out of distribution.",
        advanced=True,
    )


def leave_label_out(
    recipe: Recipe,
    source: Modality,
    target: Modality,
    label: str,
    *,
    how: LeaveOut | None = None,
    progress: Progress = silent,
) -> HeldOut:
    """Exclude a label from every step, predict one modality of its cells from the other, and compare.

    Parameters
    ----------
    recipe
        The settings. Its translator is used if it can be trained, else ridge regression (and a note says so).
    source, target
        All cells of both modalities, including those of the label.
    label
        The label to leave out.
    how
        Direction, control and share of held-out cells.

    Returns
    -------
    Predicted and observed cells of the label compared, beside a uniform plan, the mean of the labels and no change.

    Raises
    ------
    PsmatchError
        Before any work: if a modality has too few cells of the label, if fewer than two labels would remain, if the
        control is unknown, or if the label is itself the only control.

    Source: Xi et al. 2024, Experiment 3 (out of distribution); the baselines and the held-out share are ours.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier(strength=0.05))
    >>> psmatch.leave_label_out(quick, source, target, "STAT1").finding()
    '...% of its shift from control is explained, by a uniform matching ...%: the matching adds ... points'
    """
    how = how or LeaveOut()
    checked_direction(how.direction)
    prepared = prepare_inputs(recipe.labels, source, target, pairs=recipe.judging.pairs, seed=recipe.seed)
    sides = (prepared.source, prepared.target)
    control, notes = choose_control(label, how, {side.name: side.label_counts for side in sides})
    in_training = [_training_cells(side, label, how.held_out_share, recipe.seed) for side in sides]
    training = [side.select(mask, "held out") for side, mask in zip(sides, in_training, strict=True)]
    scored = score_modalities(recipe, training[0], training[1], progress=progress)
    linked, link_notes = link_modalities(recipe, scored.models, progress=progress)
    coupling = match(*linked, recipe.matcher, seed=recipe.seed, progress=progress)
    notes += [*scored.notes, *link_notes]
    notes += [f"{each.label}: {each.outcome.value}" for each in coupling.statuses if each.outcome.needs_attention]
    translator = recipe.translator
    if not isinstance(translator, TrainedTranslator) or translator.reads_labels:
        unable = "cells of a label that it never saw" if isinstance(translator, TrainedTranslator) else "new cells"
        notes.append(
            f"The translator of the run ({kind_title(type(translator))}) cannot predict {unable}, so ridge regression "
            "is used instead."
        )
        translator = RidgeTranslator()
    uniform = match(coupling.source, coupling.target, UniformMatcher(), seed=recipe.seed)
    # All cells, those of the label included, transformed as the training cells were.
    readable = [each.readable(side) for each, side in zip(scored.preprocessing, sides, strict=True)]
    order = slice(None, None, 1 if how.direction == TO_SOURCE else -1)
    inputs, outputs = readable[order]
    training_inputs, training_outputs = in_training[order]
    x, y = inputs.select(training_inputs, "held out"), outputs.select(training_outputs, "held out")

    def train(plan: Coupling) -> FittedTranslator:
        return fit_translator(
            plan, translator, direction=how.direction, inputs=x, outputs=y, seed=recipe.seed, progress=progress
        )

    with training_on(recipe.device):
        models = dict(zip((TRANSLATED, UNIFORM), side_by_side(train, (coupling, uniform)), strict=True))
    notes += models[TRANSLATED].notes
    space = ReferenceSpace.of(outputs.X, recipe.comparing.n_components)

    def compare(at: np.ndarray, of: np.ndarray, label_mean: Callable[[str], np.ndarray]) -> _Comparison:
        """Predictions for some cells of the inputs compared with some observed cells of the outputs (masks)."""
        cells, observed = inputs.select(at, "not compared"), outputs.select(of, "not compared")
        candidates = {name: model.predict(cells.X, cells.var_names) for name, model in models.items()}
        candidates[LABEL_MEAN] = np.stack([label_mean(each) for each in cells.labels.tolist()])
        candidates[NO_CHANGE] = _draw_controls(y, control, cells.n_cells, recipe.seed)
        distributions = compare_distributions(
            candidates,
            cells.labels,
            observed,
            recipe.comparing,
            direction=how.direction,
            space=space,
            seed=recipe.seed,
        )
        return _Comparison(cells, observed, candidates, distributions)

    by_label = {name: to_dense(y.X[y.labels == name]).mean(axis=0) for name in y.label_names}
    mean_of_labels = np.mean(list(by_label.values()), axis=0)  # each label counts once, however many cells it has
    progress(Event("compare", 0.0, f"predicting {label}"))
    outside = compare(inputs.labels == label, outputs.labels == label, lambda _: mean_of_labels)
    progress(Event("compare", 0.5, "held-out cells of the other labels"))
    held_out_inputs = ~training_inputs & (inputs.labels != label)
    held_out_outputs = ~training_outputs & (outputs.labels != label)
    inside = None
    if held_out_inputs.any() and held_out_outputs.any():
        inside = compare(held_out_inputs, held_out_outputs, lambda name: by_label[name])
    if not outside.distributions.per_label:
        notes.append(f"{label} was not compared as a distribution: {outside.distributions.skipped[label]}.")
    if how.held_out_share and (inside is None or inside.distributions.skipped):
        notes.append("In distribution, labels with too few held-out cells are listed but not compared.")
    if control != OTHERS and int((y.labels == control).sum()) < outside.cells.n_cells:
        notes.append(f"{control} has fewer cells than {label}, so some of them stand for “no change” more than once.")
    dense = to_dense(y.X)
    spread = dense.std(axis=0)
    means = {name: values.mean(axis=0) for name, values in outside.candidates.items()}
    means[LABEL_MEAN] = mean_of_labels
    means[NO_CHANGE] = mean_of_labels if control == OTHERS else by_label[control]  # of all cells, not of those drawn
    means["observed"] = to_dense(outside.observed.X).mean(axis=0)
    progress(Event("compare", 1.0))
    return HeldOut(
        label=label,
        control=control,
        direction=how.direction,
        input_name=inputs.name,
        output_name=outputs.name,
        n_cells=outside.cells.n_cells,
        n_observed=outside.observed.n_cells,
        n_training=x.n_cells + y.n_cells,
        features=outputs.var_names,
        spread=np.where(spread > 0, spread, 1.0),
        means=means,
        out_of_distribution=outside.distributions,
        in_distribution=inside.distributions if inside else None,
        predicted=outside.candidates[TRANSLATED],
        obs_names=outside.cells.obs_names,
        settings={"how": how.to_dict(), "translator": translator.to_dict(), "seed": recipe.seed},
        notes=(*prepared.notes, *notes),
    )


@dataclass(frozen=True, eq=False)
class _Comparison:
    cells: Modality
    observed: Modality
    candidates: dict[str, np.ndarray]
    distributions: Distributions


def choose_control(label: str, how: LeaveOut, counts: Mapping[str, Mapping[str, int]]) -> tuple[str, list[str]]:
    """The control of a label that is to be left out, and notes on how it was chosen.

    Parameters
    ----------
    counts
        Cells of each shared label, by modality, the source first.

    Raises
    ------
    PsmatchError
        If the label cannot be left out; nothing has been computed by then.
    """
    of_source = next(iter(counts.values()))
    for name, cells in counts.items():
        n = cells.get(label, 0)
        if n < FEWEST_CELLS:
            raise PsmatchError(
                f"{name} has {plural(n, 'cell')} of {label!r}, but a comparison needs {FEWEST_CELLS}.",
                hint=f"Choose one of the shared labels with more cells: {some(of_source, 12)}.",
            )
    others = sorted(name for name in of_source if name != label)
    if len(others) < 2:
        raise PsmatchError(
            f"Without {label!r} there is only {plural(len(others), 'label')} left, but a classifier needs two.",
            hint="Use data with three or more shared labels.",
        )
    if how.control and how.control not in (*others, OTHERS):
        reason = "is the label that is left out" if how.control == label else "is not a shared label"
        raise PsmatchError(
            f"The control {how.control!r} {reason}.",
            hint=f"Choose one of {some(others, 12)}, or {OTHERS!r} for their mean.",
        )
    if how.control:
        return how.control, []
    found = control_for(label, of_source)
    if found:
        return found, [f"Shifts are measured from {found!r}, which has a control's name."]
    if has_control_name(label):
        raise PsmatchError(
            f"{label!r} is the only control; without it, there is nothing from which to measure its shift.",
            hint=f"Leave another label out, name another control, or choose {OTHERS!r} as the control.",
        )
    return OTHERS, [f"No label has a control's name, so shifts are measured from the mean of the {OTHERS}."]


def _training_cells(side: Modality, label: str, share: float, seed: int) -> np.ndarray:
    """Mask ``(n_cells,)`` of the training cells: none of the label, and of each other label all but a share."""
    kept = side.labels != label
    others = side.select(kept, "").fingerprint  # the draw must not depend on the cells of the label either
    for name, n in side.label_counts.items():
        if name != label and n >= FEWEST_KEPT:
            cells = np.flatnonzero(side.labels == name)
            # Each modality draws for itself: if both measured the same physical cells, nothing may link them.
            rng = stream(seed, "held out", side.name, others, name)
            kept[rng.permutation(cells)[: int(share * n)]] = False
    return kept


def _draw_controls(outputs: Modality, control: str, n: int, seed: int) -> np.ndarray:
    """``n`` observed control cells ``(n, d)``, repeated only if there are fewer."""
    of = np.arange(outputs.n_cells) if control == OTHERS else np.flatnonzero(outputs.labels == control)
    return to_dense(outputs.X[np.resize(stream(seed, "controls", control).permutation(of), n)])


def for_prepared_cells(recipe: Recipe) -> Recipe:
    """The same recipe for cells to which its label rules were applied already, such as those in the folder of a run."""
    return replace(recipe, labels=recipe.labels.for_prepared_cells())
