"""The figures of a run: every number by which runs are compared, each defined once, with its title and unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.randomness import stream
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.evaluation.distributions import TRANSLATED, UNIFORM, Distributions
from psmatch_core.evaluation.evaluate import Evaluation
from psmatch_core.evaluation.within_labels import MATCHED, FeatureAccuracy
from psmatch_core.matching.blocks import Block
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.effective_matches import effective_in_run
from psmatch_core.matching.matchers.problem import SMALLEST_SPREAD, aligned
from psmatch_core.translation.translate import TO_SOURCE

COST_ROWS = 200  # source cells of a label whose costs are summed: enough to know the mean to a few per cent
SMALL, LARGE = "small", "large"


@dataclass(frozen=True)
class Figure:
    """What a figure of a run is called and how it is read.

    Parameters
    ----------
    template
        The title; ``{source}`` and ``{target}`` stand for the names of the modalities.
    unit
        Unit, or the range and what chance gives; empty where there is nothing to say.
    better
        ``small`` or ``large``; empty where neither is better.
    needs_pairs
        Whether it can only be measured where true pairs are known.
    """

    template: str
    unit: str = ""
    better: str = ""
    needs_pairs: bool = False

    def title(self, source: str = "the source", target: str = "the target") -> str:
        """The title with the names of the modalities."""
        return self.template.format(source=source, target=target)

    def axis(self, source: str = "the source", target: str = "the target") -> str:
        """The title followed by the unit in brackets."""
        return self.title(source, target) + (f" ({self.unit})" if self.unit else "")


def _figure(template: str, unit: str = "", *, better: str = "", needs_pairs: bool = False) -> Any:
    return field(default=None, metadata={"figure": Figure(template, unit, better, needs_pairs)})


def _of_pairs(template: str, unit: str, better: str) -> Any:
    return _figure(template, unit, better=better, needs_pairs=True)


@dataclass(frozen=True)
class RunFigures:
    """The figures of one run. ``None`` means not measured; NaN means measured, but no value exists.

    Losses are held-out cross-entropies, calibrated unless called raw. A label's entropy is the loss of a classifier
    that knows only how frequent the labels are.

    Parameters
    ----------
    loss, raw_loss
        Mean over both modalities of the loss as a share of the label entropy.
    loss_source, loss_target, raw_loss_source, raw_loss_target, entropy_source, entropy_target
        Nats per cell.
    accuracy_source, accuracy_target
        Share of held-out cells whose label is predicted correctly.
    error_source, error_target
        Expected calibration error, 0 to 1.
    agreement
        Mean of the agreement of two matchings from halves of the cells and from halves of the features
        (:mod:`psmatch_core.monitor.stability`), by which labels are judged.
    stability, shared_mass
        Of the halves of the cells alone: agreement, and mass on the same pairs.
    hidden_score, hidden_z
        Hidden labels found again: 0 by chance, 1 all; in standard deviations above exchanged label names.
    modality_agreement
        Correlation between the modalities of which labels are alike.
    n_effective, n_candidates
        Effective matches and candidates of a cell: medians over all source cells that have a match, whatever their
        label (:mod:`psmatch_core.matching.effective_matches`).
    plan_entropy
        Mean over the same cells of the entropy of a cell's matches, nats.
    cost
        Mean distance between matched cells as a share of that under a uniform plan (:func:`relative_cost`).
    labels_matched, labels_attention
        Labels with a plan; labels whose status needs attention, those without a counterpart included.
    held_out_foscttm, held_out_rank, held_out_trace_fold, held_out_trace
        Means over cells of the within-label metrics (:mod:`psmatch_core.evaluation.metrics`) of held-out pairs
        (:mod:`psmatch_core.evaluation.held_out_pairs`).
    foscttm, rank, trace_fold, trace
        The same of all pairs: inflated, since both classifiers were trained on the same physical cells.
    r2_within, r2_uniform, gap_closed
        R² within labels of the target's features predicted for source cells, of the matching and of a uniform plan, and
        the share of the gap between uniform plan and true pairs that the matching closes
        (:mod:`psmatch_core.evaluation.within_labels`); by the translator that true pairs can train too.
    energy_target_to_source, energy_source_to_target
        Energy distance between translated and observed cells, by direction; measured where no pair is known. Neither
        small nor large is better: a sharper plan has a smaller one, whether its matches are right or not.
    seconds
        Time from the start of the run until its figures were written.
    """

    loss: float | None = _figure("Calibrated loss", "share of the label entropy", better=SMALL)
    raw_loss: float | None = _figure("Raw loss", "share of the label entropy", better=SMALL)
    loss_source: float | None = _figure("Loss of {source}", "nats per cell", better=SMALL)
    loss_target: float | None = _figure("Loss of {target}", "nats per cell", better=SMALL)
    raw_loss_source: float | None = _figure("Raw loss of {source}", "nats per cell", better=SMALL)
    raw_loss_target: float | None = _figure("Raw loss of {target}", "nats per cell", better=SMALL)
    entropy_source: float | None = _figure("Label entropy of {source}", "nats per cell")
    entropy_target: float | None = _figure("Label entropy of {target}", "nats per cell")
    accuracy_source: float | None = _figure("Accuracy of {source}", "share of cells", better=LARGE)
    accuracy_target: float | None = _figure("Accuracy of {target}", "share of cells", better=LARGE)
    error_source: float | None = _figure("Calibration error of {source}", "0 to 1", better=SMALL)
    error_target: float | None = _figure("Calibration error of {target}", "0 to 1", better=SMALL)
    agreement: float | None = _figure("Agreement of halves", "1 same, 0 unrelated", better=LARGE)
    stability: float | None = _figure("Agreement of halves of the cells", "1 same, 0 unrelated", better=LARGE)
    shared_mass: float | None = _figure("Shared mass", "share", better=LARGE)
    hidden_score: float | None = _figure("Hidden labels found again", "1 all, 0 chance", better=LARGE)
    hidden_z: float | None = _figure("Hidden labels above chance", "standard deviations", better=LARGE)
    modality_agreement: float | None = _figure("Agreement of the modalities", "correlation", better=LARGE)
    n_effective: float | None = _figure("Effective matches", "cells, median over cells")
    n_candidates: float | None = _figure("Candidates of a cell", "cells, median over the same cells")
    plan_entropy: float | None = _figure("Entropy of the plan", "nats per cell")
    cost: float | None = _figure("Cost of the plan", "share of a uniform plan's", better=SMALL)
    labels_matched: float | None = _figure("Labels matched")
    labels_attention: float | None = _figure("Labels that need attention", better=SMALL)
    held_out_foscttm: float | None = _of_pairs("FOSCTTM", "0 perfect, 0.5 chance", SMALL)
    held_out_rank: float | None = _of_pairs("Rank of the true partner", "0 perfect, 0.5 chance", SMALL)
    held_out_trace_fold: float | None = _of_pairs("Weight on the true partner", "× uniform", LARGE)
    held_out_trace: float | None = _of_pairs("Weight on the true partner, absolute", "share", LARGE)
    foscttm: float | None = _of_pairs("FOSCTTM, inflated", "0 perfect, 0.5 chance", SMALL)
    rank: float | None = _of_pairs("Rank of the true partner, inflated", "0 perfect, 0.5 chance", SMALL)
    trace_fold: float | None = _of_pairs("Weight on the true partner, inflated", "× uniform", LARGE)
    trace: float | None = _of_pairs("Weight on the true partner, absolute, inflated", "share", LARGE)
    r2_within: float | None = _figure("R² within labels", "0 the label's mean", better=LARGE, needs_pairs=True)
    r2_uniform: float | None = _figure("R² within labels, uniform plan", "0 the label's mean", needs_pairs=True)
    gap_closed: float | None = _figure("Gap to true pairs closed", "share, 0 uniform", better=LARGE, needs_pairs=True)
    energy_target_to_source: float | None = _figure("Energy distance of {target} features")
    energy_source_to_target: float | None = _figure("Energy distance of {source} features")
    seconds: float | None = _figure("Time taken", "s")

    def to_dict(self) -> dict[str, float]:
        """The figures that were measured, by name."""
        return {name: float(value) for name, value in vars(self).items() if value is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, float]) -> RunFigures:
        """The figures that :meth:`to_dict` wrote; names that this version does not know are left out."""
        return cls(**{name: float(value) for name, value in data.items() if name in FIGURES})


FIGURES: Mapping[str, Figure] = MappingProxyType({each.name: each.metadata["figure"] for each in fields(RunFigures)})


def score_figures(source: ScoredModality, target: ScoredModality) -> RunFigures:
    """What is known of a run before it is matched: losses, accuracy and calibration of both modalities."""
    sides = {"source": source, "target": target}
    row: dict[str, float] = {}
    for side, model in sides.items():
        row[f"loss_{side}"] = model.validation_loss
        row[f"raw_loss_{side}"] = model.raw_validation_loss
        row[f"entropy_{side}"] = model.label_entropy
        row[f"accuracy_{side}"] = model.accuracy
        row[f"error_{side}"] = model.reliability.expected_error
    for name in ("loss", "raw_loss"):
        shares = [row[f"{name}_{side}"] / row[f"entropy_{side}"] for side in sides if row[f"entropy_{side}"] > 0]
        row[name] = nan_mean(np.array(shares))
    return RunFigures(**row)


def match_figures(
    coupling: Coupling,
    evaluation: Evaluation | None = None,
    distributions: Mapping[str, Distributions] = MappingProxyType({}),
    *,
    accuracy: Mapping[str, Sequence[FeatureAccuracy]] = MappingProxyType({}),
    held_out: Evaluation | None = None,
    n_attention: int | None = None,
    seed: int = 0,
) -> RunFigures:
    """All figures of a matched run, apart from its stability and the time it took.

    Parameters
    ----------
    evaluation
        Where true pairs are known.
    distributions
        By direction, where none is known.
    accuracy
        R² within labels of the predicted features by direction, where true pairs are known.
    held_out
        Of held-out pairs.
    n_attention
        Labels that need attention; those of the coupling unless given.
    seed
        The cells whose costs are summed derive from it.
    """
    needing = sum(status.outcome.needs_attention for status in coupling.statuses)
    typical = effective_in_run(coupling)
    found: dict[str, float] = {
        "n_effective": typical.matches,
        "n_candidates": typical.candidates,
        "plan_entropy": nan_mean(np.log(_spread(coupling))),
        "cost": relative_cost(coupling, seed=seed),
        "labels_matched": len(coupling.blocks),
        "labels_attention": needing if n_attention is None else n_attention,
    }
    if evaluation is not None and len(evaluation.per_cell):
        found |= evaluation.micro
    if held_out is not None and len(held_out.per_cell):
        found |= {f"held_out_{name}": value for name, value in held_out.micro.items()}
    for judged in accuracy.get(TO_SOURCE, ())[-1:]:  # the last is by the translator that true pairs can train too
        found |= {"r2_within": judged.r2[MATCHED], "r2_uniform": judged.r2[UNIFORM], "gap_closed": judged.gap_closed}
    for direction, each in distributions.items():
        found[f"energy_{direction}"] = each.micro[TRANSLATED]["energy"]
    return replace(score_figures(coupling.source, coupling.target), **found)


def _spread(coupling: Coupling) -> np.ndarray:
    """Effective matches of the source cells that have any, ``(≤ n_cells,)``."""
    spread = coupling.n_effective
    return np.asarray(spread[spread > 0])  # NaN and cells without a match have neither one partner nor many


def relative_cost(coupling: Coupling, *, seed: int = 0) -> float:
    """Mean distance between the logits of matched cells, as a share of that between any two cells of the label.

    1 is a uniform plan; the smaller, the closer the partners that the plan finds. Both modalities of a label are
    centred and scaled first, whatever the matcher does, so that matchers and classifiers can be compared. In large
    labels a sample of the source cells is used.
    """
    total, weight = 0.0, 0
    for label, block in coupling.blocks.items():
        x, y = (
            coupling.source.space[coupling.source_cells[label]],
            coupling.target.space[coupling.target_cells[label]],
        )
        found = _block_cost(block, *aligned(x, y), rng=stream(seed, "cost", label))
        if np.isfinite(found):
            total, weight = total + found * x.shape[0], weight + x.shape[0]
    return total / weight if weight else float("nan")


def _block_cost(block: Block, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    n = x.shape[0]
    rows = np.sort(rng.choice(n, COST_ROWS, replace=False)) if n > COST_ROWS else np.arange(n)
    distance = cdist(x[rows], y)  # (rows, m)
    mass = np.concatenate([block.rows(int(row), int(row) + 1) for row in rows])
    uniform = float(distance.mean())
    if mass.sum() <= 0 or uniform < SMALLEST_SPREAD:
        return float("nan")
    return float((mass * distance).sum() / mass.sum() / uniform)
