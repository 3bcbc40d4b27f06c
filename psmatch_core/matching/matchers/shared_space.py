"""Entropic transport within a label between the features, for modalities that measured the same ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from psmatch_core.base.errors import PsmatchError, some
from psmatch_core.data.modality import Modality
from psmatch_core.matching.matchers.entropic_matcher import EntropicMatcher
from psmatch_core.matching.matchers.options import align_option, cost_option, epsilon_unit_option
from psmatch_core.matching.matchers.problem import LabelProblem, aligned

_FITTED_COMPONENT = re.compile(r"(PC|LSI)\d+")  # as preprocessing names what it fitted to one side alone
_ALTERNATIVE = "Choose features that both modalities measured under the same names, or match by scores."


@dataclass(frozen=True)
class SharedSpaceMatcher(
    EntropicMatcher, title="Shared features: entropic transport if both modalities have the same features", place=9
):
    """Entropic optimal transport within a label between the features, for modalities with the same features.

    The propensity scores are not used. Both sides must have the same features by name, in any order.

    Source: the problem of Xi et al. 2024, section 4, between features in place of scores.
    """

    needs_features: ClassVar[bool] = True
    points_name: ClassVar[str] = "features"

    epsilon_unit: str = epsilon_unit_option("in the features' own units")
    align: bool = align_option(False, why=", against a shift between batches")
    cost: str = cost_option("features")

    @property
    def uses_scores(self) -> bool:
        return False

    def check(self, source: Modality, target: Modality) -> None:
        _same_columns(source.n_features, target.n_features, source.var_names, target.var_names)

    def points(self, problem: LabelProblem) -> tuple[np.ndarray, np.ndarray]:
        x, y = problem.features
        order = _same_columns(x.shape[1], y.shape[1], problem.x_names, problem.y_names)
        y = y[:, order]
        return aligned(x, y) if self.align else (x, y)


def _same_columns(p: int, q: int, source: np.ndarray | None, target: np.ndarray | None) -> np.ndarray:
    """Where each source feature stands among the target's, ``(p,)``; by place where names are not known.

    Raises
    ------
    PsmatchError
        Where the two sides do not hold the same features.
    """
    if source is not None and target is not None:
        only = sorted(set(source.tolist()) ^ set(target.tolist()))
        if only:
            raise PsmatchError(
                f"The modalities share no feature space: {p:,} and {q:,} features, of which {len(only):,} are in one "
                f"only ({some(only)}).",
                hint=_ALTERNATIVE + " Where both files hold the same features, keep all of them on both sides "
                "(preprocessing: n_top_genes = 0).",
            )
        if p and all(_FITTED_COMPONENT.fullmatch(name) for name in source.tolist()):
            raise PsmatchError(
                "The features are components (PCA or LSI) that were fitted to each modality alone: equal names, "
                "different axes.",
                hint="Set n_components = 0 in both preprocessings, or match by scores.",
            )
        if len(set(source.tolist())) == p == q:
            return np.argsort(target)[np.argsort(np.argsort(source))]
    if p != q:
        raise PsmatchError(
            f"The modalities share no feature space: {p:,} source and {q:,} target features.", hint=_ALTERNATIVE
        )
    return np.arange(p)
