"""Feature bagging: one classifier averaged over random halves of the features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.cores import part_of
from psmatch_core.base.progress import Progress
from psmatch_core.base.randomness import derived_seed, stream
from psmatch_core.classification.classifiers.base import NO_HELD_OUT, Classifier, FittedClassifier, Folds
from psmatch_core.classification.classifiers.ensemble import FittedEnsemble, RecommendedClassifier, average, fit_members
from psmatch_core.data.modality import Matrix

PARTS = 2  # halves of a split


@dataclass(frozen=True)
class FeatureBaggingClassifier(
    Classifier, title="Feature bagging: the recommended average on random halves of the features", place=2
):
    """Members of one kind, each trained on a random half of the features, averaged like an ensemble.

    No score then rests on a single feature that is overfitted. Pixels of images cannot be left out one by one, and a
    single feature has no halves: there the member itself is trained, on everything.

    Source: random subspaces, Ho 1998; for matching ours, measured (docs/defaults.md).
    """

    member: Classifier = option(RecommendedClassifier(), help="The classifier that is trained on each half.")
    n_splits: int = option(
        2, minimum=1, maximum=20, unit="splits", help="Random splits into halves; each gives two members."
    )

    @property
    def lighter(self) -> FeatureBaggingClassifier:
        """One split of lighter members."""
        return replace(self, n_splits=1, member=self.member.lighter)

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        self.member.check(X, name=name)

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        if len(X.shape) == 4 or X.shape[1] < PARTS:
            return self.member.fit(X, y, n_labels=n_labels, folds=folds, seed=seed, progress=progress)
        halves = [half for split in range(self.n_splits) for half in _halves(X.shape[1], seed, split)]

        def fit(index: int, part: Progress) -> FittedClassifier:
            columns, own_seed = halves[index], derived_seed(seed, "half", index)
            seen = part_of(X, columns=columns)
            fitted = self.member.fit(
                seen, y, n_labels=n_labels, folds=folds.rotated(index), seed=own_seed, progress=part
            )
            return FittedOnFeatures.of(columns, fitted)

        return average(fit_members(fit, len(halves), progress), X, y)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        if "m0/columns" not in state:
            return self.member.restore(state)
        members = []
        for index in range(state["scales"].size):
            start = f"m{index}/"
            numbers = {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}
            members.append(FittedOnFeatures.of(numbers.pop("columns"), self.member.restore(numbers)))
        return FittedEnsemble(NO_HELD_OUT, tuple(members), state["scales"])


@dataclass(frozen=True, eq=False)
class FittedOnFeatures(FittedClassifier):
    """A trained classifier that sees some of the features: ``columns`` are their places, sorted."""

    columns: np.ndarray
    fitted: FittedClassifier

    @classmethod
    def of(cls, columns: np.ndarray, fitted: FittedClassifier) -> FittedOnFeatures:
        """The classifier with the places of the features that it was trained on."""
        return cls(fitted.held_out, columns, fitted, curves=fitted.curves, notes=fitted.notes)

    def logits(self, X: Matrix) -> np.ndarray:
        return self.fitted.logits(X[:, self.columns])

    def state(self) -> dict[str, np.ndarray]:
        return {"columns": self.columns, **self.fitted.state()}


def _halves(n_features: int, seed: int, split: int) -> tuple[np.ndarray, np.ndarray]:
    """The places of the features in each half, sorted."""
    drawn = stream(seed, "halves of the features", split).permutation(n_features)
    return np.sort(drawn[: n_features // PARTS]), np.sort(drawn[n_features // PARTS :])
