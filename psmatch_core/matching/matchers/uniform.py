"""Every cell of a label alike: the baseline that stands beside every result."""

from __future__ import annotations

from dataclasses import dataclass

from psmatch_core.base.progress import Progress
from psmatch_core.matching.blocks import uniform_block
from psmatch_core.matching.coupling import Outcome
from psmatch_core.matching.matchers.base import LabelMatcher
from psmatch_core.matching.matchers.problem import Answer, LabelProblem


@dataclass(frozen=True)
class UniformMatcher(LabelMatcher, title="Uniform: equal weights within each label (baseline)", place=10):
    """All target cells of the label, equally."""

    def couple(self, problem: LabelProblem, *, progress: Progress) -> Answer:
        return uniform_block(problem.x.shape[0], problem.y.shape[0]), problem.status(Outcome.CLOSED_FORM)
