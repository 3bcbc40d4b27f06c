"""A contrast of two groups of cells, as weights: of the cells themselves, drawn again, and shuffled within labels.

Every figure of the markers is a weighted sum over cells, Σ a_i v_i with a_i = 1 / n in the first group and −1 / n in
the second, of measured values v = x or of values projected through the plan, v = P̂ y. What the labels explain is the
same sum of the means of the labels, which is what a uniform plan projects; the rest lies within the labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.randomness import stream
from psmatch_core.data.sides import SIDES
from psmatch_core.exploration.selection import Selection
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling

FEWEST_LABELS = 5  # labels from which a test with labels as units means something
BOTH, APART, NONE = "within labels", "between labels", ""


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two groups of cells of one modality that have matches.

    Parameters
    ----------
    coupling, side
        Where the cells are.
    weights
        ``(2, n_cells)``: 1 / n of the group for its cells, else 0.
    labels
        Labels with cells of either group that have a plan.
    notes
        What was left out.
    """

    coupling: Coupling
    side: str
    weights: np.ndarray
    labels: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def n_cells(self) -> tuple[int, int]:
        """Cells of both groups."""
        first, second = (self.weights > 0).sum(axis=1).tolist()
        return first, second

    def own_cells(self, label: str) -> np.ndarray:
        """Rows of a label's cells in the modality of the groups."""
        return (self.coupling.source_cells if self.side == SIDES[0] else self.coupling.target_cells)[label]

    def other_cells(self, label: str) -> np.ndarray:
        """Rows of a label's cells in the other modality."""
        return (self.coupling.target_cells if self.side == SIDES[0] else self.coupling.source_cells)[label]

    def block(self, label: str) -> Block:
        """The plan of a label, with the cells of the groups in its rows."""
        block = self.coupling[label]
        return block if self.side == SIDES[0] else block.T

    def label_units(self) -> tuple[str, tuple[np.ndarray, ...]]:
        """Which labels are the units of the test over labels, and what each counts.

        Returns
        -------
        ``within labels`` and the labels (places in ``labels``) that hold cells of both groups, if there are at least
        five; otherwise ``between labels`` and the labels that hold cells of the first group only and of the second
        only, if they are at least five together; otherwise an empty text.
        """
        has = np.array([self.weights[:, self.own_cells(label)].sum(axis=1) > 0 for label in self.labels]).reshape(-1, 2)
        both = np.flatnonzero(has.all(axis=1))
        if both.size >= FEWEST_LABELS:
            return BOTH, (both,)
        first, second = (np.flatnonzero(has[:, group] & ~has[:, 1 - group]) for group in (0, 1))
        if first.size and second.size and first.size + second.size >= FEWEST_LABELS:
            return APART, (first, second)
        return NONE, ()

    def drawn_again(self, n: int, seed: int) -> np.ndarray:
        """The contrast a of ``n`` bootstrap samples, both groups drawn with replacement, ``(n, n_cells)``.

        Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 8.3 (two samples).
        """
        rng = stream(seed, "markers", "bootstrap")
        out = np.zeros((n, self.weights.shape[1]))
        for group, sign in ((0, 1.0), (1, -1.0)):
            cells = np.flatnonzero(self.weights[group] > 0)
            out[:, cells] = sign * rng.multinomial(cells.size, np.full(cells.size, 1 / cells.size), size=n) / cells.size
        return out

    def shuffled(self, n: int, seed: int) -> np.ndarray:
        """The contrast a of ``n`` random orders of the cells within each label, ``(n, n_cells)``.

        Shuffling who is in a group is the same as shuffling the rows of the plan within the label.
        """
        rng = stream(seed, "markers", "null")
        signed = self.weights[0] - self.weights[1]
        out = np.zeros((n, signed.size))
        for label in self.labels:
            cells = self.own_cells(label)
            out[:, cells] = rng.permuted(np.tile(signed[cells], (n, 1)), axis=1)
        return out


def contrast_of(coupling: Coupling, group: Selection, against: Selection | None = None) -> Contrast:
    """Two groups of cells of one modality to compare.

    Parameters
    ----------
    against
        The second group; all other cells of the modality unless given.

    Raises
    ------
    PsmatchError
        If the groups belong to different modalities or share a cell, or one has no cell with a match.
    """
    if against is not None and against.side != group.side:
        raise PsmatchError(
            f"The groups are of different modalities: {group.side} and {against.side}.",
            hint="Choose both groups among the cells of one modality.",
        )
    side = group.side
    model = coupling.source if side == SIDES[0] else coupling.target
    n_cells = model.modality.n_cells
    members = np.zeros((2, n_cells), dtype=bool)
    members[0, group.cells] = True
    members[1] = ~members[0]
    if against is not None:
        members[1] = False
        members[1, against.cells] = True
    n_both = int(members.all(axis=0).sum())
    if n_both:
        raise PsmatchError(
            f"The two groups share {plural(n_both, 'cell')}.", hint="Choose groups without a cell in common."
        )
    cells_of = coupling.source_cells if side == SIDES[0] else coupling.target_cells
    has_match = np.zeros(n_cells, dtype=bool)
    for label, block in coupling.blocks.items():
        if members[:, cells_of[label]].any():
            has_match[cells_of[label]] = block.marginals[0 if side == SIDES[0] else 1] > 0
    n_left_out = int((members & ~has_match).sum())
    members &= has_match
    counts = members.sum(axis=1)
    if against is None and counts[0] and not counts[1]:
        raise PsmatchError(
            "The group holds all matched cells, so there are no others to compare with.",
            hint="Choose some of the cells, or a second group.",
        )
    if not counts.all():
        which = "first" if not counts[0] else "second"
        raise PsmatchError(
            f"No cell of the {which} group has a match, so there is nothing to compare.",
            hint="Choose cells of labels that have a plan.",
        )
    return Contrast(
        coupling=coupling,
        side=side,
        weights=members / counts[:, None],
        labels=tuple(label for label in coupling.labels if members[:, cells_of[label]].any()),
        notes=(f"{plural(n_left_out, 'cell')} without a match left out.",) if n_left_out else (),
    )
