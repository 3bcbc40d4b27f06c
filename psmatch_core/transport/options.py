"""How a transport problem is solved: accuracy, limits, and the schedule from coarse to fine."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent


def require_positive(value: float, name: str) -> None:
    """Refuse a number that is not finite or not above zero."""
    if not (np.isfinite(value) and value > 0):
        raise PsmatchError(f"{name} must be a finite number above 0, not {value!r}.", hint=f"Give a positive {name}.")


@dataclass(frozen=True)
class AnnealingSchedule:
    """The numbers that steer a solve from coarse to fine; they change its speed, not what it solves.

    Parameters
    ----------
    coarsest_cells
        Largest side of the coarsest level, cells.
    level_ratio
        Number of cells of a level relative to the next coarser one.
    first_epsilon
        Epsilon to start with, in mean costs: a handful of iterations solve any problem there.
    largest_step
        Largest factor between two successive epsilons; beyond about 4, Newton's method no longer converges.
    entries_per_row
        Entries per row above e⁻⁷ of the row at which a level hands over to the next finer one.
    rough_error
        L1 error at which the solve leaves an intermediate epsilon for the next.
    theta
        Threshold of intermediate supports: entries below e^−theta of their row and of their column are left out.
    extra_theta
        Added to theta for the first support of all cells: the potentials of some cells are off by several epsilon
        after the step from the coarser level, and finding a second support costs more than a wide one.
    sparse_below
        Density below which the plan is treated as sparse: a sparse pass costs 1.2 ns per entry, a dense pass 0.15 ns
        per pair.
    """

    coarsest_cells: int = 1100
    level_ratio: float = 4.0
    first_epsilon: float = 0.1
    largest_step: float = 4.0
    entries_per_row: float = 100.0
    rough_error: float = 0.04
    theta: float = 8.0
    extra_theta: float = 4.0
    sparse_below: float = 0.12


@dataclass(frozen=True)
class SolveOptions:
    """How a transport problem is solved; the same options serve every solver of the engine.

    Parameters
    ----------
    tolerance
        L1 error of both marginals together at which the plan counts as converged.
    max_iterations
        Kernel passes after which the potentials so far are returned as not converged. All levels, epsilons and repairs
        count together; passes over all pairs, of which there are a few at each level, count on their own.
    memory_budget_mb
        Memory that a solve may use in addition to its input, megabytes.
    seed
        Seed of the random samples that form the coarse levels.
    progress
        Receives a report at least once a second; may raise :class:`~psmatch_core.base.errors.Cancelled`.
    should_stop
        Called several times a second; if it returns True, the solve ends with the status ``stopped``.
    executor
        Runs tiles of the passes over all pairs, or batches of small problems; everything runs in the calling thread
        if None.
    schedule
        The way from coarse to fine.

    Raises
    ------
    PsmatchError
        If the tolerance or the memory budget is not a positive finite number, or no iteration is allowed.
    """

    tolerance: float = 1e-3
    max_iterations: int = 10_000
    memory_budget_mb: float = 1024.0
    seed: int = 0
    progress: Progress = silent
    should_stop: Callable[[], bool] | None = None
    executor: Executor | None = None
    schedule: AnnealingSchedule = field(default_factory=AnnealingSchedule)

    def __post_init__(self) -> None:
        require_positive(self.tolerance, "tolerance")
        require_positive(self.memory_budget_mb, "memory_budget_mb")
        if self.max_iterations < 1:
            raise PsmatchError(
                f"max_iterations must be at least 1, not {self.max_iterations!r}.", hint="Give a number of iterations."
            )

    @property
    def memory_budget(self) -> int:
        """The memory budget in bytes."""
        return int(self.memory_budget_mb * 1e6)


DEFAULT_OPTIONS = SolveOptions()
