"""The preset that a recipe is closest to, and what differs from it, in the words of the form."""

from __future__ import annotations

from collections.abc import Collection

from psmatch_core.base.setting_words import Difference, differences
from psmatch_core.pipeline.recipe import PRESETS, Recipe

# Settings that a preset stands for: everything but the data and what is made of the results.
METHOD_SETTINGS = (
    "source_preprocessing",
    "target_preprocessing",
    "space",
    "classifier",
    "scoring",
    "matcher",
    "linking",
    "translator",
)
DISTINGUISHING = ("space", "classifier", "matcher", "linking")  # by which the nearest preset is found
MOST_TITLES = 3


def nearest_preset(recipe: Recipe) -> str:
    """The preset in which the fewest of space, classifier, method and link differ from a recipe."""

    def distance(name: str) -> int:
        preset = Recipe.preset(name)
        return sum(getattr(preset, part) != getattr(recipe, part) for part in DISTINGUISHING)

    return min(PRESETS, key=distance)


def changed_from_preset(recipe: Recipe) -> tuple[Difference, ...]:
    """Settings in which a recipe differs from the preset that it is closest to."""
    return differences(Recipe.preset(nearest_preset(recipe)), recipe, only=METHOD_SETTINGS)


def preset_in_words(recipe: Recipe, *, said: Collection[str] = ()) -> str:
    """The preset and what differs from it, such as ``preset recommended, changed: Method: epsilon``.

    Parameters
    ----------
    said
        Titles of settings that are said elsewhere, with their values.
    """
    name = nearest_preset(recipe)
    titles = [each.title for each in changed_from_preset(recipe) if each.title not in said]
    if not titles:
        return f"preset {name}"
    more = f" and {len(titles) - MOST_TITLES} more" if len(titles) > MOST_TITLES else ""
    return f"preset {name}, changed: {', '.join(titles[:MOST_TITLES])}{more}"
