"""Sweeps: many runs of one recipe with some settings varied, one after another, and their figures side by side."""

from psmatch_core.workspace.sweeps.budget import Budget, budget
from psmatch_core.workspace.sweeps.folder import SweepFolder, list_sweeps
from psmatch_core.workspace.sweeps.managing import delete_sweep, deleted_sweeps, rename_sweep, restore_sweep, sweeps_on
from psmatch_core.workspace.sweeps.points import Axis, Sweep, parse_axis
from psmatch_core.workspace.sweeps.table import (
    RankCorrelation,
    compared,
    history,
    in_words,
    moving,
    rank_correlation,
    rank_matrix,
    sweep_table,
)

__all__ = [
    "Axis",
    "Budget",
    "RankCorrelation",
    "Sweep",
    "SweepFolder",
    "budget",
    "compared",
    "delete_sweep",
    "deleted_sweeps",
    "history",
    "in_words",
    "list_sweeps",
    "moving",
    "parse_axis",
    "rank_correlation",
    "rank_matrix",
    "rename_sweep",
    "restore_sweep",
    "sweep_table",
    "sweeps_on",
]
