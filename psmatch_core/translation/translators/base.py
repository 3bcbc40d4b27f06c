"""What a translator is: it carries features across a coupling, or is trained on matched cells to predict new ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from psmatch_core.base.config import Config, option
from psmatch_core.base.progress import UNHEARD, Progress, StagePart
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.matching.blocks import Block
from psmatch_core.translation.translators.pairs import MatchedPairs


@dataclass(frozen=True)
class Translator(Config, ABC):
    """A strategy that predicts the features of one modality for cells of the other."""

    @property
    @abstractmethod
    def is_trained(self) -> bool:
        """Whether it is trained on the matched cells and then predicts new ones."""


@dataclass(frozen=True)
class CarryingTranslator(Translator):
    """A translator for the matched cells only: it carries features across the coupling, without training."""

    is_mean: ClassVar[bool] = False  # whether each cell gets a weighted mean of its matches' features

    @property
    def is_trained(self) -> bool:
        return False

    @abstractmethod
    def carry(
        self,
        block: Block,
        values: np.ndarray,
        *,
        to_source: bool,
        rng: np.random.Generator,
        part: StagePart = UNHEARD,
    ) -> np.ndarray:
        """Features for the cells of one label.

        Parameters
        ----------
        block
            The label's plan, ``(n, m)``.
        values
            Features of the other modality: ``(m, d)`` if they are carried to the source cells, otherwise ``(n, d)``.
        to_source
            True for target features at source cells, ``(n, d)``; False for the reverse, ``(m, d)``.
        part
            Hears how much is done.

        Returns
        -------
        One row a cell; NaN rows for cells without a match.
        """


@dataclass(frozen=True, eq=False)
class Predictor(ABC):
    """A trained map between the standardised features of two modalities.

    Parameters
    ----------
    curves
        Loss by epoch, in squared standard deviations per feature; empty for methods without epochs.
    notes
        What the user should know, such as a restart.
    """

    curves: tuple[LossCurve, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def predict(self, X: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Standardised outputs ``(n_cells, n_outputs)`` for any standardised inputs ``(n_cells, n_inputs)``.

        Parameters
        ----------
        labels
            Label of each cell ``(n_cells,)``, which only some predictors read (:attr:`known_labels`).
        """

    @property
    def known_labels(self) -> tuple[str, ...]:
        """The labels that can be predicted; empty for a predictor that reads no label and predicts any cell."""
        return ()

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers by name, from which :meth:`TrainedTranslator.restore` rebuilds the predictor."""


@dataclass(frozen=True)
class TrainedTranslator(Translator):
    """A translator that is trained on matched cells and then predicts new cells of one modality alone."""

    n_folds: int = option(
        5,
        minimum=2,
        maximum=100,
        unit="parts",
        help="The input cells of each label are split into this many parts; one part is held out to measure accuracy.",
        advanced=True,
    )

    reads_labels: ClassVar[bool] = False  # whether predicted cells need a label, one of those it was trained on

    @property
    def is_trained(self) -> bool:
        return True

    @abstractmethod
    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        """Train on the pairs; cells held out in ``pairs`` are used only to choose among fits and epochs."""

    @abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        """The predictor whose :meth:`Predictor.state` this is."""
