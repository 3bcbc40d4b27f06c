"""judge: the evidence of a matching brought together, and what follows from it in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.errors import plural, some
from psmatch_core.classification.classifier_quality import cross_entropy
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.monitor.null import Null
from psmatch_core.monitor.report import LabelEvidence, MonitorReport, SideEvidence
from psmatch_core.monitor.stability import Stability
from psmatch_core.monitor.verdict import Verdict, gain_of, threshold


def judge(
    coupling: Coupling, stability: Stability | None = None, null: Null | None = None, *, made_of: str = ""
) -> MonitorReport:
    """Bring the evidence together and say what to make of it.

    Parameters
    ----------
    coupling
        The matching that is judged.
    stability, null
        What was measured beside it; without a stability no label is believed without care.

    made_of
        Kept in the report, to know later whether it is still about the same matching.

    Source: ours; the thresholds and their reasons are in :data:`~psmatch_core.monitor.verdict.THRESHOLDS`.
    """
    models = (coupling.source, coupling.target)
    sides = (_side(models[0]), _side(models[1]))
    nothing = tuple(model.modality.name for model, side in zip(models, sides, strict=True) if not side.is_told)
    steady = stability is not None and stability.agreement >= threshold("good_stability")
    # A classifier held back too hard states no confidence at all and may still point the right way: with a loss at the
    # entropy and a stability of 0.93 the Cell Painting profiles of docs/monitor.md were matched at a FOSCTTM of 0.04.
    refusal = Verdict.WITH_CARE if steady else Verdict.DO_NOT
    # with fewer than 19 shuffles no p-value can fall below 0.05: then the best that can come out must do
    chance = max(threshold("chance"), null.smallest_p) if null is not None else 1.0
    labels = tuple(
        _label(coupling, label, stability, null, nothing, refusal, chance) for label in models[0].label_names
    )
    report = MonitorReport(
        names=(models[0].modality.name, models[1].modality.name),
        sides=sides,
        temperatures=(models[0].temperature, models[1].temperature),
        labels=labels,
        stability=stability.agreement if stability is not None else float("nan"),
        shared_mass=stability.shared_mass if stability is not None else float("nan"),
        null=null,
        verdict=Verdict.WITH_CARE,
        reasons=(),
        made_of=made_of,
    )
    verdict, reasons = _overall(report, nothing, refusal, chance)
    return replace(report, verdict=verdict, reasons=tuple(reasons))


def _side(model: ScoredModality, label: str | None = None) -> SideEvidence:
    mine = np.ones(model.y.size, dtype=bool) if label is None else model.y == model.label_names.index(label)
    seen = mine & model.is_validated
    gain = gain_of(model, label)
    share = float(mine.mean())
    best = model.held_out_logits[seen].argmax(axis=1) if seen.any() else np.zeros(0, dtype=np.int64)
    return SideEvidence(
        n_cells=int(mine.sum()),
        n_validated=int(seen.sum()),
        loss=nan_mean(model.cell_losses[seen]),
        raw_loss=nan_mean(cross_entropy(model.held_out_logits[seen], model.y[seen])) if seen.any() else float("nan"),
        baseline=model.label_entropy if label is None else float(-np.log(share)),
        accuracy=nan_mean(best == model.y[seen]),
        gain=gain.nats,
        gain_error=gain.error,
    )


def _label(
    coupling: Coupling,
    label: str,
    stability: Stability | None,
    null: Null | None,
    nothing: tuple[str, ...],
    refusal: Verdict,
    chance: float,
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
        n_effective=float(np.median(block.n_effective)) if block is not None else float("nan"),
        outcome=status.outcome.name,
        verdict=Verdict.WITH_CARE,
        reasons=(),
    )
    names = coupling.source.modality.name, coupling.target.modality.name
    verdict, reasons = _label_verdict(evidence, names, nothing, refusal, chance, is_measured=stability is not None)
    return replace(evidence, verdict=verdict, reasons=tuple(reasons))


def _label_verdict(
    row: LabelEvidence,
    names: tuple[str, str],
    nothing: tuple[str, ...],
    refusal: Verdict,
    chance: float,
    *,
    is_measured: bool,
) -> tuple[Verdict, list[str]]:
    """The strictest of what each piece of evidence says, and all reasons, those that speak against it first.

    That a modality does not tell a label is no reason to refuse it, nor one for care where its matches are steady: its
    cells are matched by the scores of all labels, and in the demo such labels are matched as well as the others.
    """
    outcome = Outcome[row.outcome]
    if not outcome.is_usable:
        return Verdict.DO_NOT, ["no plan for this label"]
    found = [(refusal, f"{name} has learned nothing about the labels") for name in nothing]
    if outcome is Outcome.NOT_CONVERGED:
        found.append((Verdict.WITH_CARE, "the solver did not converge"))
    if outcome is Outcome.PARTIAL:
        found.append((Verdict.WITH_CARE, "some of its cells have no match"))
    for name, side in zip(names, (row.source, row.target), strict=True):
        if side.n_validated < threshold("few_cells"):
            found.append(
                (Verdict.WITH_CARE, f"{name}: {plural(side.n_validated, 'held-out cell')}, too few to be sure")
            )
        elif not side.is_told and name not in nothing:
            verdict = Verdict.BELIEVE if row.stability >= threshold("good_stability") else Verdict.WITH_CARE
            found.append((verdict, f"{name} does not tell it: its matches rest on the scores of other labels"))
    found += _steadiness(row, chance, is_measured=is_measured)
    candidates = row.target.n_cells
    if candidates > 1 and row.n_effective > threshold("nearly_uniform") * candidates:
        found.append((Verdict.WITH_CARE, "nearly every cell of the label is as good a match as any other"))
    return _strictest(found, "much the same matches from other cells in training")


def _steadiness(row: LabelEvidence, chance: float, *, is_measured: bool) -> list[tuple[Verdict, str]]:
    found: list[tuple[Verdict, str]] = []
    enough = min(row.source.n_cells, row.target.n_cells) >= threshold("few_cells")
    if not is_measured:
        found.append((Verdict.WITH_CARE, "stability not measured"))
    elif not np.isfinite(row.stability):
        found.append((Verdict.WITH_CARE, "stability cannot be measured: all its cells are sent to the same place"))
    elif row.stability < threshold("low_stability"):
        # few cells make the correlation itself uncertain: then it is a reason for care and not for refusal
        verdict = Verdict.DO_NOT if enough else Verdict.WITH_CARE
        found.append((verdict, f"other cells in training give other matches (stability {row.stability:.2f})"))
    elif row.stability < threshold("good_stability"):
        found.append((Verdict.WITH_CARE, f"other cells in training change the matches (stability {row.stability:.2f})"))
    if np.isfinite(row.null_p) and row.null_p > chance:
        found.append((Verdict.WITH_CARE, f"no steadier than with shuffled labels (p = {row.null_p:.2g})"))
    return found


def _overall(
    report: MonitorReport, nothing: tuple[str, ...], refusal: Verdict, chance: float
) -> tuple[Verdict, list[str]]:
    found: list[tuple[Verdict, str]] = []
    for name, side in zip(report.names, report.sides, strict=True):
        figures = f"held-out loss {side.loss:.2f} of {side.baseline:.2f} nats"
        if name in nothing:
            found.append((refusal, f"{name} has learned nothing about the labels: {figures}"))
        elif side.share < threshold("clear_share"):
            found.append((Verdict.WITH_CARE, f"{name} tells the labels faintly: {figures}"))
    if report.null is not None:
        for name, which in zip(report.names, ("loss_source", "loss_target"), strict=True):
            p = report.null[which].p_value
            if p > chance:
                text = f"{name}: a cheap classifier is no better than with shuffled labels (p = {p:.2g})"
                found.append((Verdict.WITH_CARE, text))
    cells = dict.fromkeys(Verdict, 0)
    for row in report.labels:
        cells[row.verdict] += row.source.n_cells
    shares = {verdict: n / max(sum(cells.values()), 1) for verdict, n in cells.items()}
    refused = [row.label for row in report.labels if row.verdict is Verdict.DO_NOT]
    if shares[Verdict.DO_NOT] > threshold("too_many"):
        if not nothing:
            text = f"{shares[Verdict.DO_NOT]:.0%} of the cells lie in labels that are not to be believed"
            found.append((Verdict.DO_NOT, text))
    elif refused:
        found.append((Verdict.WITH_CARE, f"{plural(len(refused), 'label')} not to be believed: {some(refused, 5)}"))
    if not np.isfinite(report.stability):
        found.append((Verdict.WITH_CARE, "stability is not measured"))
    elif shares[Verdict.BELIEVE] < threshold("most_cells"):
        text = f"{shares[Verdict.BELIEVE]:.0%} of the cells lie in labels to be believed without care"
        found.append((Verdict.WITH_CARE, f"{text} (stability {report.stability:.2f})"))
    if len(report.labels) < threshold("few_labels"):
        text = f"only {len(report.labels)} labels: their scores tell cells within a label apart roughly"
        found.append((Verdict.WITH_CARE, text))
    return _strictest(found, "both modalities tell the labels, and other cells in training give much the same matches")


def _strictest(found: list[tuple[Verdict, str]], otherwise: str) -> tuple[Verdict, list[str]]:
    """The strictest verdict and all reasons; ``otherwise`` comes first where nothing speaks for care."""
    found = sorted(found, key=lambda each: -each[0].level)
    reasons = [reason for _, reason in found]
    if not found or found[0][0] is Verdict.BELIEVE:
        return Verdict.BELIEVE, [otherwise, *reasons]
    return found[0][0], reasons
