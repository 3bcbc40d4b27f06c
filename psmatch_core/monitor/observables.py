"""Observables: the figures of a run that need no true pair, and those that do, in one flat row."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.randomness import stream
from psmatch_core.evaluation.evaluate import Evaluation
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.matchers.base import SMALLEST_SPREAD, aligned

COST_ROWS = 200  # source cells of a label whose costs are summed: the mean is known to some per cent, at once


def observables(coupling: Coupling, evaluation: Evaluation | None = None, *, seed: int = 0) -> dict[str, float]:
    """One row of figures of a run.

    Returns
    -------
    By name, NaN where there is none: ``loss_source``, ``loss_target`` (held out, calibrated) with their ``raw_``
    twins and ``entropy_source``, ``entropy_target`` (nats per cell); ``loss`` and ``raw_loss``, the mean of both
    modalities as a share of the entropy; ``accuracy_source``, ``accuracy_target``; ``n_effective`` (median,
    cells); ``plan_entropy`` (mean entropy of a cell's matches, nats); ``cost`` (of the plan, as a share of the cost
    of a uniform plan). Where pairs are known also ``trace``, ``trace_fold``, ``foscttm``, ``rank``.
    """
    models = {"source": coupling.source, "target": coupling.target}
    row: dict[str, float] = {}
    for side, model in models.items():
        row[f"loss_{side}"] = model.validation_loss
        row[f"raw_loss_{side}"] = model.raw_validation_loss
        row[f"entropy_{side}"] = model.label_entropy
        row[f"accuracy_{side}"] = model.accuracy
    for name in ("loss", "raw_loss"):
        shares = [row[f"{name}_{side}"] / row[f"entropy_{side}"] for side in models if row[f"entropy_{side}"] > 0]
        row[name] = nan_mean(np.array(shares))
    spread = coupling.n_effective
    spread = spread[spread > 0]  # NaN and cells without a match are neither one partner nor many
    row["n_effective"] = float(np.median(spread)) if spread.size else float("nan")
    row["plan_entropy"] = nan_mean(np.log(spread))
    row["cost"] = relative_cost(coupling, seed=seed)
    if evaluation is not None and len(evaluation.per_cell):
        row |= evaluation.micro
    return row


def relative_cost(coupling: Coupling, *, seed: int = 0) -> float:
    """Mean distance between the logits of matched cells, as a share of that between any two cells of the label.

    1 is a uniform plan; the smaller, the closer the partners that the plan finds. Both sides of a label are centred
    and scaled first, whatever the matcher does, so that matchers and classifiers compare. Sampled rows a label.
    """
    total, weight = 0.0, 0
    for label, block in coupling.blocks.items():
        x, y = (
            coupling.source.space[coupling.source_cells[label]],
            coupling.target.space[coupling.target_cells[label]],
        )
        found = _block_cost(block, *aligned(x, y), rng=stream(seed, "cost", label))
        if np.isfinite(found):
            total, weight = total + found * x.shape[0], weight + x.shape[0]
    return total / weight if weight else float("nan")


def _block_cost(block: Block, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    n = x.shape[0]
    rows = np.sort(rng.choice(n, COST_ROWS, replace=False)) if n > COST_ROWS else np.arange(n)
    distance = cdist(x[rows], y)  # (rows, m)
    mass = np.concatenate([block.rows(int(row), int(row) + 1) for row in rows])
    uniform = float(distance.mean())
    if mass.sum() <= 0 or uniform < SMALLEST_SPREAD:
        return float("nan")
    return float((mass * distance).sum() / mass.sum() / uniform)
