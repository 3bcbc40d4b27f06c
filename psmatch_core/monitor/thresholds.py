"""The numbers that decide a verdict, each with the reason for its value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _threshold(value: float, reason: str) -> Any:
    return field(default=value, metadata={"reason": reason})


@dataclass(frozen=True)
class Thresholds:
    """The numbers that decide a verdict; :meth:`reasons` says why each has its value."""

    standard_errors: float = _threshold(
        2.0,
        "A classifier has learned something if its held-out loss is lower than that of the label frequencies by more "
        "than two standard errors over cells; by chance that happens about once in forty times.",
    )
    clear_share: float = _threshold(
        0.1,
        "A gain of less than a tenth of the label entropy is small. On bone marrow such matchings were nearly uniform, "
        "on Cell Painting they were good (docs/monitor.md): a reason for caution, never for refusal.",
    )
    few_cells: float = _threshold(
        10,
        "With fewer held-out cells, the loss of a label is uncertain by a third or more, and so is its stability.",
    )
    low_stability: float = _threshold(
        0.2,
        "Below this, two matchings have less than a twenty-fifth (0.2 squared) of where they place a cell in common: "
        "the matches depend on which cells were used for training. Labels this unstable had a median FOSCTTM of 0.45 "
        "to 0.53 (chance 0.5) on the three data sets of docs/monitor.md.",
    )
    good_stability: float = _threshold(
        0.5,
        "Above this, two matchings have a quarter (0.5 squared) or more of where they place a cell in common, although "
        "each was trained on half of the cells. Labels this stable had a median FOSCTTM of 0.40 and 0.05 on the two "
        "data sets that have any.",
    )
    chance: float = _threshold(
        0.05,
        "A p-value above this, compared with shuffled labels, occurs by chance in more than one of twenty data sets.",
    )
    nearly_uniform: float = _threshold(
        0.8,
        "A cell whose effective matches are more than this share of all candidates is matched with its label rather "
        "than with particular cells.",
    )
    few_labels: float = _threshold(
        8, "With fewer labels than latent dimensions, the scores lose information (Xi et al. 2024, Prop. 2)."
    )
    most_cells: float = _threshold(
        0.8, "A whole matching is trusted if at least this share of its cells is in labels that are."
    )
    too_many: float = _threshold(
        0.5, "A matching is not trusted if more than this share of its cells is in labels that are not."
    )

    def reasons(self) -> dict[str, str]:
        """Why each threshold has its value, by name."""
        return {each.name: each.metadata["reason"] for each in fields(self)}


THRESHOLDS = Thresholds()
