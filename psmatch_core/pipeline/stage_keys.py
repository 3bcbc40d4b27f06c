"""The key of every stage: a hash of what the stage is made of, under which a later run finds its result.

Keys name files in the shared cache, so a key that changes makes every earlier result invisible. A stage's key holds
all that its result depends on and nothing else: a missing part would hand one run the result of another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from psmatch_core.base.config import Config
from psmatch_core.classification.networks.devices import CPU
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.batch_scale import batches_of
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.evaluation.held_out_groups import CellGroups
from psmatch_core.evaluation.held_out_pairs import PairParts
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.link import NEVER
from psmatch_core.pipeline.recipe import Recipe

# Settings of a recipe that decide the features, and with them those that decide the propensity models.
FEATURE_SETTINGS = ("source_preprocessing", "target_preprocessing", "labels", "space")
# Options of a preprocessing that came later: at their defaults they change no key, so that earlier results are found.
LATER_OPTIONS = ("batch_scaling", "batch_key", "batch_controls", "largest_z", "largest_correlation")
TRAINING_SETTINGS = (*FEATURE_SETTINGS, "classifier", "scoring", "seed")


def stage_key(*parts: Any) -> str:
    """A hash of plain data and configs: 32 hexadecimal digits."""
    text = json.dumps([part.to_dict() if isinstance(part, Config) else part for part in parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def settings_key(recipe: Recipe, names: Iterable[str]) -> str:
    """The key of some settings of a recipe: equal where these settings are equal."""
    return stage_key(*(getattr(recipe, name) for name in names))


def features_key(cells: Modality, preprocessing: Preprocessing, seed: int) -> str:
    """The key of a fitted preprocessing and of the features that it makes of the cells."""
    # The features carry the known pairs, on which nothing but their evaluation depends.
    pairs = [cells.pair_fingerprint] if cells.pair_ids is not None else []
    batches = preprocessing.batch_key if preprocessing.batch_scaling != "none" else ""
    parts = [stage_key(batches_of(cells, batches))] if batches else []
    settings, defaults = preprocessing.to_dict(), Preprocessing().to_dict()
    asked = {name: each for name, each in settings.items() if name not in LATER_OPTIONS or each != defaults[name]}
    return stage_key("features", cells.fingerprint, asked, seed, *pairs, *parts)


def propensity_key(features: Modality, label_names: Sequence[str], recipe: Recipe) -> str:
    """The key of the propensity model of one modality."""
    return stage_key(
        "propensity",
        features.fingerprint,
        features.name,
        list(label_names),
        recipe.classifier,
        recipe.scoring,
        recipe.seed,
        *device_parts(recipe),
    )


def halves_key(features: Modality, label_names: Sequence[str], recipe: Recipe, of: str) -> str:
    """The key of the scores of two classifiers, each trained on one half of a modality's cells or features."""
    return stage_key(
        f"halves of the {of}",
        features.fingerprint,
        features.name,
        list(label_names),
        recipe.classifier.lighter,
        recipe.scoring.n_folds,
        recipe.seed,
        *device_parts(recipe),
    )


def held_out_scores_key(features: Modality, side: str, parts: PairParts, recipe: Recipe) -> str:
    """The key of the scores of one modality's held-out pairs."""
    split = hashlib.sha256(parts.source.tobytes() + parts.target.tobytes()).hexdigest()
    return _held_out_key("held-out pairs", features, side, parts.label_names, split, recipe)


def group_scores_key(features: Modality, name: str, groups: CellGroups, recipe: Recipe) -> str:
    """The key of the scores of one of several modalities' held-out cells.

    Parameters
    ----------
    name
        Of the modality among the groups: its place decides which group trains it.
    """
    place = f"{list(groups.groups).index(name) + 1} of {len(groups.groups)}"
    split = hashlib.sha256(groups.groups[name].tobytes()).hexdigest()
    return _held_out_key("held-out groups", features, place, groups.label_names, split, recipe)


def _held_out_key(
    kind: str, features: Modality, place: str, label_names: Sequence[str], split: str, recipe: Recipe
) -> str:
    parts_of_it = [kind, features.fingerprint, features.name, place, list(label_names), split]
    return stage_key(*parts_of_it, recipe.classifier, recipe.scoring.n_folds, recipe.seed, *device_parts(recipe))


def latents_key(side: str, features: tuple[Modality, Modality], label_names: Sequence[str], recipe: Recipe) -> str:
    """The key of one side's joint latents; they depend on both modalities, which train together."""
    inputs = [text for each in features for text in (each.fingerprint, each.name)]
    return stage_key("joint latents", side, inputs, list(label_names), recipe.space, recipe.seed, *device_parts(recipe))


def translator_key(direction: str, coupling: Coupling, recipe: Recipe, *, inputs: Modality, outputs: Modality) -> str:
    """The key of the translator that is trained across a coupling in one direction.

    Parameters
    ----------
    inputs, outputs
        The features that it reads and predicts, before z-scoring and PCA.
    """
    return stage_key(
        "translator",
        direction,
        inputs.fingerprint,
        inputs.name,  # it says whose features it predicts, and classifiers are seeded by the name
        outputs.fingerprint,
        outputs.name,
        inputs.pair_fingerprint,  # its accuracy is measured with known pairs
        outputs.pair_fingerprint,
        *(model.modality.fingerprint for model in (coupling.source, coupling.target)),
        recipe.space,
        recipe.classifier,
        recipe.scoring,
        recipe.matcher,
        recipe.translator,
        recipe.seed,
        *([recipe.linking] if recipe.linking.use != NEVER else []),  # keys of earlier runs stay
        *device_parts(recipe),
    )


def map_key(method: str, models: Sequence[ScoredModality], n_cells: int, seed: int, *, by_label: bool) -> str:
    """The key of a two-dimensional map of both modalities' held-out scores, of at most ``n_cells`` cells each."""
    shown = [hashlib.sha256(np.ascontiguousarray(model.held_out_space).tobytes()).hexdigest() for model in models]
    return stage_key("map of held-out scores", method, shown, n_cells, seed, by_label)


def matching_key(coupling: Coupling, recipe: Recipe) -> str:
    """The key of a matching, by which a monitor report belongs to it: the scores of both sides and the matcher."""
    return stage_key("monitor", _scores((coupling.source, coupling.target)), recipe.matcher, recipe.seed)


def device_parts(recipe: Recipe) -> list[str]:
    """Where networks train; nothing for the processor, so that keys of earlier runs stay."""
    return [f"trained on {recipe.device}"] if recipe.device != CPU else []


def _scores(models: Sequence[ScoredModality]) -> list[str]:
    return [hashlib.sha256(model.space.tobytes()).hexdigest() for model in models]
