"""The verdict: believe, believe with care, or do not; its thresholds by name, each with its reason."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.classification.scored_modality import ScoredModality


class Verdict(enum.Enum):
    """What to make of a matching; the value is what a page says."""

    BELIEVE = "believe"
    WITH_CARE = "with care"
    DO_NOT = "do not"

    @property
    def level(self) -> int:
        """0 for believe, 2 for do not: the largest of a list is the strictest."""
        return list(Verdict).index(self)


WORDS: Mapping[Verdict, str] = MappingProxyType(
    {
        Verdict.BELIEVE: "Believe it",
        Verdict.WITH_CARE: "Believe it with care",
        Verdict.DO_NOT: "Do not believe it",
    }
)


@dataclass(frozen=True)
class Threshold:
    """A number that decides, and why it is that number."""

    value: float
    reason: str


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "standard_errors": Threshold(
            2.0,
            "A classifier has learned something where its held-out loss is below that of the label frequencies by more "
            "than two standard errors over cells: about one chance in forty.",
        ),
        "clear_share": Threshold(
            0.1,
            "A gain under a tenth of the entropy is a faint one. On bone marrow such matchings were near uniform, on "
            "Cell Painting they were good (docs/monitor.md): a reason for care, never for refusal.",
        ),
        "few_cells": Threshold(
            10,
            "With fewer held-out cells a label's own loss is uncertain by a third or more, and so is its stability.",
        ),
        "low_stability": Threshold(
            0.2,
            "Below this two matchings share a twenty-fifth (0.2 squared) of where they put a cell: who goes with whom "
            "depends on which cells happened to train. Labels this unsteady had a median FOSCTTM of 0.45 to 0.53 "
            "(chance 0.5) on the three sets of docs/monitor.md.",
        ),
        "good_stability": Threshold(
            0.5,
            "Above this a quarter (0.5 squared) or more of where two matchings put a cell is common to both, although "
            "each saw half of the cells; labels this steady had a median FOSCTTM of 0.40 and 0.05 on the two sets that "
            "have any.",
        ),
        "chance": Threshold(
            0.05,
            "A p-value against shuffled labels above this is what chance gives in one of twenty data sets.",
        ),
        "nearly_uniform": Threshold(
            0.8,
            "A cell whose effective matches are this share of all candidates is matched with its label, hardly with "
            "cells.",
        ),
        "few_labels": Threshold(
            8,
            "With fewer labels than latent dimensions the scores lose information (Xi et al. 2024, Prop. 2).",
        ),
        "most_cells": Threshold(
            0.8, "A whole matching is believed where at least this share of its cells lies in labels that are."
        ),
        "too_many": Threshold(
            0.5, "A matching is not believed where more than half of its cells lie in labels that are not."
        ),
    }
)


def threshold(name: str) -> float:
    """The number of a named threshold."""
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class Gain:
    """How far a held-out loss lies below that of the label frequencies.

    Parameters
    ----------
    nats
        Mean over cells of −log share − loss, nats per cell; above 0 the classifier knows more than frequencies.
    error
        Its standard error over cells; NaN with fewer than two.
    """

    nats: float
    error: float


def gain_of(model: ScoredModality, label: str | None = None) -> Gain:
    """The gain over a modality's held-out cells, or over those of one label."""
    share = np.bincount(model.y, minlength=len(model.label_names)) / model.y.size
    mine = model.is_validated if label is None else model.is_validated & (model.y == model.label_names.index(label))
    per_cell = -np.log(share[model.y[mine]]) - model.cell_losses[mine]
    error = float(per_cell.std(ddof=1) / np.sqrt(per_cell.size)) if per_cell.size > 1 else float("nan")
    return Gain(nan_mean(per_cell), error)
