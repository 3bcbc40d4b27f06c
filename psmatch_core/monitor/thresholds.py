"""The numbers that decide a verdict, each with the reason for its value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _threshold(value: float, reason: str) -> Any:
    return field(default=value, metadata={"reason": reason})


@dataclass(frozen=True)
class Thresholds:
    """The numbers that decide a verdict; :meth:`reasons` says why each has its value."""

    use: float = _threshold(
        0.3,
        "Agreement of the halves from which a label is called 'use'. Fitted on paired sets with each set left out in "
        "turn (docs/monitor.md).",
    )
    caution: float = _threshold(
        0.1,
        "Agreement below which a label is 'matched by label only': most of these labels have a FOSCTTM near 0.5, as "
        "cells of the label paired at random have (docs/monitor.md).",
    )
    least_features: float = _threshold(
        0.05,
        "Agreement of halves of the features below which a label is 'matched by label only', whatever its cells say: "
        "the matches then follow noise of single features, which other training cells reproduce. Draws that are "
        "independent within labels have 0.3 between halves of the cells and 0.00 between halves of the features.",
    )
    chance_features: float = _threshold(
        0.5,
        "Divided by the square root of the smaller number of cells: twice the standard deviation of the agreement of "
        "halves of the features for draws that are independent within labels (0.05 with 30 cells). A label must be "
        "above this too.",
    )
    standard_errors: float = _threshold(
        2.0,
        "A classifier has learned something if its held-out loss is lower than that of the label frequencies by more "
        "than two standard errors over cells; by chance that happens about once in forty times.",
    )
    few_cells: float = _threshold(
        10,
        "With fewer cells of the label in a modality, an agreement of 0.3 is within what chance gives.",
    )
    nearly_uniform: float = _threshold(
        0.8,
        "A cell whose effective matches are more than this share of all candidates is matched with its label rather "
        "than with particular cells.",
    )
    uniform: float = _threshold(0.95, "Above this share the plan is hardly different from a uniform one.")
    hidden_z: float = _threshold(
        2.0,
        "Hidden labels count as found if their score is this many standard deviations above that of exchanged label "
        "names; sets without signal lie between -0.5 and 1 (docs/monitor.md).",
    )
    hidden_pair: float = _threshold(
        0.1,
        "Two hidden labels are not found again if less than a tenth of the way from chance to certainty is; if a "
        "modality does not separate them either, they are called not distinguished.",
    )
    chance: float = _threshold(0.05, "A p-value above this occurs by chance in more than one of twenty data sets.")
    few_labels: float = _threshold(
        8, "With fewer labels than latent dimensions, the scores lose information (Xi et al. 2024, Prop. 2)."
    )
    most_cells: float = _threshold(
        0.8, "A whole matching is called reproducible if at least this share of its cells is in labels called 'use'."
    )
    too_many: float = _threshold(
        0.5, "A whole matching is 'matched by label only' if more than this share of its cells is in such labels."
    )

    def reasons(self) -> dict[str, str]:
        """Why each threshold has its value, by name."""
        return {each.name: each.metadata["reason"] for each in fields(self)}


THRESHOLDS = Thresholds()
