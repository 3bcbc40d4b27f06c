"""A gain in R² over a uniform plan: when it counts as one, and the sentence that says so."""

from __future__ import annotations

from dataclasses import dataclass

LEAST_GAIN = 0.01  # less than a hundredth of the variance within labels is no gain, however many cells show it
ADDS, NOTHING, HARMS = "adds", "nothing", "harms"


@dataclass(frozen=True)
class Gain:
    """R² that is gained over the uniform plan, and its 95% interval: where it would be for other cells."""

    value: float
    low: float
    high: float

    @property
    def kind(self) -> str:
        """``adds`` or ``harms`` if the interval excludes 0 and the gain is at least 0.01, else ``nothing``."""
        if self.low > 0 and self.value >= LEAST_GAIN:
            return ADDS
        return HARMS if self.high < 0 and self.value <= -LEAST_GAIN else NOTHING


def gain_sentence(gain: Gain, matched: float, uniform: float) -> str:
    """Whether the matching adds anything, with R² within labels of the matching and of the uniform plan."""
    beside = f"R² within labels {r2_words(matched)}, uniform plan {r2_words(uniform)}"
    return {
        ADDS: f"The matching adds {r2_words(gain.value)}: {beside}",
        NOTHING: f"The matching adds nothing that can be measured: {beside}",
        HARMS: f"The matching makes predictions worse: {beside}",
    }[gain.kind]


def r2_words(value: float) -> str:
    """Three decimals, without a negative zero; a dash for NaN."""
    return "–" if value != value else f"{round(value, 3) + 0.0:.3f}".replace("-", "−")
