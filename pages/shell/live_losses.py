"""The losses of a run while it trains, from the events of its worker."""

from __future__ import annotations

import math
from typing import Any

from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


def live_losses(folder: RunFolder) -> Any:
    """Loss by epoch as a figure; None before the first epoch."""
    from psmatch_core.plotting import joint_training, loss_curves
    from psmatch_core.workspace.results import live_curves, live_history

    history = live_history(folder)
    if history:
        return joint_training(history)
    curves = live_curves(folder)
    return loss_curves(curves, entropies=_label_entropies(folder)) if curves else None


def _label_entropies(folder: RunFolder) -> dict[str, float]:
    """Entropy of the training labels of each modality [nats per cell]."""
    report, inputs = files.LABEL_REPORT.read(folder), files.INPUTS.read(folder)
    if report is None or inputs is None:
        return {}
    found = {}
    for side in SIDES:
        cells = [report.counts(side).get(label, 0) for label in report.shared]
        total = sum(cells)
        found[inputs[side].name] = -sum(n / total * math.log(n / total) for n in cells if n) if total else 0.0
    return found
