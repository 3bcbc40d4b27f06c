"""Compare translated cells with observed cells if no partners are known, label by label.

A distance means nothing by itself: it grows with the dimension and shrinks with the number of cells. Therefore the
observed cells of a label are split into two halves. One half is the reference. The other is compared with it as if it
were a translation; this distance is the floor. Every candidate is compared with the same reference, with as many cells
as the floor, in the same space and with the same kernel, so that the columns of a row can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from psmatch_core.base.cores import a_core, side_by_side
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.progress import Event, Progress, StagePart, silent, told_together
from psmatch_core.base.randomness import derived_seed
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation import distances
from psmatch_core.evaluation.compared_cells import ComparedCells, Comparing, compared_cells
from psmatch_core.evaluation.reference_space import ReferenceSpace
from psmatch_core.translation.translate import CarriedFeatures, cells_with_features

CAVEAT = (
    "These distances show whether predictions keep the spread of a label, not whether a cell got its own match: the "
    "same matches given to other cells of the label have the same distances."
)
DISTANCE_MEASURES = ("l2_mean", "kl", "w1", "energy", "mmd2")
TRANSLATED, UNIFORM, LABEL_MEAN, FLOOR = "translated", "uniform", "label_mean", "floor"


@dataclass(frozen=True)
class LabelDistances:
    """The distances of one label.

    Parameters
    ----------
    n_predicted, n_observed
        Translated and observed cells of the label.
    n_compared, n_reference
        Cells of each candidate (and of the floor) that were compared, and cells of the reference half.
    bandwidth
        Width of the MMD kernel: the median distance between the reference cells.
    distances
        By candidate (``translated``, the baselines, ``floor``), then by measure.
    """

    label: str
    n_predicted: int
    n_observed: int
    n_compared: int
    n_reference: int
    bandwidth: float
    distances: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, eq=False)
class Distributions(HtmlSummary):
    """Distances between translated and observed cells, within labels.

    Parameters
    ----------
    of, direction
        The modality whose features are compared, and the direction of the translation.
    candidates
        What was compared, the floor last.
    w1_kind
        ``exact`` or ``sliced``, the same for all labels.
    n_neighbors, n_components, explained
        Neighbours of the KL estimator; dimensions of the space, and the share of the observed variance in it.
    skipped
        Labels that were not compared, with the reason.
    """

    of: str
    direction: str
    candidates: tuple[str, ...]
    per_label: tuple[LabelDistances, ...]
    w1_kind: str
    n_neighbors: int
    n_components: int
    explained: float
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def micro(self) -> dict[str, dict[str, float]]:
        """Means over labels weighted by their translated cells, by candidate and measure."""
        return self._means([row.n_predicted for row in self.per_label])

    @cached_property
    def macro(self) -> dict[str, dict[str, float]]:
        """Means over labels, each with the same weight."""
        return self._means([1] * len(self.per_label))

    def _means(self, weights: list[int]) -> dict[str, dict[str, float]]:
        def mean(candidate: str, measure: str) -> float:
            values = [row.distances[candidate][measure] for row in self.per_label]
            return float(np.average(values, weights=weights)) if values else float("nan")

        return {name: {measure: mean(name, measure) for measure in DISTANCE_MEASURES} for name in self.candidates}

    def table(self) -> pd.DataFrame:
        """One row per label: its cells, then every distance of every candidate as ``<distance>_<candidate>``."""
        rows = []
        for row in self.per_label:
            entry: dict[str, object] = {
                "label": row.label,
                "n_predicted": row.n_predicted,
                "n_observed": row.n_observed,
                "n_compared": row.n_compared,
            }
            for measure in DISTANCE_MEASURES:
                entry |= {f"{measure}_{candidate}": row.distances[candidate][measure] for candidate in self.candidates}
            rows.append(entry)
        return pd.DataFrame(rows)

    def report(self) -> str:
        """The means over cells as text, with what is needed to read them; which labels were not compared, and why."""
        skipped = [f"  {label}: not compared, {reason}" for label, reason in self.skipped.items()]
        if not self.per_label:
            direction = self.direction.replace("_", " ")
            head = f"{self.of}, translated ({direction}): no label was compared with observed cells."
            return "\n".join([head, *skipped, *self.notes])
        micro = pd.DataFrame(self.micro).T
        head = (
            f"{self.of}, translated ({self.direction.replace('_', ' ')}) compared with observed cells, within "
            f"{plural(len(self.per_label), 'label')} (mean over cells; w1 {self.w1_kind}, kl by {self.n_neighbors} "
            f"neighbours; {self.n_components} dimensions with {self.explained:.0%} of the variance):"
        )
        rows = micro.to_string(float_format=lambda value: f"{value:.3f}")
        return "\n".join([head, rows, CAVEAT, *skipped, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Plain data, from which :meth:`from_dict` rebuilds the result."""
        return {**to_plain(self), "micro": self.micro, "macro": self.macro}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The result that :meth:`to_dict` wrote; the means are computed again."""
        return from_plain(data, cls)

    def __repr__(self) -> str:
        figures = ", ".join(
            f"{measure} " + " / ".join(f"{name} {self.micro[name][measure]:.3g}" for name in self.candidates)
            for measure in DISTANCE_MEASURES
        )
        return f"Distributions({self.of}, {self.direction}, {plural(len(self.per_label), 'label')}: {figures})"


def compare_distributions(
    candidates: Mapping[str, np.ndarray | CarriedFeatures],
    labels: np.ndarray,
    observed: Modality,
    comparing: Comparing | None = None,
    *,
    direction: str,
    space: ReferenceSpace | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Distributions:
    """Measure how far candidate cells are from observed cells of the same label.

    Parameters
    ----------
    candidates
        By name: values ``(n_cells, n_features)`` of the observed modality's features, or what carries them; a row of
        NaN is a cell without a translation, left out and counted.
    labels
        Label of each candidate cell, ``(n_cells,)``.
    observed
        The observed cells.
    direction
        Direction of the translation, kept in the result.
    space
        The space of the comparison; that of ``observed`` unless given.
    seed
        The halves and samples of each label derive from it.

    Raises
    ------
    PsmatchError
        If the features do not fit, or there is no cell.
    """
    comparing = comparing or Comparing()
    for name, values in candidates.items():
        if values.shape != (labels.size, observed.n_features):
            raise PsmatchError(
                f"{name}: {values.shape[0]:,} × {values.shape[1]:,} values were given for {labels.size:,} cells × "
                f"{observed.n_features:,} features of {observed.name}.",
                hint="Give one row per cell, with the features of the observed modality.",
            )
    space = space or ReferenceSpace.of(observed.X, comparing.n_components)
    usable = np.all([cells_with_features(values) for values in candidates.values()], axis=0)
    notes = []
    if not usable.all():
        notes.append(f"Left out of the comparison: {plural(int((~usable).sum()), 'cell')} without a translation.")
    chosen, skipped = compared_cells(labels, usable, observed, comparing, seed=seed)
    largest = max((max(each.reference.size, each.predicted.size) for each in chosen), default=0)
    kind = distances.EXACT if largest <= comparing.exact_cells else distances.SLICED
    if any(each.is_part for each in chosen):
        notes.append(
            f"Labels with more than {comparing.most_cells:,} cells per modality were compared by a random sample."
        )
    sizes = [each.predicted.size * each.reference.size for each in chosen]
    heard = told_together(progress, "compare", [each.label for each in chosen], sizes=sizes, words="label {}".format)

    def measure(each: ComparedCells) -> tuple[LabelDistances, list[str]]:
        part = StagePart(heard[each.label], "compare", "")
        with a_core():
            found = _measure_label(each, candidates, labels, observed, space, kind, comparing, seed, part)
        heard[each.label](Event("compare", 1.0))
        return found

    measured = side_by_side(measure, chosen)
    return Distributions(
        of=observed.name,
        direction=direction,
        candidates=(*candidates, FLOOR),
        per_label=tuple(row for row, _ in measured),
        w1_kind=kind,
        n_neighbors=comparing.n_neighbors,
        n_components=space.axes.shape[1] if space.axes.size else observed.n_features,
        explained=space.explained,
        skipped=skipped,
        notes=(*notes, *(note for _, more in measured for note in more)),
    )


def _measure_label(
    sample: ComparedCells,
    candidates: Mapping[str, np.ndarray | CarriedFeatures],
    labels: np.ndarray,
    observed: Modality,
    space: ReferenceSpace,
    kind: str,
    comparing: Comparing,
    seed: int,
    part: StagePart,
) -> tuple[LabelDistances, list[str]]:
    """The distances of all candidates of one label, and what a solver had to say."""
    notes: list[str] = []
    placing, measuring = part.split(2)
    reference = distances.Cloud(space.place(observed.X[sample.reference]))  # its own distances are computed once
    clouds = {}
    for (name, values), one in zip(candidates.items(), placing.split(len(candidates)), strict=True):
        clouds[name] = _placed(values, sample.predicted, space, one.begin(f"placing {name} cells"))
    clouds[FLOOR] = space.place(observed.X[sample.floor])
    label_seed = derived_seed(seed, "directions", sample.label)
    found_by_name = {}
    for (name, cloud), one in zip(clouds.items(), measuring.split(len(clouds)), strict=True):
        one.begin(f"distances of {name} cells")
        what = f"{sample.label}, {name}"
        found_by_name[name] = _measured(cloud, reference, kind, comparing, label_seed, notes, what)
    found = LabelDistances(
        label=sample.label,
        n_predicted=int((labels == sample.label).sum()),
        n_observed=int((observed.labels == sample.label).sum()),
        n_compared=int(sample.predicted.size),
        n_reference=int(sample.reference.size),
        bandwidth=reference.bandwidth,
        distances=found_by_name,
    )
    return found, notes


def _placed(
    values: np.ndarray | CarriedFeatures, cells: np.ndarray, space: ReferenceSpace, part: StagePart
) -> np.ndarray:
    if isinstance(values, CarriedFeatures):
        return values.placed(cells, space.place, part=part)
    return space.place(values[cells])


def _measured(
    cloud: np.ndarray,
    reference: distances.Cloud,
    kind: str,
    comparing: Comparing,
    seed: int,
    notes: list[str],
    what: str,
) -> dict[str, float]:
    clouds = distances.Clouds(distances.Cloud(cloud), reference)
    w1, warning = distances.wasserstein1(clouds, kind=kind, n_projections=comparing.n_projections, seed=seed)
    if warning:
        notes.append(f"{what}: the exact Wasserstein solver did not finish: {warning}")
    return {
        "l2_mean": distances.l2_mean(clouds),
        "kl": distances.knn_kl(clouds, k=comparing.n_neighbors),
        "w1": w1,
        "energy": distances.energy(clouds),
        "mmd2": distances.mmd2(clouds, bandwidth=clouds.y.bandwidth),
    }
