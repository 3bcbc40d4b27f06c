"""Evaluate a coupling with known pairs: metrics within each label, next to the uniform baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import nan_mean, to_dense
from psmatch_core.base.config import Config, option
from psmatch_core.base.cores import a_core
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import UNHEARD, Event, Progress, StagePart, silent
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.data.checks import AUTOMATIC, PAIR_CHOICES
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.metrics import foscttm, true_weight
from psmatch_core.evaluation.reference_space import EXACT_BELOW, ReferenceSpace, exact_components, is_tall
from psmatch_core.matching.blocks import Block, uniform_block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.match import known_ids
from psmatch_core.matching.matchers.known_pairs import true_pairs

PAIR_METRICS = ("trace", "trace_fold", "foscttm", "rank")
INFLATED = "inflated: same cells trained on both sides"  # beside every figure of all known pairs
CHANCE = {"trace_fold": 1.0, "foscttm": 0.5, "rank": 0.5}


@dataclass(frozen=True)
class Judging(Config):
    """How true pairs are known, and how a coupling is evaluated with them."""

    pairs: str = option(
        AUTOMATIC,
        choices=PAIR_CHOICES,
        label="known pairs",
        help="How true pairs are known. automatic: by the pair columns if both modalities have one, else by cell names "
        "that are equal (but for an ending or prefix) if they do not only number the cells and the labels of these "
        "cells agree; equal names: by equal cell names in any case; none: there are none.",
    )
    held_out: bool = option(
        True,
        label="judge held-out pairs",
        help="Also train each classifier on parts of the cells, the two modalities on different cells, and evaluate "
        "pairs that neither saw. Takes up to as long as the training of the run. Without it, only the inflated figures "
        "of shared training cells are known.",
    )
    smallest_label: int = option(
        5,
        minimum=2,
        unit="pairs",
        help="Labels with fewer true pairs are skipped and listed.",
        advanced=True,
    )
    n_components: int = option(
        50,
        minimum=1,
        help="Number of principal components of the fixed space in which FOSCTTM is measured.",
        advanced=True,
    )


@dataclass(frozen=True)
class LabelScore:
    """Means over the true pairs of one label; ``baseline`` contains the same for a uniform plan."""

    label: str
    n_pairs: int
    n_candidates: int
    trace: float
    trace_fold: float
    foscttm: float
    rank: float
    baseline: Mapping[str, float]


@dataclass(frozen=True)
class EvaluationSummary:
    """The means of an evaluation, by metric; their names are those of :class:`Evaluation`."""

    n_pairs: int
    micro: Mapping[str, float]
    macro: Mapping[str, float]
    uniform_micro: Mapping[str, float]
    uniform_macro: Mapping[str, float]
    skipped: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Evaluation(HtmlSummary):
    """Within-label metrics of a coupling.

    Parameters
    ----------
    per_label
        One entry per evaluated label.
    per_cell
        One row per true pair: its cell name, label and metrics, so that every mean can be computed again.
    skipped
        Labels that were not evaluated, with the reason.
    """

    per_label: tuple[LabelScore, ...]
    per_cell: pd.DataFrame = field(repr=False)
    skipped: Mapping[str, str]

    @cached_property
    def micro(self) -> dict[str, float]:
        """Means over cells."""
        return {metric: nan_mean(self.per_cell[metric]) for metric in PAIR_METRICS}

    @cached_property
    def macro(self) -> dict[str, float]:
        """Means over labels."""
        return {metric: nan_mean([getattr(row, metric) for row in self.per_label]) for metric in PAIR_METRICS}

    @cached_property
    def uniform_micro(self) -> dict[str, float]:
        """Means over cells of the uniform baseline."""
        weights = np.array([row.n_pairs for row in self.per_label], dtype=float)
        total = weights.sum()
        return {
            metric: float(sum(w * row.baseline[metric] for w, row in zip(weights, self.per_label, strict=True)) / total)
            if total
            else float("nan")
            for metric in PAIR_METRICS
        }

    @cached_property
    def uniform_macro(self) -> dict[str, float]:
        """Means over labels of the uniform baseline."""
        return {metric: nan_mean([row.baseline[metric] for row in self.per_label]) for metric in PAIR_METRICS}

    def table(self) -> pd.DataFrame:
        """One row per label: each metric, next to that of the uniform baseline."""
        rows = []
        for row in self.per_label:
            entry: dict[str, object] = {"label": row.label, "n_pairs": row.n_pairs, "n_candidates": row.n_candidates}
            for metric in PAIR_METRICS:
                entry[metric] = getattr(row, metric)
                entry[f"{metric}_uniform"] = row.baseline[metric]
            rows.append(entry)
        return pd.DataFrame(rows)

    @property
    def summary(self) -> EvaluationSummary:
        """The means, without the single cells and labels."""
        return EvaluationSummary(
            n_pairs=len(self.per_cell),
            micro=self.micro,
            macro=self.macro,
            uniform_micro=self.uniform_micro,
            uniform_macro=self.uniform_macro,
            skipped=self.skipped,
        )

    def __repr__(self) -> str:
        figures = ", ".join(
            f"{metric} {self.micro[metric]:.3f} (uniform {self.uniform_micro[metric]:.3f})"
            for metric in PAIR_METRICS[1:]
        )
        return f"Evaluation({len(self.per_cell):,} pairs in {len(self.per_label)} labels: {figures})"


def evaluate(coupling: Coupling, judging: Judging | None = None, *, progress: Progress = silent) -> Evaluation:
    """Evaluate a coupling with the true pairs, within each label.

    Parameters
    ----------
    coupling
        The matching. The true pairs are the ``pair_ids`` of both modalities, as ``with_known_pairs`` gives them.
    judging
        Smallest label that is evaluated, and the fixed space.

    Returns
    -------
    Metrics of each label and each cell, with those of a uniform plan.

    Raises
    ------
    PsmatchError
        If no true pairs are known.

    Examples
    --------
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", pair_key="cell", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", pair_key="cell", name="Image")
    >>> source, target, how = psmatch.with_known_pairs(source, target)
    >>> quick = psmatch.LinearClassifier(strength=0.05)
    >>> coupling = psmatch.match(*(psmatch.fit_propensity(each, quick) for each in (source, target)))
    >>> psmatch.evaluate(coupling)
    Evaluation(700 pairs in 13 labels: trace_fold ... (uniform ...), foscttm ... (uniform ...), rank ... (uniform
    ...))
    """
    judging = judging or Judging()
    ids = known_ids(coupling.source.modality, coupling.target.modality)
    if ids is None:
        raise PsmatchError(
            "No true pairs are known: no pair column was named, and cell names do not show which cells are the same.",
            hint="Name the column that identifies the physical cell in both modalities, decide by with_known_pairs, or "
            "rely on the monitor.",
        )
    spaces = (fixed_space(coupling.source.modality, judging), fixed_space(coupling.target.modality, judging))
    skipped: dict[str, str] = {
        status.label: status.outcome.value for status in coupling.statuses if status.label not in coupling.blocks
    }
    scores: list[LabelScore] = []
    cells: list[pd.DataFrame] = []
    for done, (label, block) in enumerate(coupling.blocks.items()):
        at, of = coupling.source_cells[label], coupling.target_cells[label]
        rows, columns = true_pairs(ids[0][at], ids[1][of])
        if rows.size < judging.smallest_label:
            skipped[label] = f"{rows.size} true pairs, fewer than {judging.smallest_label}"
            continue
        local = (spaces[0][at], spaces[1][of])
        whole = StagePart(progress, "evaluate", f"label {label}", done / len(coupling), (done + 1) / len(coupling))
        matched, baseline = whole.split(2)
        mine = _metrics(block, rows, columns, local, matched)
        uniform = _metrics(uniform_block(*block.shape), rows, columns, local, baseline)
        frame = pd.DataFrame({"cell": coupling.source.modality.obs_names[at[rows]], "label": label, **mine})
        cells.append(frame)
        scores.append(
            LabelScore(
                label=label,
                n_pairs=int(rows.size),
                n_candidates=int(block.shape[1]),
                **{metric: nan_mean(mine[metric]) for metric in PAIR_METRICS},
                baseline={metric: nan_mean(uniform[metric]) for metric in PAIR_METRICS},
            )
        )
        progress(Event("evaluate", (done + 1) / len(coupling.blocks), f"label {label}"))
    columns_of_cells = ["cell", "label", *PAIR_METRICS]
    return Evaluation(
        per_label=tuple(scores),
        per_cell=pd.concat(cells, ignore_index=True) if cells else pd.DataFrame(columns=columns_of_cells),
        skipped=skipped,
    )


def fixed_space(modality: Modality, judging: Judging) -> np.ndarray:
    """Principal components of the z-scored features, ``(n_cells, ≤ n_components)``: a space that no method chose."""
    with a_core():
        return _principal_components(modality, judging)


def _principal_components(modality: Modality, judging: Judging) -> np.ndarray:
    X = modality.X
    if modality.image_shape is None and is_tall(X) and judging.n_components < X.shape[1]:
        return ReferenceSpace.of(X, judging.n_components).place_all(X)
    # Images have so many pixels that double precision would only double the memory: their values are bytes.
    precision = np.float64 if modality.image_shape is None else np.float32
    dense = to_dense(X, precision)
    spread = dense.std(axis=0)
    dense = (dense - dense.mean(axis=0)) / np.where(spread > 0, spread, precision(1))
    n = min(judging.n_components, dense.shape[1], dense.shape[0] - 1)
    if min(dense.shape) < EXACT_BELOW:
        return exact_components(dense, n)
    from sklearn.decomposition import PCA  # half a second, with scipy.stats

    return np.asarray(PCA(n_components=n, random_state=0).fit_transform(dense))


def _metrics(
    block: Block, rows: np.ndarray, columns: np.ndarray, spaces: tuple[np.ndarray, np.ndarray], part: StagePart
) -> dict[str, np.ndarray]:
    """The metrics of each true pair of one label."""
    weights, first, second = part.split(3)
    weight, rank = true_weight(block, rows, columns, part=weights)
    closer = closer_than_true(block, rows, columns, spaces, part=replace(first, stop=second.stop))
    return {"trace": weight, "trace_fold": weight * block.shape[1], "foscttm": closer, "rank": rank}


def closer_than_true(
    block: Block,
    rows: np.ndarray,
    columns: np.ndarray,
    spaces: tuple[np.ndarray, np.ndarray],
    *,
    part: StagePart = UNHEARD,
) -> np.ndarray:
    """FOSCTTM of each true pair of one label, mean of both directions of projection, ``(n_pairs,)``.

    Parameters
    ----------
    rows, columns
        Positions of the true pairs in the block, ``(n_pairs,)`` each.
    spaces
        Source and target cells of the label, each modality in its fixed space, ``(n, d)`` and ``(m, d')``.
    part
        Hears how many pairs are done.
    """
    source_space, target_space = spaces
    carrying, *judging = part.split(3)
    ahead, back = carrying.split(2)
    row_mass, column_mass = (masses[:, None] for masses in block.marginals)
    # A cell without a match is placed at the mean of its label: it counts, and is no better than uniform.
    at_source = np.where(
        row_mass > 0,
        block.pull(target_space, part=ahead) / np.where(row_mass > 0, row_mass, 1),
        target_space.mean(axis=0),
    )
    at_target = np.where(
        column_mass > 0,
        block.push(source_space, part=back) / np.where(column_mass > 0, column_mass, 1),
        source_space.mean(axis=0),
    )
    at_targets = foscttm(at_source[rows], target_space[columns], part=judging[0])
    return (at_targets + foscttm(at_target[columns], source_space[rows], part=judging[1])) / 2
