"""One cell beside its matches: their weights, their weighted mean, and the features in which they stand out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.propensity import PropensityModel
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.data.modality import Modality
from psmatch_core.data.scaling import moments
from psmatch_core.data.sides import SIDES
from psmatch_core.matching.coupling import Coupling

HALF = 0.5  # a classifier that averages folds holds out more of the cells than this once, a single one fewer


@dataclass(frozen=True, eq=False)
class MatchedCell:
    """A cell, its matches in the other modality, and both profiles.

    A profile is given in standard deviations from the mean over the cells of the label (z within the label), so that 0
    is the mean of the label: what a uniform plan predicts for every cell of it. A feature that does not vary within the
    label has z 0.

    Parameters
    ----------
    side, label, cell
        The side of the cell, its label, and its row in its modality.
    matches, weights
        Rows of its matches in the other modality, heaviest first, and their shares of its weight, ``(k,)`` each.
    n_effective, n_candidates
        exp(entropy) of its weights, and the cells of the label in the other modality [cells].
    mass
        Its mass relative to that of an average cell of the label.
    names
        Features of its own modality ``(d,)`` and of the other ``(e,)``.
    own_z
        Its profile, ``(d,)``.
    match_z
        The profiles of its ``top`` heaviest matches, ``(≤ top, e)``.
    mean, mean_z
        Mean of all its matches by weight, in the units of the features and as a profile, ``(e,)``; NaN without a match.
    label_mean
        Mean of all cells of the label in the other modality, ``(e,)``.
    chance
        Standard deviation of ``mean_z`` if the same weights were given to random cells of the label.
    """

    side: str
    label: str
    cell: int
    matches: np.ndarray
    weights: np.ndarray
    n_effective: float
    n_candidates: int
    mass: float
    names: tuple[np.ndarray, np.ndarray] = field(repr=False)
    own_z: np.ndarray = field(repr=False)
    match_z: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    mean_z: np.ndarray = field(repr=False)
    label_mean: np.ndarray = field(repr=False)
    chance: float

    def shared_features(self) -> tuple[np.ndarray, np.ndarray]:
        """Places of the features that both modalities have, in its own modality and in the other, ``(s,)`` each."""
        place = {name: at for at, name in enumerate(self.names[1].tolist())}
        own = np.array([at for at, name in enumerate(self.names[0].tolist()) if name in place], dtype=np.int64)
        return own, np.array([place[name] for name in self.names[0][own].tolist()], dtype=np.int64)

    def standing_out(self, which: str, top: int) -> np.ndarray:
        """Places of the features farthest from the mean of the label, farthest first, ``(≤ top,)``.

        Parameters
        ----------
        which
            ``cell`` for its own profile, ``matches`` for their weighted mean.
        """
        z = self.own_z if which == "cell" else self.mean_z
        order = np.argsort(-np.abs(z), kind="stable")
        return order[np.abs(z[order]) > 0][:top]

    def agreeing(self, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Among the shared features those that agree most and those that disagree most, most first, ``(≤ top,)`` each.

        Both z have the same sign where they agree; the product says how clearly. Numbers are places in
        :meth:`shared_features`.
        """
        own, other = self.shared_features()
        product = self.own_z[own] * self.mean_z[other]
        order = np.argsort(-product, kind="stable")
        return order[product[order] > 0][:top], order[::-1][product[order[::-1]] < 0][:top]


def matched_cell(
    coupling: Coupling, sides: tuple[Modality, Modality], cell: int, side: str = "source", *, top: int = 5
) -> MatchedCell:
    """A cell with its matches and both profiles.

    Parameters
    ----------
    sides
        Source and target with the features to show, for example before z-scoring and PCA; rows as in the coupling.
    cell
        Row of the cell in its modality.
    side
        ``source`` or ``target``.
    top
        Matches whose own profiles are given.

    Returns
    -------
    The cell, its matches and both profiles.

    Raises
    ------
    PsmatchError
        If the label of the cell has no plan.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> coupling = psmatch.match(*(psmatch.fit_propensity(each, quick) for each in (source, target)))
    >>> found = psmatch.matched_cell(coupling, (source, target), 0)
    >>> found.weights.sum().round(6)
    np.float64(1.0)
    """
    own, other = sides if side == SIDES[0] else sides[::-1]
    label = str(own.labels[cell])
    if label not in coupling.blocks:
        raise PsmatchError(
            f"Cell {own.obs_names[cell]} has label {label}, which has no plan.", hint="Choose a cell of another label."
        )
    block = coupling[label] if side == SIDES[0] else coupling[label].T
    cells, candidates = coupling.source_cells[label], coupling.target_cells[label]
    if side != SIDES[0]:
        cells, candidates = candidates, cells
    row = int(np.searchsorted(cells, cell))
    mass = np.asarray(block.rows(row, row + 1)[0], dtype=np.float64)
    total = float(mass.sum())
    weights = mass / total if total > 0 else mass
    order = np.argsort(-weights, kind="stable")
    order = order[weights[order] > 0]
    positive = weights[order]
    theirs = other.X[candidates]
    label_mean, spread = moments(theirs)
    mean = np.asarray(weights @ theirs, dtype=np.float64).ravel() if total > 0 else np.full(label_mean.size, np.nan)
    own_mean, own_spread = moments(own.X[cells])
    m = candidates.size
    variance = (float(weights @ weights) - 1 / m) * m / (m - 1) if m > 1 and total > 0 else 0.0
    return MatchedCell(
        side=side,
        label=label,
        cell=int(cell),
        matches=candidates[order],
        weights=positive,
        n_effective=float(np.exp(-positive @ np.log(positive))) if order.size else 0.0,
        n_candidates=m,
        mass=float(total * block.shape[0]),
        names=(own.var_names, other.var_names),
        own_z=_z(to_dense(own.X[[cell]])[0], own_mean, own_spread),
        match_z=_z(to_dense(theirs[order[:top]]), label_mean, spread),
        mean=mean,
        mean_z=_z(mean, label_mean, spread),
        label_mean=label_mean,
        chance=float(np.sqrt(max(variance, 0.0))),
    )


def _z(values: np.ndarray, mean: np.ndarray, spread: np.ndarray) -> np.ndarray:
    varies = spread > 1e-9 * np.maximum(np.abs(mean), 1.0)
    return np.where(varies, (values - mean) / np.where(varies, spread, 1.0), 0.0)


def training_note(model: ScoredModality, cell: int) -> str:
    """Whether the scores of a cell come from classifiers that were trained on it, in one sentence."""
    if not isinstance(model, PropensityModel):
        return "The model that places this cell was trained on it."
    is_held_out = bool(model.is_validated[cell])
    if is_held_out and model.scoring.scores == "out_of_fold":
        return "This cell was scored only by classifiers that were not trained on it."
    if is_held_out and model.is_validated.mean() < HALF:
        return "The classifier was not trained on this cell, but its training stopped where such cells fit best."
    return "The classifier that scores this cell was trained on it."
