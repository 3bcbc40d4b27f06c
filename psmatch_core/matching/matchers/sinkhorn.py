"""Entropic optimal transport within a label: the default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from psmatch_core.matching.matchers.entropic_matcher import EntropicMatcher
from psmatch_core.matching.matchers.problem import LabelProblem


@dataclass(frozen=True)
class SinkhornMatcher(EntropicMatcher, title="Entropic optimal transport (recommended)", place=1):
    """Entropic optimal transport with uniform marginals between the cells of a label.

    Solved by :mod:`psmatch_core.transport`; the marginal error in the status is a certified upper bound.

    Source: Xi et al. 2024, section 4; epsilon relative to the mean cost is ours (docs/method.md).

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> models = [psmatch.fit_propensity(each, quick) for each in (source, target)]
    >>> coupling = psmatch.match(*models)
    >>> sharp = psmatch.match(*models, psmatch.SinkhornMatcher(epsilon=0.01))
    >>> bool(sharp.n_effective.mean() < coupling.n_effective.mean())
    True
    """

    @classmethod
    def sharp(cls) -> SinkhornMatcher:
        """Fewer matches per cell than by default: epsilon 0.02 × mean cost."""
        return cls(epsilon=0.02)

    @classmethod
    def smooth(cls) -> SinkhornMatcher:
        """More matches per cell than by default: epsilon 0.1 × mean cost."""
        return cls(epsilon=0.1)

    def points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        return problem.scores(align=self.align)
