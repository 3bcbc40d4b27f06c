"""Averages of classifiers: the single change that improves matching everywhere it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.config import option
from psmatch_core.base.cores import side_by_side
from psmatch_core.base.progress import Event, Progress
from psmatch_core.base.randomness import derived_seed
from psmatch_core.classification.classifiers.base import NO_HELD_OUT, Classifier, FittedClassifier, Folds
from psmatch_core.classification.classifiers.cnn import CNNClassifier
from psmatch_core.classification.classifiers.linear import FittedLinear, LinearClassifier
from psmatch_core.classification.classifiers.mlp import MLPClassifier
from psmatch_core.data.modality import Matrix

NETWORKS_PER_LIGHT = 5  # four trainings with a fifth of the networks cost less than the one with all of them


@dataclass(frozen=True)
class EnsembleClassifier(Classifier):
    """Members trained with different validation folds, averaged with equal weight.

    The members' centred logits are brought to one scale (root mean square within labels) before they are
    averaged, since an over-confident member would otherwise dominate; the average then gets the
    members' typical scale (their geometric mean), so that it stays in nats.
    """

    members: tuple[Classifier, ...] = option(
        (MLPClassifier(),) * 5, help="The classifiers that are averaged; a member may itself be an ensemble."
    )

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        for member in self.members:
            member.check(X, name=name)

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        def fit(index: int, part: Progress) -> FittedClassifier:
            own_seed = derived_seed(seed, "member", index)
            return self.members[index].fit(
                X, y, n_labels=n_labels, folds=folds.rotated(index), seed=own_seed, progress=part
            )

        return average(fit_members(fit, len(self.members), progress), X, y)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        members = tuple(
            member.restore(
                {name.partition("/")[2]: value for name, value in state.items() if name.startswith(f"m{index}/")}
            )
            for index, member in enumerate(self.members)
        )
        return FittedEnsemble(NO_HELD_OUT, members, state["scales"])


@dataclass(frozen=True, eq=False)
class FittedEnsemble(FittedClassifier):
    """Trained members and the scale ``(n_members,)`` of each."""

    members: tuple[FittedClassifier, ...]
    scales: np.ndarray

    def logits(self, X: Matrix) -> np.ndarray:
        total = sum(member.logits(X) / scale for member, scale in zip(self.members, self.scales, strict=True))
        return np.asarray(total) * (_typical(self.scales) / len(self.members))

    def state(self) -> dict[str, np.ndarray]:
        numbers = {
            f"m{i}/{name}": value for i, member in enumerate(self.members) for name, value in member.state().items()
        }
        return {"scales": self.scales, **numbers}


@dataclass(frozen=True)
class RecommendedClassifier(Classifier, title="Recommended: average of small networks and ridge regression", place=1):
    """The default: small networks averaged, and multinomial ridge regression with the same weight as all networks.

    On images, convolutional networks are averaged without a linear member, since a single pixel is not a feature.
    """

    n_networks: int = option(5, minimum=1, maximum=50, unit="networks", help="Small networks that are averaged.")
    network: MLPClassifier = option(MLPClassifier(), help="The network that is repeated.", advanced=True)
    linear: LinearClassifier = option(LinearClassifier(), help="The linear member.", advanced=True)
    image_network: CNNClassifier = option(
        CNNClassifier(), help="The network that is repeated where cells are images.", advanced=True
    )

    @property
    def ensemble(self) -> EnsembleClassifier:
        """The ensemble used on features."""
        return EnsembleClassifier((EnsembleClassifier((self.network,) * self.n_networks), self.linear))

    @property
    def image_ensemble(self) -> EnsembleClassifier:
        """The ensemble used on images."""
        return EnsembleClassifier((self.image_network,) * self.n_networks)

    @property
    def lighter(self) -> RecommendedClassifier:
        """One network in place of :data:`NETWORKS_PER_LIGHT`, beside the linear member."""
        return replace(self, n_networks=max(1, self.n_networks // NETWORKS_PER_LIGHT))

    def lighter_after(self, fitted: FittedClassifier, n_cells: int) -> RecommendedClassifier:
        """The same with the strength that the linear member has chosen."""
        members = fitted.members if isinstance(fitted, FittedEnsemble) else ()
        linear = next((each for each in members if isinstance(each, FittedLinear)), None)
        return (
            self.lighter if linear is None else replace(self.lighter, linear=self.linear.lighter_after(linear, n_cells))
        )

    def check(self, X: Matrix, *, name: str = "The data") -> None:
        self._meant_for(X).check(X, name=name)

    def fit(
        self, X: Matrix, y: np.ndarray, *, n_labels: int, folds: Folds, seed: int, progress: Progress
    ) -> FittedClassifier:
        return self._meant_for(X).fit(X, y, n_labels=n_labels, folds=folds, seed=seed, progress=progress)

    def restore(self, state: Mapping[str, np.ndarray]) -> FittedClassifier:
        is_nested = any(name.startswith("m0/m0/") for name in state)  # networks nested, next to the linear member
        return (self.ensemble if is_nested else self.image_ensemble).restore(state)

    def _meant_for(self, X: Matrix) -> EnsembleClassifier:
        return self.image_ensemble if len(X.shape) == 4 else self.ensemble


def average(fitted: Sequence[FittedClassifier], X: Matrix, y: np.ndarray) -> FittedEnsemble:
    """Trained members averaged on one scale: the root mean square of their logits within labels.

    Parameters
    ----------
    X, y
        The cells they were trained on, ``(n_cells, n_features)`` and ``(n_cells,)``.
    """
    scales = np.array([_within_label_rms(member.logits(X), y) for member in fitted])
    held_out = _nan_mean(member.held_out / scale for member, scale in zip(fitted, scales, strict=True))
    return FittedEnsemble(
        held_out * _typical(scales),
        tuple(replace(member, held_out=NO_HELD_OUT) for member in fitted),  # theirs would double the memory of scores
        scales,
        curves=tuple(curve for member in fitted for curve in member.curves),
        notes=tuple(dict.fromkeys(note for member in fitted for note in member.notes)),
    )


def _within_label_rms(logits: np.ndarray, y: np.ndarray) -> float:
    """Root mean square of logits ``(n, n_labels)`` about their label's mean, nats; overwrites the logits."""
    counts = np.bincount(y)
    sums = np.zeros((counts.size, logits.shape[1]))
    np.add.at(sums, y, logits)
    logits -= (sums / np.maximum(counts, 1)[:, None])[y]
    logits *= logits
    rms = float(np.sqrt(np.mean(logits)))
    return rms if rms > 0 else 1.0  # each label is one point: nothing to scale


def _typical(scales: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(scales))))


def _nan_mean(parts: Iterable[np.ndarray]) -> np.ndarray:
    """Mean over the members that held a cell out; NaN if none did. One member is in memory at a time."""
    total, count = np.zeros(()), np.zeros(())
    for part in parts:  # (n_cells, n_labels)
        seen = ~np.isnan(part[:, :1])
        total = total + np.where(seen, part, 0)
        count = count + seen
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def fit_members(
    fit: Callable[[int, Progress], FittedClassifier], n_members: int, progress: Progress
) -> list[FittedClassifier]:
    """The members of an average, trained side by side; ``fit`` gets the number of a member and its progress."""
    # scipy, in the thread of one member, fails on a torch that the thread of another is still importing
    import torch  # noqa: F401

    done = [0.0] * n_members

    def fit_one(index: int) -> FittedClassifier:
        def report(event: Event, /) -> None:
            done[index] = event.fraction
            values = {"member": index, "members": n_members, **event.values}
            progress(Event(f"{event.stage} {index + 1}/{n_members}", sum(done) / n_members, event.message, values))

        return fit(index, report)

    return side_by_side(fit_one, range(n_members))
