"""EntropicMatcher: entropic transport between points, label by label; the subclasses say what the points are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.blocks import Block, PotentialBlock, uniform_block
from psmatch_core.matching.coupling import Outcome, Status
from psmatch_core.matching.matchers.base import CurvePoint, LabelMatcher, announce_compiling, part_of_pairs
from psmatch_core.matching.matchers.options import (
    MARGINALS,
    align_option,
    cost_option,
    epsilon_option,
    epsilon_unit_option,
    iterations_option,
    memory_option,
    tolerance_option,
)
from psmatch_core.matching.matchers.problem import SINGLE_CELL, Answer, LabelProblem
from psmatch_core.transport.options import SolveOptions
from psmatch_core.transport.status import SolvePath

if TYPE_CHECKING:
    from psmatch_core.transport import TransportResult

MASS_ERROR = 1e-6  # a mass that may differ from 1 by more is said in the status
BATCHED_PAIRS = 65_536  # labels up to this many pairs are solved many in one call


@dataclass(frozen=True, eq=False)
class _Posed:
    """One label as the engine gets it.

    Parameters
    ----------
    x, y
        Points, ``(n, d)`` and ``(m, d)``.
    mean_cost
        Of a uniform plan, units of cost.
    trivial
        The status of a label whose plan is uniform at every epsilon; otherwise None.
    """

    problem: LabelProblem
    x: np.ndarray
    y: np.ndarray
    mean_cost: float
    trivial: Status | None


@dataclass(frozen=True)
class EntropicMatcher(LabelMatcher, ABC):
    """Entropic transport with uniform marginals between the points of each label.

    Small labels are solved together in one call of the engine; along epsilon each plan starts from the one before.
    """

    points_name: ClassVar[str] = "scores"  # what the points are, for messages
    has_cost_of_points: ClassVar[bool] = True
    shares_tiles: ClassVar[bool] = True

    epsilon: float = epsilon_option()
    epsilon_unit: str = epsilon_unit_option()
    align: bool = align_option()
    cost: str = cost_option()
    tolerance: float = tolerance_option(MARGINALS)
    max_iterations: int = iterations_option(5000)
    memory_mb: int = memory_option()

    @abstractmethod
    def points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        """Points of the label's source cells ``(n, d)`` and target cells ``(m, d)``."""

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        from psmatch_core.transport import solve  # brings numba, which a config must not

        posed = self._pose(problem, progress)
        if posed.trivial is not None:
            return uniform_block(*problem.sizes), posed.trivial
        epsilon, options = self._in_cost(posed, self.epsilon), self._solve_options(progress, seed=problem.seed)
        return self._answer(posed, epsilon, solve(posed.x, posed.y, epsilon, cost=self.cost, options=options))

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        large = [problem for problem in problems if problem.n_pairs > BATCHED_PAIRS]
        small = problems[len(large) :]  # problems come largest first
        first = part_of_pairs(progress, problems, 0, len(large))
        yield from super().couple_all(large, progress=first.hear, executor=executor)
        rest = part_of_pairs(
            progress, problems, len(large), len(problems), message=f"{plural(len(small), 'small label')} together"
        )
        yield from self._couple_small(small, rest.hear, executor)

    def _couple_small(
        self, problems: Sequence[LabelProblem], progress: Progress, executor: Executor | None
    ) -> Iterator[Answer]:
        """Labels that are too small to be worth a call each, all in one."""
        from psmatch_core.transport import solve_many

        posed = [self._pose(problem, progress) for problem in problems]
        to_solve = [(each, self._in_cost(each, self.epsilon)) for each in posed if each.trivial is None]
        options = self._solve_options(progress, executor=executor)
        results = (
            solve_many(
                [(each.x, each.y) for each, _ in to_solve],
                [epsilon for _, epsilon in to_solve],
                cost=self.cost,
                options=options,
            )
            if to_solve
            else ()
        )
        solved = zip(to_solve, results, strict=True)
        for each in posed:
            if each.trivial is not None:
                yield uniform_block(*each.problem.sizes), each.trivial
            else:
                (_, epsilon), result = next(solved)
                yield self._answer(each, epsilon, result)

    def couple_along(
        self, problem: LabelProblem, values: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[tuple[float, Answer]]:
        """Each plan starts from the one before; only one is in memory at a time."""
        from psmatch_core.transport import resolve, solve

        posed = self._pose(problem, progress)
        options = self._solve_options(progress, seed=problem.seed)
        last: TransportResult | None = None
        for value in sorted(values, reverse=True):
            if posed.trivial is not None:
                yield value, (uniform_block(*problem.sizes), posed.trivial)
                continue
            epsilon = self._in_cost(posed, value)
            if last is None:
                last = solve(posed.x, posed.y, epsilon, cost=self.cost, options=options)
            else:
                last = resolve(last, epsilon, options=options)
            yield value, self._answer(posed, epsilon, last)

    def trace_curve(
        self, problems: Sequence[LabelProblem], epsilons: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[CurvePoint]:
        """Each epsilon starts from the potentials and the support of the one above it."""
        for problem in problems:
            yield from self._trace_label(problem, epsilons, progress)

    def _trace_label(
        self, problem: LabelProblem, epsilons: Sequence[float], progress: Progress
    ) -> Iterator[CurvePoint]:
        from psmatch_core.transport import solve_path

        posed = self._pose(problem, progress)
        n, m = problem.sizes
        if posed.trivial is not None:
            masses, entropies = np.full(n, 1 / n), np.full(n, np.log(m))
            for epsilon in epsilons:
                yield CurvePoint.from_rows(
                    epsilon, posed.mean_cost, masses=masses, row_entropies=entropies, status=posed.trivial
                )
            return
        in_cost = [self._in_cost(posed, epsilon) for epsilon in epsilons]
        found = solve_path(posed.x, posed.y, in_cost, cost=self.cost, options=self._solve_options(progress))
        for epsilon, result in zip(epsilons, found, strict=True):
            masses = result.marginals()[0]
            yield CurvePoint.from_rows(
                epsilon,
                result.transport_cost / float(masses.sum()),
                masses=masses,
                row_entropies=result.row_entropies,
                status=_engine_status(problem, result.epsilon, result),
            )

    def from_potentials(self, problem: LabelProblem, f: np.ndarray, g: np.ndarray, epsilon: float) -> Block | None:
        return PotentialBlock.with_uniform_masses(*self.points(problem), epsilon, f=f, g=g, cost=self.cost)

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        return block.mean_cost(*self.points(problem), self.cost)

    def _pose(self, problem: LabelProblem, progress: Progress) -> _Posed:
        from psmatch_core.transport import mean_cost

        announce_compiling(progress)
        x, y = self.points(problem)
        typical = mean_cost(x, y, self.cost)
        trivial = None
        if problem.has_single_cell:
            trivial = problem.status(Outcome.CLOSED_FORM, SINGLE_CELL)
        elif typical == 0:
            message = f"all {self.points_name} are equal, so every pair fits as well as any other"
            trivial = problem.status(Outcome.CLOSED_FORM, message)
        return _Posed(problem, x, y, typical, trivial)

    def _in_cost(self, posed: _Posed, epsilon: float) -> float:
        """Epsilon in units of cost."""
        return epsilon * posed.mean_cost if self.epsilon_unit == "mean cost" else epsilon

    def _solve_options(self, progress: Progress, *, seed: int = 0, executor: Executor | None = None) -> SolveOptions:
        return SolveOptions(
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            memory_budget_mb=self.memory_mb,
            seed=seed,
            progress=progress,
            executor=executor,
        )

    def _answer(self, posed: _Posed, epsilon: float, result: TransportResult) -> Answer:
        block = PotentialBlock(posed.x, posed.y, result.f, result.g, epsilon, result.a, result.b, cost=self.cost)
        return block, _engine_status(posed.problem, epsilon, result)


def _engine_status(problem: LabelProblem, epsilon: float, result: TransportResult) -> Status:
    message = ""
    if result.path is SolvePath.UNRESOLVED:
        message = "epsilon is too small beside the costs for double precision: raise epsilon"
    elif result.row_error > MASS_ERROR:
        message = f"the mass of the plan is 1 to within {result.row_error:.1g}"
    return problem.solved_status(
        converged=result.converged,
        error=result.marginal_error,
        iterations=result.iterations,
        epsilon=epsilon,
        message=message,
    )
