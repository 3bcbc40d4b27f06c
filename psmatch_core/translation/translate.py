"""Carry features of one modality to the cells of the other, through a coupling."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from psmatch_core.base.arrays import row_chunks, to_dense
from psmatch_core.base.cores import a_core, side_by_side
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent, told_together
from psmatch_core.base.randomness import stream
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.data.modality import Matrix, Modality
from psmatch_core.matching.coupling import Coupling
from psmatch_core.translation.translators import BarycentricTranslator, CarryingTranslator, Translator

TO_SOURCE, TO_TARGET = "target_to_source", "source_to_target"
DIRECTIONS = (TO_SOURCE, TO_TARGET)
MANY_PAIRS = 1_000_000  # of a label: from here on cells are placed before they are carried


@dataclass(frozen=True, eq=False)
class Translation(HtmlSummary):
    """Features of one modality at the cells of the other.

    Parameters
    ----------
    direction
        ``target_to_source``: target features at source cells; ``source_to_target``: the reverse.
    at, of
        The modality whose cells get features, and the modality whose features they get.
    values
        ``(n_cells of at, n_features of of)``, in single precision; NaN rows for cells without a match.
    """

    direction: str
    at: Modality
    of: Modality
    values: np.ndarray
    translator: Translator
    seed: int

    @cached_property
    def has_match(self) -> np.ndarray:
        """Mask ``(n_cells,)`` of the cells that got features."""
        return ~np.isnan(self.values[:, 0])

    def __repr__(self) -> str:
        return (
            f"Translation({self.of.name} features at {self.at.name} cells: {self.values.shape[0]:,} × "
            f"{self.values.shape[1]:,}, {int((~self.has_match).sum()):,} cells without a match)"
        )


def checked_direction(direction: str) -> str:
    """The direction, refused unless it is one of the two."""
    if direction not in DIRECTIONS:
        raise PsmatchError(
            f"direction must be {TO_SOURCE} or {TO_TARGET}, got {direction!r}.", hint="Choose one of the two."
        )
    return direction


def translate(
    coupling: Coupling,
    translator: Translator | None = None,
    *,
    direction: str = TO_SOURCE,
    features: Modality | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Translation:
    """Carry the features of one modality to the cells of the other.

    Parameters
    ----------
    coupling
        The matching.
    translator
        The strategy; the weighted mean unless given.
    direction
        ``target_to_source`` gives source cells the target's features; ``source_to_target`` the reverse.
    features
        The features to carry, for the same cells in the same order as in the coupling (for example genes, if matching
        used z-scores or principal components); those used for matching unless given.
    seed
        For translators that draw at random; each label has its own stream.

    Returns
    -------
    Predicted features of all cells of one side; NaN for a cell without a match.

    Raises
    ------
    PsmatchError
        For an unknown direction, features of other cells, or a translator that must be trained first.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="image")
    >>> models = [psmatch.fit_propensity(each, psmatch.LinearClassifier(strength=0.05)) for each in (source, target)]
    >>> coupling = psmatch.match(*models, psmatch.UniformMatcher())
    >>> psmatch.translate(coupling)
    Translation(image features at RNA cells: 1,000 × 60, 0 cells without a match)
    """
    carried = carry(coupling, translator, direction=direction, features=features, seed=seed)
    values = np.full(carried.shape, np.nan, dtype=np.float32)
    labels = list(coupling.blocks)
    sizes = [math.prod(coupling.blocks[label].shape) for label in labels]
    heard = told_together(progress, "translate", labels, sizes=sizes, words="label {}".format)

    def carry_label(label: str) -> None:
        with a_core():
            values[carried.cells_of[label]] = carried.of_label(label, part=StagePart(heard[label], "translate", ""))
        heard[label](Event("translate", 1.0))

    side_by_side(carry_label, labels)
    values.setflags(write=False)
    return Translation(direction, carried.at, carried.of, values, carried.translator, seed)


def carry(
    coupling: Coupling,
    translator: Translator | None = None,
    *,
    direction: str = TO_SOURCE,
    features: Modality | None = None,
    seed: int = 0,
) -> CarriedFeatures:
    """The same as :func:`translate`, computed label by label when cells are asked for; parameters and errors too."""
    to_source = checked_direction(direction) == TO_SOURCE
    translator = translator or BarycentricTranslator()
    if not isinstance(translator, CarryingTranslator):
        raise PsmatchError(
            f"{type(translator).__name__} must be trained before it translates.",
            hint="Train it with fit_translator; the result predicts any cells.",
        )
    sides = (coupling.source.modality, coupling.target.modality)
    at, matched = sides if to_source else sides[::-1]
    of = features if features is not None else matched
    if not np.array_equal(of.obs_names, matched.obs_names):
        raise PsmatchError(
            f"The features given for {matched.name} are not those of the matched cells.",
            hint="Give features of the same cells in the same order.",
        )
    return CarriedFeatures(direction, at, of, coupling, translator, seed)


@dataclass(frozen=True, eq=False)
class CarriedFeatures:
    """A translation of which nothing is kept: each label is computed when it is asked for.

    Parameters
    ----------
    direction, at, of, translator, seed
        As of a :class:`Translation`.
    coupling
        The matching that carries the features.
    """

    direction: str
    at: Modality
    of: Modality
    coupling: Coupling
    translator: CarryingTranslator
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        """Cells × features."""
        return self.at.n_cells, self.of.n_features

    @property
    def cells_of(self) -> Mapping[str, np.ndarray]:
        """Positions of the cells of each label that get features, ascending."""
        return self.coupling.source_cells if self.direction == TO_SOURCE else self.coupling.target_cells

    @cached_property
    def has_match(self) -> np.ndarray:
        """Mask ``(n_cells,)`` of the cells that get features."""
        found = np.zeros(self.at.n_cells, dtype=bool)
        for label, block in self.coupling.blocks.items():
            found[self.cells_of[label]] = block.marginals[0 if self.direction == TO_SOURCE else 1] > 0
        return found

    def of_label(self, label: str, *, part: StagePart = UNHEARD) -> np.ndarray:
        """The features of a label's cells, ``(n, n_features)``; NaN rows for cells without a match."""
        return self._carried(label, to_dense, part)

    def placed(
        self, cells: np.ndarray, place: Callable[[Matrix], np.ndarray], *, part: StagePart = UNHEARD
    ) -> np.ndarray:
        """These cells ``(n,)`` of one label in another space, ``(n, k)``, to which an affine map ``place`` leads.

        A mean of places is the place of the mean. So the cells of a large plan are placed before they are carried, in
        ``k`` numbers instead of all features.
        """
        label, *others = np.unique(self.at.labels[cells]).tolist()
        block = self.coupling.blocks.get(label)
        if others or block is None or not self.translator.is_mean or block.shape[0] * block.shape[1] < MANY_PAIRS:
            return place(self[cells])
        return self._carried(label, place, part)[np.searchsorted(self.cells_of[label], cells)]

    def _carried(self, label: str, values_of: Callable[[Matrix], np.ndarray], part: StagePart) -> np.ndarray:
        """What ``values_of`` gives for the matches of a label's cells, carried to these."""
        to_source = self.direction == TO_SOURCE
        theirs = (self.coupling.target_cells if to_source else self.coupling.source_cells)[label]
        rng = stream(self.seed, "translate", self.direction, label)
        values = values_of(self.of.X[theirs])
        return self.translator.carry(self.coupling.blocks[label], values, to_source=to_source, rng=rng, part=part)

    def __getitem__(self, cells: np.ndarray) -> np.ndarray:
        """The features of these cells ``(n,)``, by their positions, in single precision."""
        found = np.full((cells.size, self.of.n_features), np.nan, dtype=np.float32)
        for label in np.unique(self.at.labels[cells]).tolist():
            if label in self.coupling.blocks:
                mine = self.at.labels[cells] == label
                found[mine] = self.of_label(label)[np.searchsorted(self.cells_of[label], cells[mine])]
        return found


def cells_with_features(translated: np.ndarray | CarriedFeatures) -> np.ndarray:
    """Mask ``(n_cells,)`` of the cells whose features are known: the rows without NaN."""
    if isinstance(translated, CarriedFeatures):
        return translated.has_match
    found = np.empty(translated.shape[0], dtype=bool)
    for start, stop in row_chunks(*translated.shape):
        found[start:stop] = np.isfinite(translated[start:stop]).all(axis=1)
    return found
