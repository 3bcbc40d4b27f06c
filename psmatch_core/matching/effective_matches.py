"""How many matches a cell has in effect: one definition for a label and for a run, with the candidates beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling


@dataclass(frozen=True)
class EffectiveMatches:
    """Medians over the source cells that have a match.

    Parameters
    ----------
    matches
        Effective matches of the median cell, exp(entropy) of its row [cells]; NaN where no cell has a match.
    candidates
        Target cells of the label of the median cell, over the same cells: never less than ``matches``.
    n_cells
        Source cells that have a match.
    """

    matches: float
    candidates: float
    n_cells: int


def effective_in_label(block: Block) -> EffectiveMatches:
    """Effective matches in the plan of one label."""
    return _medians([block])


def effective_in_run(coupling: Coupling) -> EffectiveMatches:
    """Effective matches over all cells of a run, whatever their label: a label counts by its number of cells."""
    return _medians(list(coupling.blocks.values()))


def _medians(blocks: list[Block]) -> EffectiveMatches:
    candidates = np.concatenate([np.full(block.shape[0], float(block.shape[1])) for block in blocks] or [np.zeros(0)])
    # Rounding may put a uniform row slightly above the number of candidates.
    matches = np.minimum(np.concatenate([block.n_effective for block in blocks] or [np.zeros(0)]), candidates)
    has_match = matches > 0
    if not has_match.any():
        return EffectiveMatches(float("nan"), float("nan"), 0)
    return EffectiveMatches(
        float(np.median(matches[has_match])), float(np.median(candidates[has_match])), int(has_match.sum())
    )
