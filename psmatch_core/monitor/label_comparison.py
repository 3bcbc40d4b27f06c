"""What comparisons of the labels between the modalities share: which labels, how many it takes, and the words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from psmatch_core.data.modality import Modality
from psmatch_core.monitor.modality_agreement import CELLS_OF_A_MEAN, LABELS_TO_COMPARE, Agreement

N_COMPONENTS = 50  # of more than 150 features
TOO_FEW_LABELS = Agreement(float("nan"), float("nan"), float("nan"))  # of too few labels


@dataclass(frozen=True, kw_only=True)
class LabelComparison(ABC):
    """Whether the labels do the same in both modalities.

    Parameters
    ----------
    n_labels
        Labels with at least two cells in both modalities.
    """

    n_labels: int

    @property
    def can_be_judged(self) -> bool:
        """Whether there are enough labels for permutations of their names to say anything."""
        return self.n_labels >= LABELS_TO_COMPARE

    def finding(self) -> str:
        """Whether they agree, in one sentence."""
        if not self.can_be_judged:
            return f"Cannot be judged with {self.n_labels} labels: it takes {LABELS_TO_COMPARE}."
        return self._finding()

    def remarks(self) -> list[str]:
        """One sentence on each figure, beside what chance gives."""
        if not self.can_be_judged:
            return []
        return [
            f"{title}: {each.value:z.2f}; with exchanged label names at most {each.chance:z.2f} in 95 of 100 times, "
            f"p = {each.p_value:.2g}."
            for title, each in self._figures().items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """As plain values, with the finding in words."""
        return {**asdict(self), "finding": self.finding()}

    @abstractmethod
    def _finding(self) -> str:
        """The sentence, if there are enough labels."""

    @abstractmethod
    def _figures(self) -> dict[str, Agreement]:
        """Each figure by what it is called."""


def labels_in_both(source: Modality, target: Modality) -> np.ndarray:
    """The labels with enough cells in both modalities for a mean, sorted, ``(n_labels,)``."""
    names = np.array(sorted(set(source.label_names) & set(target.label_names)))
    counts = [np.array([np.sum(each.labels == name) for name in names]) for each in (source, target)]
    return names[np.minimum(*counts) >= CELLS_OF_A_MEAN] if names.size else names
