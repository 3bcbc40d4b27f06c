"""Which values of epsilon (or of k) are worth trying for a label, and which methods have one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.setting_words import kind_title
from psmatch_core.matching.matchers import LabelMatcher, Matcher, SinkhornMatcher

STEPS_AROUND = (-10, 14)  # steps below and above the matcher's own epsilon, so that it is one of them
RATIO = 10**0.096  # between steps: 0.11 to 22 times its own, sharp to nearly uniform
NEIGHBORS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500)
MOST_OVERLAPS = 50_000_000  # n k²: common neighbours counted for one step, about a second


def adjustable_matcher(matcher: Matcher) -> LabelMatcher:
    """The matcher, if it solves each label on its own and has an epsilon or k.

    Raises
    ------
    PsmatchError
        If not; the hint says what to choose instead.
    """
    name = kind_title(type(matcher))
    hint = "Choose entropic optimal transport or shared nearest neighbours."
    if type(matcher).sharpness_option() is None:
        raise PsmatchError(f"{name} has neither an epsilon nor a k to adjust.", hint=hint)
    if not isinstance(matcher, LabelMatcher):
        raise PsmatchError(f"{name} matches all labels together, so one label cannot be solved alone.", hint=hint)
    return matcher


def is_adjustable(matcher: Matcher) -> bool:
    """Whether this method has an epsilon or k that can be adjusted per label."""
    return type(matcher).sharpness_option() is not None and isinstance(matcher, LabelMatcher)


def at_value(matcher: LabelMatcher, value: float) -> LabelMatcher:
    """The strategy with another value of its epsilon or k."""
    this: Any = matcher
    changed: LabelMatcher = replace(this, **{str(type(matcher).sharpness_option()): _as_option(matcher, value)})
    return changed


def presets_of(matcher: Matcher) -> dict[str, float]:
    """The epsilons of the presets, × mean cost; none for methods with another unit."""
    if not isinstance(matcher, SinkhornMatcher) or matcher.epsilon_unit != "mean cost":
        return {}
    return {
        "sharp": SinkhornMatcher.sharp().epsilon,
        "balanced": SinkhornMatcher().epsilon,
        "smooth": SinkhornMatcher.smooth().epsilon,
    }


def default_values(matcher: LabelMatcher, n: int, m: int) -> np.ndarray:
    """Values around the matcher's own, including its own and those of the presets, smallest first."""
    own = float(getattr(matcher, str(type(matcher).sharpness_option())))
    if type(matcher).sharpness_option() == "n_neighbors":
        most = max(1.0, min(n, m, np.sqrt(MOST_OVERLAPS / max(n, m))))
        return np.unique(np.r_[[k for k in NEIGHBORS if k <= most], min(own, max(n, m))])
    grid = [float(f"{own * RATIO**step:.3g}") for step in range(STEPS_AROUND[0], STEPS_AROUND[1] + 1)]
    grid[-STEPS_AROUND[0]] = own
    for value in presets_of(matcher).values():
        near = int(np.argmin(np.abs(np.log(np.array(grid) / value))))
        if grid[near] == own and value != own:
            grid.append(value)
        elif grid[0] <= value <= max(grid):
            grid[near] = value
    return np.unique(grid)


def _as_option(matcher: LabelMatcher, value: float) -> float | int:
    return int(value) if type(matcher).sharpness_option() == "n_neighbors" else float(value)
