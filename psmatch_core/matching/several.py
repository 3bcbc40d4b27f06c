"""Couplings of several modalities: which plans are solved, and how all others follow from them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.barycenter import BarycenterPlans, couple_to_barycenters
from psmatch_core.matching.composed import compose, transposed
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import match
from psmatch_core.matching.matchers import Matcher, SinkhornMatcher

PAIRS, REFERENCE, BARYCENTER = "pairs", "reference", "barycenter"
PLANS = {
    PAIRS: "every pair of modalities is matched",
    REFERENCE: "each modality is matched with the first; other pairs are composed through it",
    BARYCENTER: "each modality is matched with points between all; all pairs are composed through them",
}


@dataclass(frozen=True, eq=False)
class Couplings(HtmlSummary):
    """Plans between the cells of several modalities.

    Parameters
    ----------
    models
        The scored modalities by name; the first is the reference.
    plans
        Which plans were solved, one of :data:`PLANS`.
    solved
        The couplings that were solved, by the names of both modalities; empty with a barycentre.
    barycenter
        The plans to the barycentres; None unless these were solved.
    """

    models: Mapping[str, ScoredModality]
    plans: str
    solved: Mapping[tuple[str, str], Coupling] = field(repr=False)
    barycenter: BarycenterPlans | None = field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, the reference first."""
        return tuple(self.models)

    @property
    def reference(self) -> str:
        """The modality whose cells the tuples are made of."""
        return self.names[0]

    def between(self, source: str, target: str) -> Coupling:
        """The coupling from one modality to another: as it was solved, read the other way, or composed.

        Raises
        ------
        PsmatchError
            For names that are no two of the modalities.
        """
        if source == target or {source, target} - set(self.names):
            raise PsmatchError(
                f"There is no coupling from {source!r} to {target!r}.",
                hint=f"Name two of the modalities: {', '.join(self.names)}.",
            )
        if (source, target) in self.solved:
            return self.solved[source, target]
        if (target, source) in self.solved:
            return transposed(self.solved[target, source])
        if self.barycenter is not None:
            return self.barycenter.coupling(source, target)
        return self.through(source, self.reference, target)

    def through(self, source: str, middle: str, target: str) -> Coupling:
        """The coupling from one modality to another through a third."""
        return compose(self.between(source, middle), self.between(middle, target))

    def __repr__(self) -> str:
        sizes = " × ".join(f"{model.modality.n_cells:,}" for model in self.models.values())
        first = self.between(*self.names[:2])
        return f"Couplings({', '.join(self.names)}: {len(first)} labels, {sizes} cells, {self.plans})"


def match_several(
    models: Mapping[str, ScoredModality],
    matcher: Matcher | None = None,
    *,
    plans: str = PAIRS,
    seed: int = 0,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> Couplings:
    """Match the cells of several modalities within each label, in the space in which all of them were scored.

    Parameters
    ----------
    models
        Modalities with the same labels in the same order, by name; the first is the reference.
    matcher
        As for two modalities.
    plans
        Which plans are solved, one of :data:`PLANS`.

    Returns
    -------
    The solved plans, from which the coupling between any two modalities follows.

    Raises
    ------
    PsmatchError
        For fewer than two modalities, or what :func:`~psmatch_core.matching.match.match` refuses.

    Examples
    --------
    >>> import psmatch
    >>> quick, models = psmatch.LinearClassifier(strength=0.05), {}
    >>> for name, cells in psmatch.demo_views().items():
    ...     modality = psmatch.Modality.from_anndata(cells, label_key="label", name=name)
    ...     models[name] = psmatch.fit_propensity(modality, quick)
    >>> psmatch.match_several(models)
    Couplings(RNA, Protein, Image: 13 labels, ... cells, pairs)
    """
    matcher = matcher or SinkhornMatcher()
    check_plans(plans, models)
    if plans == BARYCENTER:
        center = couple_to_barycenters(models, matcher, seed=seed, progress=progress, executor=executor)
        return Couplings(dict(models), plans, {}, center)
    solved = {}
    wanted = solved_pairs(tuple(models), plans)
    for done, (source, target) in enumerate(wanted):
        step = _named(progress, f"match: {source} and {target}")
        solved[source, target] = match(
            models[source], models[target], matcher, seed=seed, progress=step, executor=executor
        )
        progress(Event("match", (done + 1) / len(wanted), f"{source} and {target}"))
    return Couplings(dict(models), plans, solved)


def solved_pairs(names: tuple[str, ...], plans: str) -> list[tuple[str, str]]:
    """The pairs of modalities that are matched with each other."""
    pairs = list(itertools.combinations(names, 2))
    return pairs if plans == PAIRS else [pair for pair in pairs if pair[0] == names[0]] if plans == REFERENCE else []


def check_plans(plans: str, models: Mapping[str, object]) -> None:
    """Refuse fewer than two modalities, and plans that there are not."""
    if len(models) < 2:
        raise PsmatchError(
            f"{len(models)} modality is given, and matching takes two or more.", hint="Give the others as well."
        )
    if plans not in PLANS:
        raise PsmatchError(f"There are no plans {plans!r}.", hint=f"Use one of {', '.join(PLANS)}.")


def _named(progress: Progress, stage: str) -> Progress:
    def report(event: Event, /) -> None:
        progress(Event(stage, event.fraction, event.message, event.values))

    return report
