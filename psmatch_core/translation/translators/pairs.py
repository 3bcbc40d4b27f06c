"""The training data of a translator: standardised cells of both modalities and the plans between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psmatch_core.matching.blocks import Block


@dataclass(frozen=True, eq=False)
class LabelPairs:
    """The plan of one label from inputs (rows) to outputs (columns), and the cells of its rows and columns.

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
    """Matched cells to train on.

    Parameters
    ----------
    X
        Standardised features of the modality to predict from, ``(n_inputs, p)``.
    Y
        Standardised features of the modality to predict, ``(n_outputs, q)``.
    labels
        The plan of each label that has one.
    held_out
        Mask ``(n_inputs,)`` of cells that are not used for training. Only input cells are held out, since new cells
        will be input cells; an output cell is used with those of its matches that are not held out.
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
        """Positions of the matched input cells that are used for training."""
        return np.flatnonzero(~np.isnan(self.targets[:, 0]) & ~self.held_out)

    @cached_property
    def validation(self) -> np.ndarray:
        """Positions of the matched input cells that are held out."""
        return np.flatnonzero(~np.isnan(self.targets[:, 0]) & self.held_out)

    def draw(self, rng: np.random.Generator, n_draws: int, *, held_out: bool = False) -> np.ndarray:
        """Input cells drawn independently for every output cell, with the weights of the plan.

        Parameters
        ----------
        n_draws
            Draws per output cell; one pass over the plan serves them all.
        held_out
            Draw among the held-out input cells instead of the training cells.

        Returns
        -------
        Positions of input cells, ``(n_outputs, n_draws)``; −1 for an output cell without a match among them.
        """
        drawn = np.full((self.Y.shape[0], n_draws), -1, dtype=np.int64)
        for outputs, inputs, block in self._held_out_rows if held_out else self._training_rows:
            picks = block.sample(rng, n_draws)
            drawn[outputs] = np.where(picks >= 0, inputs[picks], -1)
        return drawn

    # Cached, because a plan that is computed from potentials is prepared again whenever it is cut.
    @cached_property
    def _training_rows(self) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        return self._rows(held_out=False)

    @cached_property
    def _held_out_rows(self) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        return self._rows(held_out=True)

    def _rows(self, *, held_out: bool) -> list[tuple[np.ndarray, np.ndarray, Block]]:
        """For each label: output cells, input cells (held out or not), and the plan from the outputs to the inputs."""
        found = []
        for each in self.labels:
            allowed = np.flatnonzero(self.held_out[each.inputs] == held_out)
            if allowed.size:
                found.append((each.outputs, each.inputs[allowed], each.block.part(allowed).T))
        return found
