"""What a translator is: one that carries features of matched cells, or one that learns from them for new cells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from psmatch_core.base.config import Config, option
from psmatch_core.base.progress import Progress
from psmatch_core.classification.classifiers import LossCurve
from psmatch_core.matching.blocks import Block
from psmatch_core.translation.translators.pairs import MatchedPairs


@dataclass(frozen=True)
class Translator(Config, ABC):
    """A strategy that gives cells of one modality the features of the other."""

    @property
    @abstractmethod
    def is_trained(self) -> bool:
        """Whether it learns from the matched cells, and then predicts new ones."""


@dataclass(frozen=True)
class CarryingTranslator(Translator):
    """A translator for the matched cells themselves: it reads their features off the coupling, and learns nothing."""

    @property
    def is_trained(self) -> bool:
        return False

    @abstractmethod
    def carry(self, block: Block, values: np.ndarray, *, to_source: bool, rng: np.random.Generator) -> np.ndarray:
        """Features for the cells of one label.

        Parameters
        ----------
        block
            The label's plan, ``(n, m)``.
        values
            Features of the other side: ``(m, d)`` where they go to the source cells, else ``(n, d)``.
        to_source
            True for target features at source cells, ``(n, d)``; False for the other way, ``(m, d)``.

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
        Loss by epoch, in squared standard deviations a feature; none where nothing iterates.
    notes
        What happened that the user must know, such as a restart.
    """

    curves: tuple[LossCurve, ...] = field(default=(), kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @abstractmethod
    def predict(self, X: np.ndarray) -> np.ndarray:
        """Standardised outputs ``(n_cells, n_outputs)`` of any cells' standardised inputs ``(n_cells, n_inputs)``."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers by name, from which :meth:`TrainedTranslator.restore` makes an equal one."""


@dataclass(frozen=True)
class TrainedTranslator(Translator):
    """A translator that learns from matched cells, and then needs the one modality alone: it takes new cells."""

    n_folds: int = option(
        5,
        minimum=2,
        maximum=100,
        unit="parts",
        help="Input cells of every label are dealt into so many parts; one is held out of training and judges it.",
        advanced=True,
    )

    @property
    def is_trained(self) -> bool:
        return True

    @abstractmethod
    def fit(self, pairs: MatchedPairs, *, seed: int, progress: Progress) -> Predictor:
        """Learn from the pairs; cells held out in ``pairs`` choose among fits and epochs, and nothing else."""

    @abstractmethod
    def restore(self, state: Mapping[str, np.ndarray]) -> Predictor:
        """The predictor whose :meth:`Predictor.state` this is."""
