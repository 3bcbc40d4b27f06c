"""The verdict on a matching: all evidence is collected, and the strictest piece decides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.errors import plural, some
from psmatch_core.classification.classifier_quality import cross_entropy
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.effective_matches import effective_in_label
from psmatch_core.monitor.null import Null
from psmatch_core.monitor.report import LabelEvidence, MonitorReport, SideEvidence, Verdict
from psmatch_core.monitor.stability import Stability
from psmatch_core.monitor.thresholds import THRESHOLDS


def judge(
    coupling: Coupling, stability: Stability | None = None, null: Null | None = None, *, made_of: str = ""
) -> MonitorReport:
    """Collect the evidence on a matching and say whether it can be trusted.

    Parameters
    ----------
    coupling
        The matching.
    stability, null
        If they were measured; without a stability the best verdict is to use the matches with caution.
    made_of
        Kept in the report, so that a report on another matching is recognized.

    Source: ours; the thresholds and their reasons are in :mod:`psmatch_core.monitor.thresholds`.
    """
    models = (coupling.source, coupling.target)
    names = (models[0].modality.name, models[1].modality.name)
    sides = (_side(models[0]), _side(models[1]))
    is_stable = stability is not None and stability.agreement >= THRESHOLDS.good_stability
    rules = _Rules(
        names=names,
        uninformative=tuple(name for name, side in zip(names, sides, strict=True) if not side.is_distinguished),
        # A strongly regularized classifier may be confident of nothing and still rank the labels correctly: with a loss
        # at the entropy and a stability of 0.93, the Cell Painting data of docs/monitor.md reached a FOSCTTM of 0.04.
        refusal=Verdict.WITH_CARE if is_stable else Verdict.DO_NOT,
        # With fewer than 19 shuffles no p-value can fall below 0.05: then the smallest possible one must be enough.
        chance=max(THRESHOLDS.chance, null.smallest_p) if null is not None else 1.0,
        is_measured=stability is not None,
    )
    report = MonitorReport(
        names=names,
        sides=sides,
        temperatures=(models[0].temperature, models[1].temperature),
        labels=tuple(_label(coupling, label, stability, null, rules=rules) for label in models[0].label_names),
        stability=stability.agreement if stability is not None else float("nan"),
        shared_mass=stability.shared_mass if stability is not None else float("nan"),
        null=null,
        verdict=Verdict.WITH_CARE,
        reasons=(),
        made_of=made_of,
    )
    verdict, reasons = _overall(report, rules)
    return replace(report, verdict=verdict, reasons=tuple(reasons))


@dataclass(frozen=True)
class _Rules:
    """What holds for all labels of a run.

    Parameters
    ----------
    uninformative
        Modalities whose classifier has learned nothing.
    refusal
        The verdict where a classifier has learned nothing.
    chance
        The largest p-value that counts as better than chance.
    is_measured
        Whether the stability was measured.
    """

    names: tuple[str, str]
    uninformative: tuple[str, ...]
    refusal: Verdict
    chance: float
    is_measured: bool


def gain_over_frequencies(model: ScoredModality, label: str | None = None) -> tuple[float, float]:
    """How much lower the held-out loss is than that of the label frequencies, over all labels or for one.

    Returns
    -------
    Mean over held-out cells of −log share − loss (nats per cell; above 0 the classifier knows more than the
    frequencies), and its standard error over cells (NaN with fewer than two).
    """
    share = np.bincount(model.y, minlength=len(model.label_names)) / model.y.size
    mine = model.is_validated if label is None else model.is_validated & (model.y == model.label_names.index(label))
    per_cell = -np.log(share[model.y[mine]]) - model.cell_losses[mine]
    error = float(per_cell.std(ddof=1) / np.sqrt(per_cell.size)) if per_cell.size > 1 else float("nan")
    return nan_mean(per_cell), error


def _side(model: ScoredModality, label: str | None = None) -> SideEvidence:
    mine = np.ones(model.y.size, dtype=bool) if label is None else model.y == model.label_names.index(label)
    seen = mine & model.is_validated
    gain, gain_error = gain_over_frequencies(model, label)
    share = float(mine.mean())
    best = model.held_out_logits[seen].argmax(axis=1) if seen.any() else np.zeros(0, dtype=np.int64)
    return SideEvidence(
        n_cells=int(mine.sum()),
        n_validated=int(seen.sum()),
        loss=nan_mean(model.cell_losses[seen]),
        raw_loss=nan_mean(cross_entropy(model.held_out_logits[seen], model.y[seen])) if seen.any() else float("nan"),
        baseline=model.label_entropy if label is None else float(-np.log(share)),
        accuracy=nan_mean(best == model.y[seen]),
        gain=gain,
        gain_error=gain_error,
    )


def _label(
    coupling: Coupling, label: str, stability: Stability | None, null: Null | None, *, rules: _Rules
) -> LabelEvidence:
    status = next(each for each in coupling.statuses if each.label == label)
    block = coupling.blocks.get(label)
    steady = stability.by_label.get(label) if stability is not None else None
    evidence = LabelEvidence(
        label=label,
        source=_side(coupling.source, label),
        target=_side(coupling.target, label),
        stability=steady.agreement if steady is not None else float("nan"),
        shared_mass=steady.shared_mass if steady is not None else float("nan"),
        null_p=null.label_p.get(label, float("nan")) if null is not None else float("nan"),
        n_effective=effective_in_label(block).matches if block is not None else float("nan"),
        outcome=status.outcome.name,
        verdict=Verdict.WITH_CARE,
        reasons=(),
    )
    verdict, reasons = _label_verdict(evidence, rules)
    return replace(evidence, verdict=verdict, reasons=tuple(reasons))


def _label_verdict(row: LabelEvidence, rules: _Rules) -> tuple[Verdict, list[str]]:
    """The strictest verdict that any piece of evidence asks for, and all reasons, the strictest first.

    A label that a modality cannot distinguish is not refused, and needs no caution if its matches are stable: its cells
    are matched by the scores of all labels, and in the demo such labels are matched as well as the others.
    """
    outcome = Outcome[row.outcome]
    if not outcome.is_usable:
        return Verdict.DO_NOT, ["no plan for this label"]
    found = [
        (rules.refusal, f"the {name} classifier has learned nothing about the labels") for name in rules.uninformative
    ]
    if outcome is Outcome.NOT_CONVERGED:
        found.append((Verdict.WITH_CARE, "the solver did not converge"))
    if outcome is Outcome.PARTIAL:
        found.append((Verdict.WITH_CARE, "some cells have no match"))
    for name, side in zip(rules.names, (row.source, row.target), strict=True):
        if side.n_validated < THRESHOLDS.few_cells:
            found.append(
                (Verdict.WITH_CARE, f"{name}: only {plural(side.n_validated, 'held-out cell')}, too few to be certain")
            )
        elif not side.is_distinguished and name not in rules.uninformative:
            verdict = Verdict.BELIEVE if row.stability >= THRESHOLDS.good_stability else Verdict.WITH_CARE
            text = f"the {name} classifier cannot distinguish this label"
            found.append((verdict, f"{text}, so its matches rely on the scores of other labels"))
    found += _stability_reasons(row, rules)
    candidates = row.target.n_cells
    if candidates > 1 and row.n_effective > THRESHOLDS.nearly_uniform * candidates:
        found.append((Verdict.WITH_CARE, "nearly all cells of the label are equally good matches"))
    return _strictest(found, "matches stay nearly the same when the classifiers are trained on other cells")


def _stability_reasons(row: LabelEvidence, rules: _Rules) -> list[tuple[Verdict, str]]:
    found: list[tuple[Verdict, str]] = []
    enough = min(row.source.n_cells, row.target.n_cells) >= THRESHOLDS.few_cells
    if not rules.is_measured:
        found.append((Verdict.WITH_CARE, "stability was not measured"))
    elif not np.isfinite(row.stability):
        text = "stability cannot be measured, because all cells of the label have the same matches"
        found.append((Verdict.WITH_CARE, text))
    elif row.stability < THRESHOLDS.low_stability:
        # With few cells the correlation itself is uncertain: a reason for caution and not for refusal.
        verdict = Verdict.DO_NOT if enough else Verdict.WITH_CARE
        text = "matches change when the classifiers are trained on other cells"
        found.append((verdict, f"{text} (stability {row.stability:.2f})"))
    elif row.stability < THRESHOLDS.good_stability:
        text = "matches change in part when the classifiers are trained on other cells"
        found.append((Verdict.WITH_CARE, f"{text} (stability {row.stability:.2f})"))
    if np.isfinite(row.null_p) and row.null_p > rules.chance:
        found.append((Verdict.WITH_CARE, f"not more stable than with shuffled labels (p = {row.null_p:.2g})"))
    return found


def _overall(report: MonitorReport, rules: _Rules) -> tuple[Verdict, list[str]]:
    found: list[tuple[Verdict, str]] = []
    for name, side in zip(report.names, report.sides, strict=True):
        figures = f"held-out loss {side.loss:.2f} nats, label entropy {side.baseline:.2f} nats"
        if name in rules.uninformative:
            found.append((rules.refusal, f"the {name} classifier has learned nothing about the labels: {figures}"))
        elif side.share < THRESHOLDS.clear_share:
            found.append((Verdict.WITH_CARE, f"the {name} classifier barely distinguishes the labels: {figures}"))
    if report.null is not None:
        for name, which in zip(report.names, ("loss_source", "loss_target"), strict=True):
            p = report.null[which].p_value
            if p > rules.chance:
                text = f"{name}: a simple classifier is not better than with shuffled labels (p = {p:.2g})"
                found.append((Verdict.WITH_CARE, text))
    cells = dict.fromkeys(Verdict, 0)
    for row in report.labels:
        cells[row.verdict] += row.source.n_cells
    shares = {verdict: n / max(sum(cells.values()), 1) for verdict, n in cells.items()}
    refused = [row.label for row in report.labels if row.verdict is Verdict.DO_NOT]
    if shares[Verdict.DO_NOT] > THRESHOLDS.too_many:
        if not rules.uninformative:
            text = f"{shares[Verdict.DO_NOT]:.0%} of the cells are in labels whose matches cannot be trusted"
            found.append((Verdict.DO_NOT, text))
    elif refused:
        text = f"matches of {plural(len(refused), 'label')} cannot be trusted: {some(refused, 5)}"
        found.append((Verdict.WITH_CARE, text))
    if not np.isfinite(report.stability):
        found.append((Verdict.WITH_CARE, "stability was not measured"))
    elif shares[Verdict.BELIEVE] < THRESHOLDS.most_cells:
        text = f"only {shares[Verdict.BELIEVE]:.0%} of the cells are in labels whose matches can be trusted"
        found.append((Verdict.WITH_CARE, f"{text} (stability {report.stability:.2f})"))
    if len(report.labels) < THRESHOLDS.few_labels:
        text = f"only {len(report.labels)} labels, whose scores distinguish the cells within a label only roughly"
        found.append((Verdict.WITH_CARE, text))
    return _strictest(
        found, "both classifiers distinguish the labels, and matches stay nearly the same with other training cells"
    )


def _strictest(found: list[tuple[Verdict, str]], otherwise: str) -> tuple[Verdict, list[str]]:
    """The strictest verdict and all reasons; ``otherwise`` comes first if nothing asks for caution."""
    found = sorted(found, key=lambda each: -each[0].level)
    reasons = [reason for _, reason in found]
    if not found or found[0][0] is Verdict.BELIEVE:
        return Verdict.BELIEVE, [otherwise, *reasons]
    return found[0][0], reasons
