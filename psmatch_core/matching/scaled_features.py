"""Scaled features of both modalities at matched cells: what matching of features starts from."""

from __future__ import annotations

import math

import numpy as np

from psmatch_core.base.arrays import to_dense
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, StagePart, told_together
from psmatch_core.data.modality import Modality
from psmatch_core.matching.coupling import Coupling

CONSTANT = 1e-9  # a spread below this share of a feature's size is rounding
PASSES = 5  # over the features of a modality, which scale them
PREPARED = 0.2  # share of the stage that carrying the features is, before the first permutation


def carry_features(
    coupling: Coupling, source: Modality, target: Modality, *, scaling: str, progress: Progress
) -> tuple[np.ndarray, list[np.ndarray], np.ndarray, np.ndarray]:
    """Scaled source features at the target cells ``(m, p)``, target features by label, and which features are kept."""
    labels = coupling.labels
    first, second, carrying = StagePart(progress, "features", "", stop=PREPARED).split(3)
    first = first.begin(f"scaling the features of {source.name}")
    masses = [coupling.mass(label) for label in labels]
    marginals = [coupling[label].marginals for label in labels]
    X, keep_x = _scaled(source, coupling.source_cells, masses, [each[0] for each in marginals], scaling, passes=first)
    second = second.begin(f"scaling the features of {target.name}")
    Y, keep_y = _scaled(target, coupling.target_cells, masses, [each[1] for each in marginals], scaling, passes=second)
    carrying = carrying.begin("carrying the source features across the coupling")
    sizes = [math.prod(coupling[label].shape) for label in labels]
    heard = told_together(carrying.hear, "features", labels, sizes=sizes, words="label {}".format)
    pushed = []
    for mass, label, x in zip(masses, labels, X, strict=True):
        pushed.append(mass * coupling[label].push(x, part=StagePart(heard[label], "features", "")))  # (m_l, p)
        heard[label](Event("features", 1.0))
    return np.concatenate(pushed), Y, keep_x, keep_y


def _scaled(
    side: Modality,
    cells: dict[str, np.ndarray],
    masses: list[float],
    weights: list[np.ndarray],
    scaling: str,
    *,
    passes: StagePart,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Each label's features ``(n_l, kept)``, mean 0 and variance 1 under the coupling, and which vary ``(p,)``."""
    parts: list[np.ndarray] = []
    for rows in cells.values():
        parts.append(to_dense(side.X[rows]))
    passes.tell(1, PASSES, "passes")
    total = sum(mass * each.sum() for mass, each in zip(masses, weights, strict=True))
    shares = [mass * each / total for mass, each in zip(masses, weights, strict=True)]
    size = np.sqrt(sum(w @ part**2 for w, part in zip(shares, parts, strict=True)))
    passes.tell(2, PASSES, "passes")
    if scaling == "within labels":
        parts = [part - w @ part / max(w.sum(), 1e-300) for w, part in zip(shares, parts, strict=True)]
    mean = sum(w @ part for w, part in zip(shares, parts, strict=True))
    parts = [part - mean for part in parts]
    passes.tell(3, PASSES, "passes")
    deviation = np.sqrt(sum(w @ part**2 for w, part in zip(shares, parts, strict=True)))
    passes.tell(4, PASSES, "passes")
    keep = np.asarray(deviation > CONSTANT * np.maximum(size, np.finfo(float).tiny))
    if not keep.any():
        raise PsmatchError(
            f"{side.name}: no feature varies among the matched cells"
            + (", within labels." if "label" in scaling else "."),
            hint="Give features that differ from cell to cell.",
        )
    return [part[:, keep] / deviation[keep] for part in parts], keep
