"""How accurate a run's predictions are where true pairs are known, and how much of what can be gained it gains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.progress import Progress, StagePart, silent
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.evaluate import fixed_space
from psmatch_core.evaluation.within_labels import MATCHED, PROBE, TRUE_PAIRS, FeatureAccuracy, feature_accuracy
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import known_ids, match
from psmatch_core.matching.matchers import KnownPairsMatcher
from psmatch_core.matching.matchers.known_pairs import true_pairs
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.fit import fit_translator
from psmatch_core.translation.translate import Translation
from psmatch_core.translation.translators import FittedTranslator, RidgeTranslator

ACCURACY_STAGE = "evaluate: features"


def translation_accuracy(
    plans: Mapping[str, Coupling],
    translations: Mapping[str, Translation],
    recipe: Recipe,
    *,
    fitted: FittedTranslator | None = None,
    progress: Progress = silent,
) -> tuple[FeatureAccuracy, ...]:
    """R² within labels of a direction: of the run's translator, and of a ridge regression that true pairs can train.

    The second tells how much can be gained at all. The weighted mean of the matches cannot tell it: with true pairs it
    is the true partner itself, and right by construction. The ridge regression predicts differences from the label's
    mean by those of the leading principal components of the input features. It is trained in the same way on the
    uniform plan (from which it learns nothing, and predicts 0), the matching and the true pairs, and predicts cells
    that none of them was trained on.

    Parameters
    ----------
    plans
        The matching and the uniform plan, as ``matched`` and ``uniform``.
    translations
        What the run's translator predicts through each.
    recipe
        The settings: number of components, seed.
    fitted
        The trained translator of the matching; only its held-out cells are compared.

    Returns
    -------
    Up to two results; none if no cell has a known partner of its own label. The first is left out if the true pairs
    are the matching, so that its weighted means are right by construction; the second for images, whose pixels are too
    many.
    """
    first = translations[MATCHED]
    at, of = first.at, first.of
    rows, partners = _partners(at, of)
    found = []
    mine = rows, partners
    if fitted is not None:
        held_out = np.isin(at.obs_names[rows], fitted.held_out)
        mine = rows[held_out], partners[held_out]
    predicted = {plan: each.values[mine[0]] for plan, each in translations.items()}
    known = np.all([~np.isnan(values[:, 0]) for values in predicted.values()], axis=0)
    is_given = isinstance(recipe.matcher, KnownPairsMatcher) and fitted is None
    if known.any() and not is_given:
        found.append(
            feature_accuracy(
                {plan: values[known] for plan, values in predicted.items()},
                of,
                mine[1][known],
                direction=first.direction,
                at=at.name,
                translator=kind_title(type(recipe.translator)),
                is_held_out=fitted is not None,
            )
        )
    if of.image_shape is None and at.n_features > 1:
        probe = probe_accuracy(plans, at, of, recipe, direction=first.direction, progress=progress)
        found += [probe] if probe is not None else []
    return tuple(found)


def probe_accuracy(
    plans: Mapping[str, Coupling],
    at: Modality,
    of: Modality,
    recipe: Recipe,
    *,
    direction: str,
    progress: Progress = silent,
) -> FeatureAccuracy | None:
    """Ridge regressions trained on each plan and on the true pairs, on the same held-out cells; None if none can be.

    Parameters
    ----------
    plans
        Matchings by name, ``matched`` and ``uniform`` among them.
    at, of
        The modality whose cells are predicted, and the one whose features these are; more than one feature each.
    """
    rows, partners = _partners(at, of)
    if not rows.size:
        return None
    some_plan = plans[MATCHED]
    truth = match(some_plan.source, some_plan.target, KnownPairsMatcher(), seed=recipe.seed)
    components = _less_label_means(fixed_space(at, recipe.judging), at.labels)
    inputs = at.with_features(components, [f"component {index + 1}" for index in range(components.shape[1])])
    outputs = of.with_features(_less_label_means(to_dense(of.X), of.labels), of.var_names)
    values, held_out = {}, np.ones(rows.size, dtype=bool)
    asked = {**plans, TRUE_PAIRS: truth}
    parts = StagePart(progress, ACCURACY_STAGE, "").split(len(asked))
    for part, (plan, coupling) in zip(parts, asked.items(), strict=True):
        training = part.begin(f"training on the plan {plan}" if plan in plans else "training on the true pairs")
        model = fit_translator(
            coupling, RidgeTranslator(), direction=direction, inputs=inputs, outputs=outputs, seed=recipe.seed,
            progress=training.hear,
        )  # fmt: skip
        held_out &= np.isin(inputs.obs_names[rows], model.held_out)
        values[plan] = model.predict(inputs.X, inputs.var_names)[rows]
    if not held_out.any():
        return None
    return feature_accuracy(
        {plan: each[held_out] for plan, each in values.items()},
        outputs,
        partners[held_out],
        direction=direction,
        at=at.name,
        translator=PROBE,
        is_held_out=True,
    )


def _less_label_means(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values of cells ``(n, d)`` less the mean of their label."""
    index, size = np.unique(labels, return_inverse=True, return_counts=True)[1:]
    sums = np.zeros((size.size, values.shape[1]))
    np.add.at(sums, index, values)
    return np.asarray(values - (sums / size[:, None])[index])


def _partners(at: Modality, of: Modality) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the cells whose true partner has the same label, and rows of these partners, ``(n_pairs,)`` each."""
    ids = known_ids(at, of)
    if ids is None:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    rows, partners = true_pairs(*ids)
    same = at.labels[rows] == of.labels[partners]
    return rows[same], partners[same]
