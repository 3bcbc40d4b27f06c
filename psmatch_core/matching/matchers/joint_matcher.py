"""JointMatcher: what matchers that solve all labels together share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.matching.matchers.base import Matcher
from psmatch_core.matching.matchers.problem import LabelProblem
from psmatch_core.transport.options import SolveOptions


@dataclass(frozen=True)
class JointMatcher(Matcher, ABC):
    """Solves one problem over all labels, in which mass stays within each label."""

    needs_features: ClassVar[bool] = True
    is_quick: ClassVar[bool] = False

    if TYPE_CHECKING:  # options of every such matcher, each in its own order
        space: str
        label_mass: str
        tolerance: float
        memory_mb: int

    @property
    def uses_scores(self) -> bool:
        return self.space == "scores"

    def _points(self, problems: Sequence[LabelProblem]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Each label's cells in the chosen space: ``(n_l, d_x)`` and ``(m_l, d_y)``, float64."""
        pairs = [(each.x, each.y) if self.space == "scores" else each.features for each in problems]
        return [np.asarray(x, float) for x, _ in pairs], [np.asarray(y, float) for _, y in pairs]

    def _solve_options(
        self, problems: Sequence[LabelProblem], progress: Progress = silent, executor: Executor | None = None
    ) -> SolveOptions:
        return SolveOptions(
            tolerance=self.tolerance,
            memory_budget_mb=self.memory_mb,
            seed=problems[0].seed,
            progress=progress,
            executor=executor,
        )

    def _check_memory(self, n_bytes: int, what: str) -> None:
        """Refuse, before any work, what would need more memory than allowed."""
        if n_bytes > self.memory_mb * 1e6:
            raise PsmatchError(
                f"{what} would take about {n_bytes / 1e6:,.0f} MB; the limit is {self.memory_mb:,} MB.",
                hint="Keep fewer features or principal components (preprocessing), set space to 'scores', "
                "or raise memory_mb.",
            )


def label_masses(problems: Sequence[LabelProblem], kind: str) -> np.ndarray:
    """Mass of each label in a joint problem, ``(n_labels,)``, summing to one; ``kind`` as in ``label_mass``."""
    n, m = np.array([problem.sizes for problem in problems], dtype=np.float64).T
    counts = {"pooled": n + m, "source": n, "target": m, "uniform": np.ones(n.size)}[kind]
    return np.asarray(counts / counts.sum())
