"""link_modalities: whether the features take part in a run's matching, by what hidden labels say, and why not."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.link import ALWAYS, NEVER, LinkedPositions, link_scores
from psmatch_core.monitor import find_hidden_labels
from psmatch_core.pipeline.recipe import Recipe

FEWEST_CELLS = 8  # in the label of a typical cell: from two or three, translators learn little but label means
Models = tuple[ScoredModality, ScoredModality]


def link_modalities(recipe: Recipe, models: Models, *, progress: Progress = silent) -> tuple[Models, tuple[str, ...]]:
    """Link both models if the recipe asks for it and hidden labels are found again.

    Returns
    -------
    The models as they are to be matched, and a note on what was decided; no note if the recipe asks for no link.
    """
    if recipe.linking.use == NEVER:
        return models, ()
    source, target = models
    if not (isinstance(source, PropensityModel) and isinstance(target, PropensityModel)):
        return models, (f"Not linked: cells are matched by {source.space_name}.",)
    if why_not := _why_not(recipe, source, target):
        return models, (f"Not linked: {why_not}.",)
    found = ""
    if recipe.linking.use != ALWAYS:
        try:
            hidden = find_hidden_labels(source, target, recipe.matcher, seed=recipe.seed, progress=progress)
        except PsmatchError as error:
            return models, (f"Not linked: hidden labels could not be looked for ({error.problem.rstrip('.')}).",)
        if not hidden.are_found:
            return models, (f"Not linked: hidden labels were not found again ({hidden.described()}).",)
        found = f"; hidden labels were found again ({hidden.described()})"
    linked = link_scores(source, target, recipe.matcher, recipe.linking, seed=recipe.seed, progress=progress)
    how = f"weight {recipe.linking.weight:g}, {recipe.linking.n_rounds} rounds"
    return linked, (f"Linked: cells are matched by scores and by features that predict each other ({how}){found}.",)


def linked_positions(models: Models) -> tuple[LinkedPositions, ...]:
    """The positions of both sides, to be kept; none if they are not linked."""
    placed = [model.linked for model in models if isinstance(model, PropensityModel) and model.linked is not None]
    return tuple(LinkedPositions(each) for each in placed)


def _why_not(recipe: Recipe, source: PropensityModel, target: PropensityModel) -> str:
    """Why these models cannot be linked; empty if they can."""
    if not recipe.matcher.uses_scores or not recipe.matcher.is_quick:
        return "this method does not match by scores alone"
    for model in (source, target):
        if model.modality.image_shape is not None:
            return f"the cells of {model.modality.name} are images, whose pixels are no features to predict"
    counts = [np.bincount(model.y, minlength=len(model.label_names)) for model in (source, target)]
    typical = float(np.median(np.minimum(*counts)[source.y]))
    if recipe.linking.use != ALWAYS and typical < FEWEST_CELLS:
        return f"half of the cells are in labels of at most {typical:g} cells, and a link needs {FEWEST_CELLS}"
    return ""
