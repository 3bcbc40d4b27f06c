"""MatchedPairs: what a translator learns from. Cells of both modalities, standardised, and who goes with whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psmatch_core.matching.blocks import Block


@dataclass(frozen=True, eq=False)
class LabelPairs:
    """One label: its plan from inputs (rows) to outputs (columns), and whose rows and columns these are.

    Parameters
    ----------
    block
        ``(n, m)``, mass 1.
    inputs, outputs
        Positions of the cells in the two modalities, ``(n,)`` and ``(m,)``.
    """

    label: str
    block: Block
    inputs: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True, eq=False)
class MatchedPairs:
    """Cells to learn from.

    Parameters
    ----------
    X
        Standardised features of the modality that is translated from, ``(n_inputs, p)``.
    Y
        Standardised features of the modality that is translated to, ``(n_outputs, q)``.
    labels
        The plan of each label that has one.
    held_out
        Mask ``(n_inputs,)``: cells that never train. A held-out cell is an input cell, as the cells to be
        translated later are; a cell of the other modality trains with what is left of its matches.
    """

    X: np.ndarray
    Y: np.ndarray
    labels: tuple[LabelPairs, ...]
    held_out: np.ndarray

    @cached_property
    def targets(self) -> np.ndarray:
        """Weighted mean of each input cell's matches, ``(n_inputs, q)``; NaN rows for cells without a match."""
        return self.expected(self.Y)

    def expected(self, values: np.ndarray) -> np.ndarray:
        """Mean of ``values (n_outputs, d)`` over each input cell's row of the plan, ``(n_inputs, d)``."""
        out = np.full((self.X.shape[0], values.shape[1]), np.nan)
        for each in self.labels:
            mass = each.block.marginals[0]
            sums = each.block.pull(np.asarray(values[each.outputs], dtype=np.float64))
            matched = mass > 0
            out[each.inputs[matched]] = sums[matched] / mass[matched, None]
        return out

    @cached_property
    def training(self) -> np.ndarray:
        """Positions of the matched input cells that train."""
        return np.flatnonzero(~np.isnan(self.targets[:, 0]) & ~self.held_out)

    @cached_property
    def validation(self) -> np.ndarray:
        """Positions of the matched input cells that are held out."""
        return np.flatnonzero(~np.isnan(self.targets[:, 0]) & self.held_out)

    def draw(self, rng: np.random.Generator, n_draws: int, *, held_out: bool = False) -> np.ndarray:
        """Input cells drawn for every output cell, independently, with the weights of its part of the plan.

        Parameters
        ----------
        n_draws
            Draws of each output cell. The plan is passed once for all of them.
        held_out
            Draw among the held-out input cells instead of those that train.

        Returns
        -------
        Positions of input cells, ``(n_outputs, n_draws)``; −1 for an output cell that has no match among them.
        """
        drawn = np.full((self.Y.shape[0], n_draws), -1, dtype=np.int64)
        for outputs, inputs, block in self._judged_rows if held_out else self._training_rows:
            picks = block.sample(rng, n_draws)
            drawn[outputs] = np.where(picks >= 0, inputs[picks], -1)
        return drawn

    # Kept, since a plan that is computed from potentials is prepared anew whenever it is cut.
    @cached_property
    def _training_rows(self) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        return self._rows(held_out=False)

    @cached_property
    def _judged_rows(self) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        return self._rows(held_out=True)

    def _rows(self, *, held_out: bool) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        """For each label its output cells, its input cells of the one kind, and the plan from these to those."""
        found = []
        for each in self.labels:
            allowed = np.flatnonzero(self.held_out[each.inputs] == held_out)
            if allowed.size:
                found.append((each.outputs, each.inputs[allowed], each.block.part(allowed).T))
        return found
