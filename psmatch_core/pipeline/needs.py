"""What a run needs of the machine, told before it trains: memory and disk, and the largest size that fits."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.mapped_rows import is_mapped
from psmatch_core.classification.classifiers import RecommendedClassifier
from psmatch_core.classification.classifiers.base import MANY_CELLS
from psmatch_core.classification.propensity import PropensityScores
from psmatch_core.data.modality import Modality
from psmatch_core.data.preprocessing import MANY_FEATURES, Preprocessing
from psmatch_core.data.scaling import LARGEST_SHARE, MANY_SCALED
from psmatch_core.matching.link import NEVER
from psmatch_core.matching.matchers import SinkhornMatcher
from psmatch_core.pipeline.recipe import Recipe

BUDGET_VARIABLE = "PSMATCH_MEMORY_BUDGET"
TOO_LARGE_CODE = "PM-R02"
GB, MB = 10**9, 10**6
# Fitted to default runs of several sizes, by `python -m benchmarks.needs --fit` (docs/robustness.md).
# Python with torch, scanpy and numba, and what the monitor holds: by `python -m benchmarks.needs --small`. The sizes of
# the fit were measured beside other work that mapped the same libraries, so that their constant is 459 MB, too little.
LIBRARIES = 600 * MB
# Bytes for each value of its kind, and for each cell and label.
PER_STORED_VALUE = 27.8  # value and place, once more while they are normalised
PER_SEEN_VALUE = 15.7  # of the dense features that the classifiers see
PER_SHIFTED_VALUE = 47.9  # of those that stay sparse: value and place, once more in the order of folds, and halves
PER_SCORE = 96.8  # of each cell at each label: those of the run, held out, and of four halves
# How many times more values the most variable features have than others, at most: 2,000 of 30,000 genes had 23 % of
# them (docs/performance.md), 3.4 times their share.
CHOSEN_OVER_OTHERS = 5.0
DISK_PER_STORED_VALUE = 3.05
DISK_PER_PREDICTED_VALUE = 21.2
DISK_PER_CELL = 3_930.0
# Processor seconds of a run with the recommended classifier, monitor included, on an AMD EPYC (docs/performance.md).
START_SECONDS = 6.4
SECONDS_PER_SEEN_VALUE = 8.45e-6
SECONDS_PER_CELL = 1.75e-3
SECONDS_PER_LABEL = 0.16
# What runs of many cells took of that, by the cells of a side: they train for fewer epochs, and search one fold.
SHARES_OF_MANY = {10_000: 0.43, 50_000: 0.35, 200_000: 0.26}
# What such runs hold of sparse features and scores, since they let go of more: the same runs, with a tenth to spare.
HELD_OF_MANY = {10_000: 1.0, 50_000: 0.7, 200_000: 0.51}
WALL_SHARE = 0.75  # wall time of that on two cores that do nothing else (`python -m benchmarks.end_to_end`)
TYPICAL_LABELS = 20
FEWER_FEATURES = 500  # what a refusal proposes to keep
_BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(GB|MB)\s*", re.IGNORECASE)
_CGROUP = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class SideSize:
    """How large one modality is.

    Parameters
    ----------
    n_cells, n_features
        As it is read.
    n_stored
        Values that are held: all of a dense matrix, those that are not zero of a sparse one.
    n_mapped
        Those of them that lie in a file; of these only what is chosen is in memory.
    """

    n_cells: int
    n_features: int
    n_stored: int
    n_mapped: int = 0

    @classmethod
    def of(cls, modality: Modality) -> SideSize:
        X = modality.X
        n_cells, n_features = X.shape
        n_stored = X.nnz if sparse.issparse(X) else n_cells * n_features
        return cls(n_cells, n_features, n_stored, n_stored if is_mapped(X) else 0)

    def scaled(self, factor: float) -> SideSize:
        """The same data with more or fewer cells."""
        n_cells = max(1, round(self.n_cells * factor))
        return SideSize(n_cells, self.n_features, round(self.n_stored * factor), round(self.n_mapped * factor))


@dataclass(frozen=True)
class RunNeeds:
    """What a run needs.

    Parameters
    ----------
    memory, disk
        At its peak, and for its results [bytes].
    processor
        Processor time on a machine like ours [s]; None for settings whose time was not measured.
    """

    memory: float
    disk: float
    processor: float | None = None

    @property
    def seconds(self) -> float | None:
        """Wall time on two such cores [s]."""
        return None if self.processor is None else WALL_SHARE * self.processor


def estimate_needs(recipe: Recipe, *sides: SideSize, n_labels: int = TYPICAL_LABELS) -> RunNeeds:
    """About how much memory, disk and time the work of these settings needs on data of this size.

    Parameters
    ----------
    sides
        Source and target of a run; or several modalities that are matched together, the reference first.
    n_labels
        Labels that all of them share.

    Source: fitted by us to runs of two; measured figures are in docs/robustness.md.
    """
    rules = [recipe.source_preprocessing, *(recipe.target_preprocessing for _ in sides[1:])]
    seen = [each.n_cells * _n_kept(rule, each, after_pca=True) for each, rule in zip(sides, rules, strict=True)]
    stored = sum(each.n_stored for each in sides)
    n_cells = sum(each.n_cells for each in sides)
    share = _share_of_many(min(each.n_cells for each in sides), HELD_OF_MANY)
    held = sum(_of_features(rule, each, share) for each, rule in zip(sides, rules, strict=True))
    in_memory = sum(_n_in_memory(rule, each) for each, rule in zip(sides, rules, strict=True))
    return RunNeeds(
        memory=LIBRARIES + PER_STORED_VALUE * in_memory + held + share * PER_SCORE * n_cells * n_labels,
        disk=DISK_PER_STORED_VALUE * stored
        + DISK_PER_PREDICTED_VALUE * _n_predicted(sides, rules)
        + DISK_PER_CELL * n_cells,
        processor=_processor(recipe, sum(seen), [each.n_cells for each in sides], n_labels),
    )


def _n_predicted(sides: Sequence[SideSize], rules: Sequence[Preprocessing]) -> int:
    """Predicted values of a run, in both directions; of several modalities none is predicted."""
    if len(sides) > 2:
        return 0
    source, target = (_n_kept(rule, each, after_pca=False) for each, rule in zip(sides, rules, strict=True))
    return sides[0].n_cells * target + sides[1].n_cells * source


def _n_in_memory(rule: Preprocessing, side: SideSize) -> float:
    """Stored values of a modality that are in memory: of those in a file, what the chosen features have at most."""
    share = min(1.0, CHOSEN_OVER_OTHERS * _n_kept(rule, side, after_pca=False) / max(1, side.n_features))
    is_whole = rule.is_lsi or rule.normalize == "clr"  # which need all features at once
    return side.n_stored - side.n_mapped * (0.0 if is_whole else 1 - share)


def _of_features(rule: Preprocessing, side: SideSize, share_of_many: float) -> float:
    """Memory of the features that the classifiers see [bytes]; the share of many cells is known of sparse ones."""
    n_kept = _n_kept(rule, side, after_pca=True)
    n_values, share = side.n_cells * n_kept, side.n_stored / max(1, side.n_cells * side.n_features)
    if side.n_mapped:
        n_chosen = _n_kept(rule, side, after_pca=False)
        share = min(1.0, share * min(CHOSEN_OVER_OTHERS, side.n_features / max(1, n_chosen)))
    is_shifted = rule.scale and not rule.n_components and n_values > MANY_SCALED and share <= LARGEST_SHARE
    return share_of_many * PER_SHIFTED_VALUE * share * n_values if is_shifted else PER_SEEN_VALUE * n_values


def _processor(recipe: Recipe, seen: float, n_cells: Sequence[int], n_labels: int) -> float | None:
    """Processor time of a run [s]; None where another classifier, space or method makes it another."""
    kinds = (type(recipe.classifier), type(recipe.space), type(recipe.matcher))
    if kinds != (RecommendedClassifier, PropensityScores, SinkhornMatcher) or recipe.linking.use != NEVER:
        return None
    return seconds_as_of_few(seen, sum(n_cells), n_labels) * _share_of_many(min(n_cells), SHARES_OF_MANY)


def seconds_as_of_few(seen: float, n_cells: float, n_labels: int) -> float:
    """Processor time [s] if a run of many cells were trained as one of few.

    Parameters
    ----------
    seen, n_cells
        Values of the features that the classifiers see, and cells, of both modalities.
    """
    return START_SECONDS + SECONDS_PER_SEEN_VALUE * seen + SECONDS_PER_CELL * n_cells + SECONDS_PER_LABEL * n_labels


def _share_of_many(n_cells: int, measured: Mapping[int, float]) -> float:
    """What of that a run takes whose smaller side has so many cells: as measured, and on a log scale between."""
    if n_cells < MANY_CELLS:
        return 1.0
    sizes, shares = zip(*measured.items(), strict=True)
    return float(np.interp(np.log(n_cells), np.log(sizes), shares))


def memory_budget(environment: Mapping[str, str] = os.environ) -> float | None:
    """How much memory a run may use [bytes]: ``PSMATCH_MEMORY_BUDGET``, or all of the machine; None if unknown.

    Raises
    ------
    PsmatchError
        If the variable is no size.
    """
    asked = environment.get(BUDGET_VARIABLE, "")
    if asked:
        found = _BUDGET.fullmatch(asked)
        if found is None:
            raise PsmatchError(
                f"{BUDGET_VARIABLE} is {asked!r}, which is no size of memory.", hint="Write it like 16 GB or 800 MB."
            )
        return float(found[1]) * (GB if found[2].upper() == "GB" else MB)
    limits = [_physical_memory(), _cgroup_limit()]
    return min((each for each in limits if each is not None), default=None)


def check_needs(
    recipe: Recipe,
    *sides: SideSize,
    budget: float | None = None,
    n_labels: int = TYPICAL_LABELS,
) -> RunNeeds:
    """The needs of some work, unless they exceed the memory that it may use.

    Parameters
    ----------
    sides
        Source and target of a run; or several modalities that are matched together, the reference first.
    budget
        In bytes; :func:`memory_budget` unless given.
    n_labels
        Labels that all of them share.

    Raises
    ------
    PsmatchError
        With the estimate, the largest size that fits, and what else would help.
    """
    needs = estimate_needs(recipe, *sides, n_labels=n_labels)
    budget = budget if budget is not None else memory_budget()
    if budget is None or needs.memory <= budget:
        return needs

    def memory(recipe: Recipe, factor: float = 1.0) -> float:
        return estimate_needs(recipe, *(each.scaled(factor) for each in sides), n_labels=n_labels).memory

    largest = _largest(lambda factor: memory(recipe, factor) <= budget)
    cells = [int(each.n_cells * largest) for each in sides]
    *first, last = (f"{each:,}" for each in cells)
    advice = [f"Use at most about {', '.join(first)} and {last} cells"] if min(cells) >= 2 else []
    fewer = recipe.with_setting("source_preprocessing.n_top_genes", FEWER_FEATURES)
    fewer = fewer.with_setting("target_preprocessing.n_top_genes", FEWER_FEATURES)
    if memory(fewer) <= budget:
        advice.append(f"or keep {FEWER_FEATURES} features of each modality (n_top_genes = {FEWER_FEATURES})")
    raise PsmatchError(
        f"This run needs about {gigabytes(needs.memory)} of memory; {gigabytes(budget)} are allowed.",
        hint=f"{'; '.join(advice) or 'Use a machine with more memory'}. {BUDGET_VARIABLE} sets the limit.",
        code=TOO_LARGE_CODE,
    )


def gigabytes(n_bytes: float) -> str:
    """Such as ``2.1 GB`` or ``800 MB``."""
    return f"{n_bytes / GB:.1f} GB" if n_bytes >= GB else f"{max(1.0, n_bytes / MB):.0f} MB"


def minutes(seconds: float) -> str:
    """Such as ``40 s``, ``3 min`` or ``1.5 h``, as rough as an estimate is."""
    if seconds < 90:
        return f"{10 * max(1, round(seconds / 10))} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _largest(fits: Callable[[float], bool]) -> float:
    """The largest share, 0 to 1, that fits."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _n_kept(rule: Preprocessing, side: SideSize, *, after_pca: bool) -> int:
    """Features that are left after preprocessing."""
    if rule.n_components and (after_pca or rule.is_lsi):
        return rule.n_components
    if rule.n_top_genes == 0:
        return side.n_features
    return min(side.n_features, MANY_FEATURES if rule.n_top_genes < 0 else rule.n_top_genes)


def _physical_memory() -> float | None:
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not on this system
        return None


def _cgroup_limit() -> float | None:
    """The limit of the container."""
    try:
        return float(_CGROUP.read_text())
    except (OSError, ValueError):  # no container, or no limit ("max")
        return None
