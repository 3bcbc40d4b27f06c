"""Which cells of a label are compared: a reference half, a floor half, and as many translated cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.randomness import stream
from psmatch_core.data.modality import Modality


@dataclass(frozen=True)
class Comparing(Config):
    """How translated cells are compared with observed cells if no true pairs are known."""

    n_neighbors: int = option(
        5,
        minimum=1,
        maximum=100,
        unit="cells",
        help="Number of neighbours in the estimator of the KL divergence.",
        advanced=True,
    )
    n_components: int = option(
        20,
        minimum=0,
        unit="components",
        help="Number of principal components of the z-scored observed cells in which distances are measured; 0 uses "
        "the z-scored features.",
        advanced=True,
    )
    smallest_label: int = option(
        20, minimum=4, unit="cells", help="Labels with fewer observed or translated cells are skipped and listed.",
        advanced=True,
    )  # fmt: skip
    most_cells: int = option(
        2000,
        minimum=10,
        unit="cells",
        help="Largest number of cells per label and modality; larger labels are sampled at random.",
        advanced=True,
    )
    exact_cells: int = option(
        1000,
        minimum=0,
        unit="cells",
        help="Wasserstein-1 is exact if no label has more cells per modality than this, otherwise sliced for all.",
        advanced=True,
    )
    n_projections: int = option(
        200,
        minimum=1,
        maximum=100_000,
        unit="directions",
        help="Number of directions of the sliced distance.",
        advanced=True,
    )


@dataclass(frozen=True)
class ComparedCells:
    """The cells of one label that are compared, by their positions.

    Parameters
    ----------
    predicted
        Of each candidate, as many as of the floor.
    reference, floor
        Two halves of the observed cells.
    is_part
        Whether some cells were left out, because there are more than are compared.
    """

    label: str
    predicted: np.ndarray
    reference: np.ndarray
    floor: np.ndarray
    is_part: bool


def compared_cells(
    labels: np.ndarray, usable: np.ndarray, observed: Modality, comparing: Comparing, *, seed: int
) -> tuple[list[ComparedCells], dict[str, str]]:
    """The cells of each label to compare: as many candidates as there are cells in the half of the floor.

    Returns
    -------
    The cells by label, and why a label is not compared.

    Raises
    ------
    PsmatchError
        If there is no cell at all.
    """
    chosen, skipped = [], {}
    smallest = max(comparing.smallest_label, 2 * (comparing.n_neighbors + 1))  # a half must contain k + 1 cells
    for label in sorted({*labels.tolist(), *observed.labels.tolist()}):
        mine, theirs = np.flatnonzero((labels == label) & usable), np.flatnonzero(observed.labels == label)
        if min(mine.size, theirs.size) < smallest:
            skipped[label] = (
                f"{mine.size:,} translated and {theirs.size:,} observed cells; {smallest} of each are needed"
            )
            continue
        rng = stream(seed, "halves", label)
        order = rng.permutation(theirs)
        half = min(order.size // 2, comparing.most_cells)
        n = min(half, mine.size)
        predicted = rng.permutation(mine)[:n]
        is_part = order.size // 2 > comparing.most_cells
        chosen.append(ComparedCells(label, predicted, order[half : 2 * half], order[:n], is_part))
    if not chosen and not skipped:
        raise PsmatchError("There are no cells to compare.", hint="Translate cells of labels that were observed.")
    return chosen, skipped
