"""A scored modality: cells in the space in which they are matched, and how well that space separates the labels.

There are two such spaces: propensity scores (``propensity.py``) and the latents of a baseline (``baselines/``).
Matching, evaluation and plotting use only this interface, so latents are never mistaken for propensities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.config import Config
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.classifier_quality import (
    LabelLoss,
    Reliability,
    confusion_counts,
    cross_entropy,
    fitted_temperature,
    reliability_of,
)
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.classification.label_similarity import pairwise_auc
from psmatch_core.classification.training_data import label_columns
from psmatch_core.data.modality import Modality


@dataclass(frozen=True)
class Space(Config, ABC):
    """Where the cells of two modalities are compared."""

    @property
    @abstractmethod
    def title(self) -> str:
        """Name of the space, as users see it."""


@dataclass(frozen=True, eq=False)
class ScoredModality(HtmlSummary, ABC):
    """Cells of one modality in a space that the other modality shares.

    Parameters
    ----------
    modality
        The cells and the features that were scored.
    label_names
        The labels, in the order of the logits' columns.
    held_out_logits
        Centred logits ``(n_cells, n_labels)``, nats, from classifiers that were not trained on the cell; NaN rows
        where no cell of the label could be held out. All losses and the calibration come from these.
    curves
        Cross-entropy of the labels by epoch, one curve per network.
    notes
        What the user must know, such as labels too small to validate.
    """

    space_name: ClassVar[str]  # name of the space, as users see it
    space_unit: ClassVar[str]  # unit of its distances; empty if they have none

    modality: Modality
    label_names: tuple[str, ...]
    held_out_logits: np.ndarray
    curves: tuple[LossCurve, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    @abstractmethod
    def space(self) -> np.ndarray:
        """Position of each cell, ``(n_cells, d)``: matchers use distances between these."""

    @property
    def scores(self) -> np.ndarray:
        """What the model itself gives each cell, ``(n_cells, d)``: its position without any link."""
        return self.space

    @property
    def held_out_space(self) -> np.ndarray:
        """The space with each cell placed by classifiers that were not trained on it, where there are any.

        Shape ``(n_cells, d)``; for figures that people read. Cells are matched in :attr:`space`.
        """
        return self.space

    @cached_property
    def y(self) -> np.ndarray:
        """Label of each cell as a column of the logits, ``(n_cells,)``."""
        return label_columns(self.modality, self.label_names)

    @cached_property
    def is_validated(self) -> np.ndarray:
        """Mask ``(n_cells,)``: the cell was scored by a classifier that was not trained on it."""
        return ~np.isnan(self.held_out_logits[:, 0])

    @cached_property
    def temperature(self) -> float:
        """The divisor of the logits that makes held-out cross-entropy smallest; above 1 means over-confident."""
        seen = self.is_validated
        return fitted_temperature(self.held_out_logits[seen], self.y[seen])

    @cached_property
    def label_entropy(self) -> float:
        """Cross-entropy of a classifier that knows only how frequent the labels are, nats per cell."""
        share = np.bincount(self.y, minlength=len(self.label_names)) / self.y.size
        return float(-np.sum(share[share > 0] * np.log(share[share > 0])))

    @cached_property
    def cell_losses(self) -> np.ndarray:
        """Held-out, calibrated cross-entropy of each cell, ``(n_cells,)``, nats; NaN where not validated."""
        out = np.full(self.y.size, np.nan)
        seen = self.is_validated
        out[seen] = cross_entropy(self.held_out_logits[seen] / self.temperature, self.y[seen])
        return out

    @cached_property
    def validation_loss(self) -> float:
        """Held-out cross-entropy after temperature scaling, nats per cell."""
        return nan_mean(self.cell_losses)

    @cached_property
    def raw_validation_loss(self) -> float:
        """Held-out cross-entropy of the logits as they are (the paper's monitor), nats per cell."""
        seen = self.is_validated
        return nan_mean(cross_entropy(self.held_out_logits[seen], self.y[seen]))

    @cached_property
    def accuracy(self) -> float:
        """Share of held-out cells whose label scores highest."""
        seen = self.is_validated
        return nan_mean(self.held_out_logits[seen].argmax(axis=1) == self.y[seen])

    @cached_property
    def balanced_accuracy(self) -> float:
        """The same averaged over labels, so that a large label counts once."""
        confusion = self.confusion
        totals = confusion.sum(axis=1)
        return nan_mean(np.diag(confusion)[totals > 0] / totals[totals > 0])

    @cached_property
    def confusion(self) -> np.ndarray:
        """Held-out cells by true label (rows) and best-scoring label (columns), ``(n_labels, n_labels)``."""
        seen = self.is_validated
        return confusion_counts(self.held_out_logits[seen], self.y[seen])

    @cached_property
    def label_separability(self) -> np.ndarray:
        """How well the held-out cells of two labels are distinguished, ``(n_labels, n_labels)``; 0.5 is chance."""
        seen = self.is_validated
        return pairwise_auc(self.held_out_logits[seen], self.y[seen])

    @cached_property
    def per_label(self) -> tuple[LabelLoss, ...]:
        """Cells, loss and accuracy of each label, in the order of ``label_names``."""
        best = np.where(self.is_validated, np.nan_to_num(self.held_out_logits).argmax(axis=1), -1)
        rows = []
        for index, name in enumerate(self.label_names):
            mine = self.y == index
            seen = mine & self.is_validated
            share = mine.sum() / self.y.size
            rows.append(
                LabelLoss(
                    label=name,
                    n_cells=int(mine.sum()),
                    n_validated=int(seen.sum()),
                    loss=nan_mean(self.cell_losses[seen]),
                    baseline=float(-np.log(share)) if share > 0 else float("nan"),
                    accuracy=nan_mean(best[seen] == index),
                )
            )
        return tuple(rows)

    @cached_property
    def reliability(self) -> Reliability:
        """Confidence of the held-out cells compared with their hit rate, in ten bins of equal width."""
        seen = self.is_validated
        return reliability_of(self.held_out_logits[seen] / self.temperature, self.y[seen])
