"""What a matcher is given and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from psmatch_core.base.config import Config
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.data.modality import Modality
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Outcome, Status

Answer = tuple[Block | None, Status]  # a label's plan, and how it went; no plan only with a status that says why

SMALLEST_SPREAD = 1e-12  # below this all cells of a label are one point, and a scale has no meaning


@dataclass(frozen=True, eq=False)
class LabelProblem:
    """One label's cells on both sides.

    Parameters
    ----------
    label
        Its name.
    x, y
        Where the source cells ``(n, d)`` and target cells ``(m, d)`` lie in the space that both share: logits (nats),
        one column a label, or latents (no unit).
    source_ids, target_ids
        Names of the physical cells ``(n,)``, ``(m,)``, or None; only a matcher that judges may look at them.
    seed
        For what is random in this label alone.
    x_features, y_features
        Features of the same cells as the classifiers saw them, ``(n, p)`` and ``(m, q)``; None unless the matcher
        ``needs_features``.
    x_names, y_names
        What those features are called, ``(p,)`` and ``(q,)``; None where nobody knows.
    """

    label: str
    x: np.ndarray
    y: np.ndarray
    source_ids: np.ndarray | None
    target_ids: np.ndarray | None
    seed: int
    x_features: np.ndarray | None = None
    y_features: np.ndarray | None = None
    x_names: np.ndarray | None = None
    y_names: np.ndarray | None = None

    @property
    def features(self) -> tuple[np.ndarray, np.ndarray]:
        """Features of both sides, ``(n, p)`` and ``(m, q)``.

        Raises
        ------
        PsmatchError
            Where the problem was made without them.
        """
        if self.x_features is None or self.y_features is None:
            raise PsmatchError(
                f"Label {self.label}: this method looks at the cells' features, which were not given.",
                hint="Give x_features and y_features, or match by match(), which does.",
            )
        return self.x_features, self.y_features

    @property
    def n_pairs(self) -> int:
        """Pairs of cells in the label's block."""
        return self.x.shape[0] * self.y.shape[0]

    def status(
        self,
        outcome: Outcome,
        message: str = "",
        *,
        iterations: int = 0,
        marginal_error: float = 0.0,
        epsilon: float = float("nan"),
    ) -> Status:
        """A status of this label."""
        return Status(
            self.label, self.x.shape[0], self.y.shape[0], outcome, message, iterations, marginal_error, epsilon
        )


@dataclass(frozen=True)
class CurvePoint:
    """What one label's plan costs and how spread it is, at one epsilon.

    Parameters
    ----------
    epsilon
        As the matcher's option counts it.
    cost
        Of the plan scaled to mass 1, the entropy term left out, units of cost; NaN without a plan.
    entropy
        Of the plan scaled to mass 1, nats; at most log n + log m, which a uniform plan has.
    n_effective
        exp(mean entropy of a source cell's row), cells; rows weigh as much as their mass.
    status
        How the label ended.
    """

    epsilon: float
    cost: float
    entropy: float
    n_effective: float
    status: Status

    @classmethod
    def of(
        cls, epsilon: float, cost: float, masses: np.ndarray, row_entropies: np.ndarray, status: Status
    ) -> CurvePoint:
        """The point of a plan with row sums ``masses (n,)`` whose rows have these entropies ``(n,)``, nats."""
        share = masses / masses.sum()
        rows = float(share @ row_entropies)
        some = share[share > 0]
        return cls(epsilon, cost, rows - float(some @ np.log(some)), float(np.exp(rows)), status)

    @classmethod
    def without_plan(cls, epsilon: float, status: Status) -> CurvePoint:
        return cls(epsilon, float("nan"), float("nan"), float("nan"), status)


@dataclass(frozen=True)
class Matcher(Config, ABC):
    """A strategy that couples the cells of every label: label by label, or all labels at once."""

    needs_features: ClassVar[bool] = False  # whether problems carry the cells' features beside their logits

    def check(self, source: Modality, target: Modality) -> None:
        """Refuse before any work what this strategy cannot do with these labels and features.

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
            One a label, those with most pairs first.
        executor
            Where labels are worked on side by side; here if None.
        """

    @classmethod
    def has_epsilon(cls) -> bool:
        """Whether there is an epsilon to choose, and so an L-curve."""
        return "epsilon" in cls.options()

    @classmethod
    def sharpness_option(cls) -> str | None:
        """The option by which plans get sharper or smoother, such as ``epsilon``; None where there is none."""
        return "epsilon" if cls.has_epsilon() else None

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        """What each label's plan costs, scaled to mass 1 and the entropy term left out, units of cost."""
        why = "couples all labels at once, and a label's share of its cost is not worked out"
        raise PsmatchError(
            f"{type(self).__name__} {why if self.has_epsilon() else 'has no epsilon'}, so there is no curve of cost "
            "against entropy.",
            hint="Choose an entropic method that goes label by label, such as SinkhornMatcher.",
        )

    def trace(
        self, problems: Sequence[LabelProblem], epsilons: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[CurvePoint]:
        """Cost and spread of every label at every epsilon, in no particular order; no true pair is looked at.

        A matcher that can go on from the plan at another epsilon does so; here each is solved from the start.
        """
        self.plan_costs((), ())  # says so before any work where there is no curve
        this: Any = self  # every matcher is a dataclass, which its base class cannot say
        for done, epsilon in enumerate(epsilons):
            matcher: Matcher = replace(this, epsilon=epsilon)
            heard = _within(progress, f"epsilon {epsilon:g}: ", done / len(epsilons))
            answers = list(matcher.couple_all(problems, progress=heard))
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
                    yield CurvePoint.of(epsilon, costs[problem.label], block.marginals[0], entropies, status)


@dataclass(frozen=True)
class LabelMatcher(Matcher, ABC):
    """A matcher to which each label is a problem of its own."""

    # Whether a plan costs what its cells' points lie apart, which its potentials tell without a distance.
    costs_its_points: ClassVar[bool] = False

    @abstractmethod
    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        """Plan and status of one label."""

    def couple_along(
        self, problem: LabelProblem, values: Sequence[float], *, progress: Progress = silent
    ) -> Iterator[tuple[float, Answer]]:
        """Plan and status of one label at every value of the matcher's :meth:`sharpness_option`, smoothest first.

        A matcher that can go on from the plan at another value does so; here each is solved from the start.
        """
        this: Any = self
        option = self.sharpness_option()
        for value in sorted(values, reverse=True):
            matcher: LabelMatcher = replace(this, **{str(option): value})
            yield value, matcher.couple(problem, progress=progress)

    def restored(self, problem: LabelProblem, f: np.ndarray, g: np.ndarray, epsilon: float) -> Block | None:
        """The plan that kept potentials stand for, units of cost; None where plans are not made of potentials."""
        return None

    def plan_cost(self, problem: LabelProblem, block: Block) -> float:
        """What one label's plan costs, scaled to mass 1 and the entropy term left out, units of cost."""
        return super().plan_costs((problem,), (block,))[0]

    def plan_costs(self, problems: Sequence[LabelProblem], blocks: Sequence[Block]) -> Sequence[float]:
        if not self.has_epsilon():
            return super().plan_costs(problems, blocks)
        return [self.plan_cost(problem, block) for problem, block in zip(problems, blocks, strict=True)]

    def couple_all(
        self, problems: Sequence[LabelProblem], *, progress: Progress = silent, executor: Executor | None = None
    ) -> Iterator[Answer]:
        if executor is None:
            for done, problem in enumerate(problems):
                yield self.couple(problem, progress=of_label(progress, problem.label, done / len(problems)))
        else:
            futures = [executor.submit(self.couple, problem, progress=silent) for problem in problems]
            for future in futures:
                yield future.result()


def aligned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both clouds of one label centred and brought to one scale by one scalar each.

    The classifiers of two modalities are rarely equally sure of themselves; within a label that difference is
    a shift and a stretch that carry nothing about who goes with whom. The common scale is the geometric mean
    of the two root mean squares, so that costs stay in nats. Source: ours, measured (docs/method.md).
    """
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    spread_x, spread_y = float(np.sqrt(np.mean(x**2))), float(np.sqrt(np.mean(y**2)))
    if min(spread_x, spread_y) < SMALLEST_SPREAD:
        return x, y
    common = np.sqrt(spread_x * spread_y)
    return x * (common / spread_x), y * (common / spread_y)


def _is_whole(block: Block) -> bool:
    """Whether a plan is one: finite, and of mass."""
    masses = block.marginals[0]
    return bool(np.isfinite(masses).all() and masses.sum() > 0)


def of_label(progress: Progress, label: str, share: float) -> Progress:
    """Reports of one label as reports of the whole matching, of which ``share`` was done before."""
    return _within(progress, f"label {label}: ", share)


def _within(progress: Progress, prefix: str, share: float) -> Progress:
    """Reports of a part as reports of the whole matching."""

    def report(event: Event, /) -> None:
        progress(Event("match", share, prefix + event.message, event.values))

    return report
