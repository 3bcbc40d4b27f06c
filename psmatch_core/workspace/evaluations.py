"""The evaluation of a run that is shown first, of held-out pairs where there is one, and the inflated one beside it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from psmatch_core.evaluation.evaluate import EvaluationSummary
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class ShownEvaluation:
    """How good a run's matching is where true pairs are known.

    Parameters
    ----------
    summary, labels, cells
        Means, one row for each label, and one for each pair: of held-out pairs, or of all pairs if none were held out.
    inflated
        The means of all pairs, whose cells both classifiers were trained on.
    is_held_out
        Whether the first three are of held-out pairs; if not, they are inflated too.
    """

    summary: EvaluationSummary
    labels: pd.DataFrame | None
    cells: pd.DataFrame | None
    inflated: EvaluationSummary
    is_held_out: bool


def load_evaluation(folder: RunFolder) -> ShownEvaluation | None:
    """The evaluation of a run; None if no pair is known."""
    inflated = files.EVALUATION.read(folder)
    if inflated is None:
        return None
    held_out = files.HELD_OUT_EVALUATION.read(folder)
    # Where too few pairs of every label could be held out, the others are all there is.
    is_held_out = held_out is not None and held_out.n_pairs > 0
    summary = held_out if held_out is not None and is_held_out else inflated
    labels, cells = evaluation_files(is_held_out=is_held_out)
    return ShownEvaluation(
        summary=summary,
        labels=labels.read(folder) if summary.n_pairs else None,  # the tables of no pairs have no columns
        cells=cells.read(folder) if summary.n_pairs else None,
        inflated=inflated,
        is_held_out=is_held_out,
    )


def evaluation_files(*, is_held_out: bool) -> tuple[files.RunFile[pd.DataFrame], files.RunFile[pd.DataFrame]]:
    """The files with one row for each label, and with one for each pair."""
    if is_held_out:
        return files.HELD_OUT_EVALUATION_LABELS, files.HELD_OUT_EVALUATION_CELLS
    return files.EVALUATION_LABELS, files.EVALUATION_CELLS
