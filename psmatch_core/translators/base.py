"""What a translator is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from psmatch_core.blocks import Block
from psmatch_core.config import Config


@dataclass(frozen=True)
class Translator(Config, ABC):
    """A strategy that gives cells of one side the features of the other."""

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
