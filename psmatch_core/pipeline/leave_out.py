"""leave_label_out: keep a label from everything, then predict it, and hold the prediction against what was measured.

The label's cells of neither modality enter preprocessing, classifiers, matching or translator. Of every other label
a share of the cells is kept from them too, so that "in distribution" is told by cells that were never seen either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural, some
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.randomness import stream
from psmatch_core.data.controls import OTHERS, control_for, has_control_name
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import LABEL_MEAN, TRANSLATED, UNIFORM, Distributions, compare_distributions
from psmatch_core.evaluation.held_out import NO_CHANGE, HeldOut
from psmatch_core.evaluation.reference_space import Space
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import UniformMatcher
from psmatch_core.pipeline.inputs import prepare
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.pipeline.stages import score_sides
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET, checked_direction
from psmatch_core.translation.translators import FittedTranslator, RidgeTranslator, TrainedTranslator

FEWEST_CELLS = 5  # of the left-out label on a side: a mean of fewer says nothing of a shift
FEWEST_KEPT = 10  # cells a label and side from which on a share of them is held out


@dataclass(frozen=True)
class LeaveOut(Config):
    """How a label is left out and predicted."""

    direction: str = option(
        TO_SOURCE,
        choices=(TO_SOURCE, TO_TARGET),
        help="target_to_source predicts target features from the label's source cells, source_to_target the reverse.",
    )
    control: str = option(
        "",
        help="The label that shifts are measured against; empty: told by its name (NT, control, DMSO …), and the "
        f"mean of the other labels where no name tells; {OTHERS!r}: that mean.",
    )
    held_out_share: float = option(
        0.2,
        minimum=0,
        maximum=0.5,
        help="Share of the cells of every other label that is held out too, to tell in from out of distribution.",
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
    """Leave a label out of everything, predict one modality of its cells from the other, and compare.

    Parameters
    ----------
    recipe
        The settings. Its translator where that learns, else ridge regression (and a note says so).
    source, target
        All cells of both modalities, the label's among them.
    label
        The label to leave out.
    how
        Direction, control and share of held-out cells.

    Raises
    ------
    PsmatchError
        Before any work: for a label that a side lacks or hardly has, one without which fewer than two labels
        remain, an unknown control, or one that is itself the only control.

    Source: Xi et al. 2024, Experiment 3 (out of distribution); baselines and held-out share are ours.
    """
    how = how or LeaveOut()
    checked_direction(how.direction)
    prepared = prepare(recipe.labels, source, target)
    sides = (prepared.source, prepared.target)
    control, notes = chosen_control(label, how, {side.name: side.label_counts for side in sides})
    kept = [_kept(side, label, how.held_out_share, recipe.seed) for side in sides]
    training = [side.select(mask, "held out") for side, mask in zip(sides, kept, strict=True)]
    scored = score_sides(recipe, training[0], training[1], progress=progress)
    fitted = scored.preprocessing
    coupling = match(*scored.models, recipe.matcher, seed=recipe.seed, progress=progress)
    notes += scored.notes
    notes += [f"{each.label}: {each.outcome.value}" for each in coupling.statuses if each.outcome.needs_attention]
    translator = recipe.translator
    if not isinstance(translator, TrainedTranslator):
        notes.append(f"{type(translator).__name__} cannot predict new cells; ridge regression is used in its place.")
        translator = RidgeTranslator()
    uniform = match(coupling.source, coupling.target, UniformMatcher(), seed=recipe.seed)
    readable = [each.readable(side) for each, side in zip(fitted, sides, strict=True)]
    turn = 1 if how.direction == TO_SOURCE else -1
    inputs, outputs = readable[::turn]  # all cells, the label's among them, as the training cells' transform sees them
    kept_in, kept_out = kept[::turn]
    x, y = (side.select(mask, "held out") for side, mask in ((inputs, kept_in), (outputs, kept_out)))

    def trained(plan: Coupling) -> FittedTranslator:
        return fit_translator(
            plan, translator, direction=how.direction, inputs=x, outputs=y, seed=recipe.seed, progress=progress
        )

    models = {TRANSLATED: trained(coupling), UNIFORM: trained(uniform)}
    notes += models[TRANSLATED].notes
    space = Space.of(outputs.X, recipe.comparing.n_components)

    def compared(at: np.ndarray, of: np.ndarray, label_mean: Callable[[str], np.ndarray]) -> _Compared:
        cells, observed = inputs.select(at, "not judged"), outputs.select(of, "not judged")
        candidates = {name: model.predict(cells.X, cells.var_names) for name, model in models.items()}
        candidates[LABEL_MEAN] = np.stack([label_mean(each) for each in cells.labels.tolist()])
        candidates[NO_CHANGE] = _controls(y, control, cells.n_cells, recipe.seed)
        found = compare_distributions(
            candidates,
            cells.labels,
            observed,
            recipe.comparing,
            direction=how.direction,
            space=space,
            seed=recipe.seed,
        )
        return _Compared(cells, observed, candidates, found)

    by_label = {name: to_dense(y.X[y.labels == name]).mean(axis=0) for name in y.label_names}
    everything = np.mean(list(by_label.values()), axis=0)  # each label once, so that no large one speaks for all
    progress(Event("compare", 0.0, f"predicting {label}"))
    outside = compared(inputs.labels == label, outputs.labels == label, lambda _: everything)
    progress(Event("compare", 0.5, "held-out cells of the other labels"))
    at, of = (~mask & (side.labels != label) for mask, side in ((kept_in, inputs), (kept_out, outputs)))
    within = compared(at, of, lambda name: by_label[name]) if at.any() and of.any() else None
    if not outside.found.per_label:
        notes.append(f"{label} was not compared as a distribution: {outside.found.skipped[label]}.")
    if how.held_out_share and (within is None or within.found.skipped):
        notes.append("In distribution, labels with too few held-out cells are not compared; they are listed.")
    if control != OTHERS and int((y.labels == control).sum()) < outside.cells.n_cells:
        notes.append(f"{control} has fewer cells than {label}: some stand more than once for “no change”.")
    dense = to_dense(y.X)
    spread = dense.std(axis=0)
    means = {name: values.mean(axis=0) for name, values in outside.candidates.items()}
    means[LABEL_MEAN] = everything
    means[NO_CHANGE] = everything if control == OTHERS else by_label[control]  # of all its cells, not of those drawn
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
        out_of_distribution=outside.found,
        in_distribution=within.found if within else None,
        predicted=outside.candidates[TRANSLATED],
        obs_names=outside.cells.obs_names,
        settings={"how": how.to_dict(), "translator": translator.to_dict(), "seed": recipe.seed},
        notes=(*prepared.notes, *notes),
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    cells: Modality
    observed: Modality
    candidates: dict[str, np.ndarray]
    found: Distributions


def chosen_control(label: str, how: LeaveOut, counts: Mapping[str, Mapping[str, int]]) -> tuple[str, list[str]]:
    """The control of a label that is to be left out, and what is to say of it.

    Parameters
    ----------
    counts
        Cells of every shared label, by modality, the source first.

    Raises
    ------
    PsmatchError
        For all that speaks against leaving this label out; nothing has been computed by then.
    """
    of_source = next(iter(counts.values()))
    for name, cells in counts.items():
        n = cells.get(label, 0)
        if n < FEWEST_CELLS:
            raise PsmatchError(
                f"{name}: {plural(n, 'cell')} of {label!r}; it takes {FEWEST_CELLS} to hold a prediction against.",
                hint=f"Choose one of the shared labels with more cells: {some(of_source, 12)}.",
            )
    others = sorted(name for name in of_source if name != label)
    if len(others) < 2:
        raise PsmatchError(
            f"Without {label!r} {plural(len(others), 'label')} remain; a classifier needs two.",
            hint="Leave a label out where three or more are shared.",
        )
    if how.control and how.control not in (*others, OTHERS):
        raise PsmatchError(
            f"The control {how.control!r} is "
            + ("the label that is left out." if how.control == label else "not a shared label."),
            hint=f"Choose one of {some(others, 12)}, or {OTHERS!r} for their mean.",
        )
    if how.control:
        return how.control, []
    found = control_for(label, of_source)
    if found:
        return found, [f"Shifts are measured against {found!r}, taken for the control by its name."]
    if has_control_name(label):
        raise PsmatchError(
            f"{label!r} is the only control: without it there is nothing that its shift could be measured against.",
            hint=f"Leave another label out, name another control, or choose {OTHERS!r} as control.",
        )
    return OTHERS, [f"No label has a control's name: shifts are measured against the mean of the {OTHERS}."]


def _kept(side: Modality, label: str, share: float, seed: int) -> np.ndarray:
    """Mask ``(n_cells,)`` of the cells that train: none of the label, of the others all but a held-out share."""
    kept = side.labels != label
    others = side.select(kept, "").fingerprint  # not even the draw may know the label's cells
    for name, n in side.label_counts.items():
        if name != label and n >= FEWEST_KEPT:
            cells = np.flatnonzero(side.labels == name)
            # The sides draw independently: where they hold the same physical cells nothing may tie them together.
            rng = stream(seed, "held out", side.name, others, name)
            kept[rng.permutation(cells)[: int(share * n)]] = False
    return kept


def _controls(outputs: Modality, control: str, n: int, seed: int) -> np.ndarray:
    """Observed control cells ``(n, d)``, repeated only where there are fewer."""
    of = np.arange(outputs.n_cells) if control == OTHERS else np.flatnonzero(outputs.labels == control)
    return to_dense(outputs.X[np.resize(stream(seed, "controls", control).permutation(of), n)])


def without_renaming(recipe: Recipe) -> Recipe:
    """The same recipe for cells whose labels have been renamed already, as those in a run's folder have."""
    return replace(recipe, labels=replace(recipe.labels, rename_source=(), rename_target=()))
