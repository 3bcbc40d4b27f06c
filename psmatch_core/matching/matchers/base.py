"""Matcher: what every matching strategy does, for all labels at once or label by label."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from psmatch_core.base.config import Config
from psmatch_core.base.cores import Workers, a_core, computing_on, side_by_side, workers
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, StagePart, silent, told_together
from psmatch_core.base.setting_words import kind_title
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Status
from psmatch_core.matching.matchers.problem import Answer, LabelProblem

SPREAD_PAIRS = 1_000_000_000  # of a label; one of fewer is matched by one worker of a cluster
COMPILING = "compiling the transport engine: once on this machine, about a minute"


@dataclass(frozen=True)
class CurvePoint:
    """Cost and spread of one label's plan at one epsilon.

    Parameters
    ----------
    epsilon
        In the unit of the matcher's option.
    cost
        Of the plan scaled to mass 1, without the entropy term, units of cost; NaN without a plan.
    entropy
        Of the plan scaled to mass 1, nats; at most log n + log m, which a uniform plan has.
    n_effective
        exp(mean entropy of a source cell's row), cells; rows are weighted by their mass.
    status
        The status of the label.
    """

    epsilon: float
    cost: float
    entropy: float
    n_effective: float
    status: Status

    @classmethod
    def from_rows(
        cls, epsilon: float, cost: float, *, masses: np.ndarray, row_entropies: np.ndarray, status: Status
    ) -> CurvePoint:
        """The point of a plan with row sums ``masses (n,)`` whose rows have these entropies ``(n,)``, nats."""
        share = masses / masses.sum()
        rows = float(share @ row_entropies)
        some = share[share > 0]
        return cls(epsilon, cost, rows - float(some @ np.log(some)), float(np.exp(rows)), status)

    @classmethod
    def without_plan(cls, epsilon: float, status: Status) -> CurvePoint:
        """The point of a label that has no plan at this epsilon."""
        return cls(epsilon, float("nan"), float("nan"), float("nan"), status)


@dataclass(frozen=True)
class Matcher(Config, ABC):
    """A strategy that matches the cells of every label."""

    needs_features: ClassVar[bool] = False  # whether problems carry the cells' features beside their scores
    is_quick: ClassVar[bool] = True  # whether matching takes less time than training, so that a run may match again

    @property
    def uses_scores(self) -> bool:
        """Whether the plans depend on the scores; else other classifiers give the same plans, which shows nothing."""
        return True

    @property
    def aligns(self) -> bool:
        """Whether each label's cells are centred and scaled on both sides before they are compared."""
        return bool(getattr(self, "align", False))

    def check(self, source: Modality, target: Modality) -> None:
        """Refuse, before any work, labels and features that this strategy cannot match.

        Raises
        ------
        PsmatchError
            With the estimate and the alternative.
        """

    @abstractmethod
    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        """Plan and status of each label, in the order of the problems.

        Parameters
        ----------
        problems
            One per label, those with most pairs first.
        executor
            Works on several labels at the same time, instead of the cores of this machine.
        """

    @classmethod
    def has_epsilon(cls) -> bool:
        """Whether there is an epsilon to choose, and so an L-curve."""
        return "epsilon" in cls.options()

    @classmethod
    def sharpness_option(cls) -> str | None:
        """The option by which plans get sharper or smoother, such as ``epsilon``; None if there is none."""
        return "epsilon" if cls.has_epsilon() else None

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        """The cost of each label's plan, scaled to mass 1 and without the entropy term, units of cost.

        Raises
        ------
        PsmatchError
            If the strategy minimises no cost that could be told label by label.
        """
        why = "matches all labels together, and the share of one label in its cost is not known"
        raise PsmatchError(
            f"{kind_title(type(self))} {why if self.has_epsilon() else 'has no epsilon'}, so there is no curve of cost "
            "against entropy.",
            hint="Choose an entropic method that matches label by label, such as entropic optimal transport.",
        )

    def trace_curve(
        self, problems: Sequence[LabelProblem], epsilons: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[CurvePoint]:
        """Cost and spread of every label at every epsilon, in no particular order; true pairs are not used.

        Here every epsilon is solved from the start; a matcher that can continue from a neighbouring one does so.
        """
        self.plan_costs((), ())  # refuses before any work if there is no curve
        this: Any = self  # every matcher is a dataclass, which its base class cannot say
        for done, epsilon in enumerate(epsilons):
            matcher: Matcher = replace(this, epsilon=epsilon)
            inner = _nested(progress, f"epsilon {epsilon:g}: ", done / len(epsilons))
            answers = list(matcher.couple_all(problems, progress=inner))
            solved = [
                (problem, block)
                for problem, (block, _) in zip(problems, answers, strict=True)
                if block is not None and _is_whole(block)
            ]
            costs = dict(
                zip(
                    (problem.label for problem, _ in solved),
                    matcher.plan_costs([each for each, _ in solved], [each for _, each in solved]),
                    strict=True,
                )
            )
            for problem, (block, status) in zip(problems, answers, strict=True):
                if block is None or problem.label not in costs:
                    yield CurvePoint.without_plan(epsilon, status)
                else:
                    entropies = np.log(np.maximum(block.n_effective, 1.0))
                    yield CurvePoint.from_rows(
                        epsilon,
                        costs[problem.label],
                        masses=block.marginals[0],
                        row_entropies=entropies,
                        status=status,
                    )


@dataclass(frozen=True)
class LabelMatcher(Matcher, ABC):
    """A matcher that treats each label as a problem of its own."""

    # Whether the cost of a plan is that between its points, which its potentials give without any distance.
    has_cost_of_points: ClassVar[bool] = False
    # Whether a label alone computes on one core and on those that idle; the libraries of others use all of them.
    shares_tiles: ClassVar[bool] = False

    @abstractmethod
    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        """Plan and status of one label."""

    def couple_along(
        self, problem: LabelProblem, values: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[tuple[float, Answer]]:
        """Plan and status of one label at every value of the :meth:`sharpness_option`, smoothest first.

        Here every value is solved from the start; a matcher that can continue from a neighbouring one does so.
        """
        this: Any = self
        option = self.sharpness_option()
        for value in sorted(values, reverse=True):
            matcher: LabelMatcher = replace(this, **{str(option): value})
            yield value, matcher.couple(problem, progress=progress)

    def from_potentials(self, problem: LabelProblem, f: np.ndarray, g: np.ndarray, epsilon: float) -> Block | None:
        """The plan with these potentials, units of cost; None if the plans of this strategy have none."""
        return None

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        """The cost of one label's plan, scaled to mass 1 and without the entropy term, units of cost."""
        return super().plan_costs((problem,), (block,))[0]

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        if not self.has_epsilon():
            return super().plan_costs(problems, blocks)
        return [self.plan_cost(problem, block) for problem, block in zip(problems, blocks, strict=True)]

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        n_spread = sum(map(self._is_spread, problems)) if isinstance(executor or workers(), Workers) else 0
        spread, others = problems[:n_spread], problems[n_spread:]  # problems come largest first
        futures = [executor.submit(self.couple, each, progress=silent) for each in others] if executor else []
        for done, problem in enumerate(spread):
            part = part_of_pairs(progress, problems, done, done + 1, message=f"label {problem.label}")
            with computing_on(executor):
                answer = self.couple(problem, progress=part.hear)
            yield answer
        if executor is None:
            yield from self._couple_here(others, part_of_pairs(progress, problems, n_spread, len(problems)).hear)
        for future in futures:
            yield future.result()

    def _is_spread(self, problem: LabelProblem) -> bool:
        """Whether workers share the tiles of the label, which is solved from here."""
        return self.shares_tiles and problem.n_pairs >= SPREAD_PAIRS

    def _couple_here(self, problems: Sequence[LabelProblem], progress: Progress) -> list[Answer]:
        """Labels side by side on the cores of this machine; a single one may use all of them."""
        labels, sizes = [problem.label for problem in problems], [problem.n_pairs for problem in problems]
        heard = told_together(progress, "match", labels, sizes=sizes, words="label {}".format)
        if len(problems) == 1:
            with a_core() if self.shares_tiles else nullcontext():
                return [self.couple(problems[0], progress=heard[problems[0].label])]

        def couple(problem: LabelProblem) -> Answer:
            with a_core():
                answer = self.couple(problem, progress=heard[problem.label])
            heard[problem.label](Event("match", 1.0, "solved"))
            return answer

        return side_by_side(couple, problems)


def announce_compiling(progress: Progress) -> None:
    """Report it when the engine still has to be compiled; otherwise the app would seem to hang."""
    from psmatch_core.transport import is_compiled  # brings numba, which a config must not

    if not is_compiled():
        progress(Event("match", 0.0, COMPILING))


def part_of_pairs(
    progress: Progress, problems: Sequence[LabelProblem], first: int, last: int, *, message: str = ""
) -> StagePart:
    """The labels from ``first`` to before ``last`` as a part of the matching, as long as their pairs are many."""
    done = np.cumsum([0, *(problem.n_pairs for problem in problems)]) / max(1, sum(each.n_pairs for each in problems))
    return StagePart(progress, "match", message, float(done[first]), float(done[last]))


def _nested(progress: Progress, prefix: str, share: float) -> Progress:
    def report(event: Event, /) -> None:
        progress(Event("match", share, prefix + event.message, event.values))

    return report


def _is_whole(block: Block) -> bool:
    """Whether a plan can be used: all its sums are finite, and it has mass."""
    masses = block.marginals[0]
    return bool(np.isfinite(masses).all() and masses.sum() > 0)
