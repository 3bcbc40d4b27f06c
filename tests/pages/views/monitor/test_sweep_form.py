"""The form of a sweep starts from values that the options accept."""

import json

from pages.views.monitor.sweep_form import _options, _suggested
from psmatch_core.pipeline.recipe import Recipe


def test_no_suggested_number_is_above_the_range_of_its_option() -> None:
    recipe = Recipe()
    numbers = {name: found for name, found in _options(recipe).items() if type(found[0]) in (int, float)}
    assert "source_preprocessing.largest_correlation" in numbers
    for name, (value, option) in numbers.items():
        for text in _suggested(name, value, option).split(", "):
            if option.maximum is not None:
                assert json.loads(text) <= option.maximum, name
