"""Every cell of a label alike: the baseline that stands beside every result."""

from __future__ import annotations

from dataclasses import dataclass

from psmatch_core.blocks import Block, uniform_block
from psmatch_core.coupling import Outcome, Status
from psmatch_core.matchers.base import LabelProblem, Matcher
from psmatch_core.progress import Progress


@dataclass(frozen=True)
class UniformMatcher(Matcher):
    """All target cells of the label, equally."""

    def couple(self, problem: LabelProblem, *, progress: Progress) -> tuple[Block | None, Status]:
        return uniform_block(problem.x.shape[0], problem.y.shape[0]), problem.status(Outcome.CLOSED_FORM)
