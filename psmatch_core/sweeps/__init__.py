"""Sweeps: many runs of one recipe with some settings varied, one after another, and their figures side by side."""

from psmatch_core.sweeps.budget import Budget, budget
from psmatch_core.sweeps.folder import SweepFolder, list_sweeps
from psmatch_core.sweeps.points import Axis, Sweep, parse_axis
from psmatch_core.sweeps.table import (
    FIGURES,
    Figure,
    RankCorrelation,
    history,
    rank_correlation,
    sweep_table,
)
from psmatch_core.sweeps.working import do_sweep, start_again, start_sweep

__all__ = [
    "FIGURES",
    "Axis",
    "Budget",
    "Figure",
    "RankCorrelation",
    "Sweep",
    "SweepFolder",
    "budget",
    "do_sweep",
    "history",
    "list_sweeps",
    "parse_axis",
    "rank_correlation",
    "start_again",
    "start_sweep",
    "sweep_table",
]
