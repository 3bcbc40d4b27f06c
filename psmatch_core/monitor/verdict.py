"""The verdict on a matching: per label by the agreement of its halves, lowered by what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.errors import plural, some
from psmatch_core.classification.classifier_quality import cross_entropy
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.matching.coupling import Coupling, Outcome
from psmatch_core.matching.effective_matches import effective_in_label
from psmatch_core.monitor.evidence import Evidence
from psmatch_core.monitor.flags import Flag, LabelFlag
from psmatch_core.monitor.label_pairs import is_pair_distinguished
from psmatch_core.monitor.report import LabelEvidence, MonitorReport, SideEvidence, Verdict
from psmatch_core.monitor.stability import Stability
from psmatch_core.monitor.thresholds import THRESHOLDS

# The best verdict that a label with this flag can have; flags that are not here are reasons to look, not to doubt. A
# label that a classifier cannot distinguish is matched by the scores of all labels, and as well as others where it is
# reproduced (docs/monitor.md); a classifier that distinguishes no label is a doubt about all of them.
CAPS = {
    Flag.NO_PLAN: Verdict.NOT_MATCHED,
    Flag.NOT_CONVERGED: Verdict.CAUTION,
    Flag.PARTIAL: Verdict.CAUTION,
    Flag.NEARLY_UNIFORM: Verdict.CAUTION,
    Flag.FEW_CELLS: Verdict.CAUTION,
    Flag.BATCH: Verdict.CAUTION,
    Flag.GIVEN_AWAY: Verdict.CAUTION,
}
NOT_MEASURED = "whether its matches can be reproduced was not measured"


def judge(coupling: Coupling, evidence: Evidence | None = None, *, made_of: str = "") -> MonitorReport:
    """Say what the matches of each label, and of the whole run, are good for.

    A label is judged by the agreement of its matches between halves of the cells and between halves of the features:
    *use* from 0.30, *use with caution* from 0.10, *matched by label only* below, and wherever the features alone have
    less than chance gives (:data:`THRESHOLDS`). Flags set a limit
    (:data:`CAPS`). If hidden labels are not found again, every label is *matched by label only*; if the modalities do
    not agree on which labels are alike, every label is lowered by one: both halves of a wrong direction agree.

    Parameters
    ----------
    evidence
        What was measured; the losses and the plan alone unless given, and then no label is called *use*.
    made_of
        Kept in the report, so that a report on another matching is recognized.

    Source: ours (docs/monitor.md).
    """
    evidence = evidence or Evidence()
    models = (coupling.source, coupling.target)
    doubts = _doubts(coupling, evidence)
    rows = tuple(_label(coupling, label, evidence, doubts) for label in models[0].label_names)
    verdict, reasons = _overall(rows, evidence, doubts)
    return MonitorReport(
        names=(models[0].modality.name, models[1].modality.name),
        sides=(side_evidence(models[0]), side_evidence(models[1])),
        temperatures=(models[0].temperature, models[1].temperature),
        labels=rows,
        agreement_cells=evidence.cells.agreement if evidence.cells is not None else float("nan"),
        agreement_features=evidence.features.agreement if evidence.features is not None else float("nan"),
        shared_mass=evidence.cells.shared_mass if evidence.cells is not None else float("nan"),
        hidden=evidence.hidden,
        modalities=evidence.modalities,
        null=evidence.null,
        verdict=verdict,
        reasons=tuple(reasons),
        made_of=made_of,
        notes=evidence.notes,
        epsilon=evidence.epsilon,
    )


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


def side_evidence(model: ScoredModality, label: str | None = None) -> SideEvidence:
    """How well one modality distinguishes all labels, or one."""
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


def _doubts(coupling: Coupling, evidence: Evidence) -> list[str]:
    """What lowers every label by one: evidence that the two modalities do not score the cells by the same thing."""
    doubts = []
    modalities = evidence.modalities
    null = evidence.null
    if null is not None:
        # With fewer than 19 shuffles no p-value can fall below 0.05: then the smallest possible one must be enough.
        chance = max(THRESHOLDS.chance, null.smallest_p)
        for model, which in ((coupling.source, "loss_source"), (coupling.target, "loss_target")):
            if null[which].p_value > chance:
                text = f"{model.modality.name}: a simple classifier is no better than with shuffled labels"
                doubts.append(f"{text} (p = {null[which].p_value:.2g})")
    models = (coupling.source, coupling.target)
    sides = [side_evidence(model) for model in models]
    for name, model, side in zip(("source", "target"), models, sides, strict=True):
        if not side.is_distinguished:
            figures = f"held-out loss {side.loss:.2f} nats, label entropy {side.baseline:.2f} nats"
            if not side.n_validated:
                figures = "no cell could be held out"
            doubts.append(
                f"the {model.modality.name} classifier ({name}) has learned nothing about the labels: {figures}"
            )
    if modalities is not None and modalities.disagree and all(side.is_distinguished for side in sides):
        doubts.append(
            "both modalities distinguish the labels, but they do not agree on which labels are alike "
            f"({modalities.described()}): the labels change something that only one modality sees"
        )
    return doubts


def _label(coupling: Coupling, label: str, evidence: Evidence, doubts: list[str]) -> LabelEvidence:
    block = coupling.blocks.get(label)
    row = LabelEvidence(
        label=label,
        source=side_evidence(coupling.source, label),
        target=side_evidence(coupling.target, label),
        agreement_cells=_agreement(evidence.cells, label),
        agreement_features=_agreement(evidence.features, label),
        n_effective=effective_in_label(block).matches if block is not None else float("nan"),
        outcome=next(each.outcome.name for each in coupling.statuses if each.label == label),
        flags=(),
        verdict=Verdict.LABEL_ONLY,
        reasons=(),
    )
    names = (coupling.source.modality.name, coupling.target.modality.name)
    confused = _confused(coupling, row, evidence)
    flags = [LabelFlag(Flag.NOT_DISTINGUISHED, detail) for detail in confused.values()]
    row = replace(row, flags=(*_flags(row, names), *flags, *evidence.data_flags.get(label, ())))
    verdict, reasons = _label_verdict(row, evidence, doubts)
    return replace(row, verdict=verdict, reasons=tuple(reasons), advice=tuple(_advice(row, verdict, list(confused))))


def _agreement(stability: Stability | None, label: str) -> float:
    found = stability.by_label.get(label) if stability is not None else None
    return found.agreement if found is not None else float("nan")


def _confused(coupling: Coupling, row: LabelEvidence, evidence: Evidence) -> dict[str, str]:
    """The labels that a label is not distinguished from, with what was found.

    Their cells do not find their own label again once both are hidden, and a modality does not separate them either.
    Two labels that both modalities separate, but not by what the other labels change, are as distinct as can be.
    """
    if evidence.hidden is None or not Outcome[row.outcome].is_usable:
        return {}
    found = {}
    for pair in evidence.hidden.of_label(row.label):
        if pair.score >= THRESHOLDS.hidden_pair:
            continue
        other = pair.second if pair.first == row.label else pair.first
        blind = [
            model.modality.name
            for model in (coupling.source, coupling.target)
            if not is_pair_distinguished(model, pair.first, pair.second)
        ]
        if blind:
            hidden = f"hidden, {pair.share:.2f} find their own label, {pair.chance:.2f} by chance"
            found[other] = f"not distinguished from {other} by {' and '.join(blind)}; {hidden}"
    return found


def _flags(row: LabelEvidence, names: tuple[str, str]) -> list[LabelFlag]:
    """What is wrong with the plan, the scores or the number of cells of a label."""
    outcome = Outcome[row.outcome]
    if not outcome.is_usable:
        return [LabelFlag(Flag.NO_PLAN, outcome.value)]
    flags = []
    if outcome is Outcome.NOT_CONVERGED:
        flags.append(LabelFlag(Flag.NOT_CONVERGED, "the solver did not converge"))
    if outcome is Outcome.PARTIAL:
        flags.append(LabelFlag(Flag.PARTIAL, "some cells have no match"))
    n_candidates = row.target.n_cells
    if n_candidates > 1 and row.n_effective > THRESHOLDS.nearly_uniform * n_candidates:
        text = f"{row.n_effective:.1f} effective matches of {n_candidates:,} candidates: nearly all are equally good"
        flags.append(LabelFlag(Flag.NEARLY_UNIFORM, text))
    for name, side in zip(names, (row.source, row.target), strict=True):
        if side.n_cells < THRESHOLDS.few_cells:
            flags.append(LabelFlag(Flag.FEW_CELLS, f"only {plural(side.n_cells, 'cell')} in {name}"))
        elif not side.is_distinguished:
            flags.append(LabelFlag(Flag.AT_CHANCE, f"the {name} classifier cannot distinguish this label"))
    return flags


def _label_verdict(row: LabelEvidence, evidence: Evidence, doubts: list[str]) -> tuple[Verdict, list[str]]:
    """By agreement, then lowered by doubts and flags; the decisive reason comes first."""
    verdict, first = _by_agreement(row, evidence)
    reasons = [first]
    lost = _lost(evidence)
    if lost and verdict is not Verdict.LABEL_ONLY:
        verdict, reasons = Verdict.LABEL_ONLY, [lost, *reasons]
    for doubt in doubts:
        if verdict.lower is not verdict:
            verdict, reasons = verdict.lower, [doubt, *reasons]
    n_candidates = row.target.n_cells
    for each in row.flags:
        cap = CAPS.get(each.flag, Verdict.USE)
        if each.flag is Flag.NEARLY_UNIFORM and row.n_effective > THRESHOLDS.uniform * n_candidates:
            cap = Verdict.LABEL_ONLY
        if cap.level > verdict.level:
            verdict, reasons = cap, [each.detail, *reasons]
        elif each.flag in CAPS:
            reasons.append(each.detail)
    return verdict, reasons


def _lost(evidence: Evidence) -> str:
    """That the one question with a known answer is answered no better than by chance; empty if it is, or was not asked.

    Matches can be reproduced all the same: both halves follow a direction that the other modality does not share.
    """
    hidden = evidence.hidden
    return (
        f"hidden labels are not found again ({hidden.described()})"
        if hidden is not None and not hidden.are_found
        else ""
    )


def _by_agreement(row: LabelEvidence, evidence: Evidence) -> tuple[Verdict, str]:
    a = row.agreement
    if evidence.cells is None and evidence.features is None:
        return Verdict.CAUTION, NOT_MEASURED
    if min(row.source.n_cells, row.target.n_cells) == 1:
        return Verdict.LABEL_ONLY, "one modality has a single cell of the label, so there is nothing to choose"
    if not np.isfinite(a):
        return Verdict.LABEL_ONLY, "every cell of the label has the same matches"
    halves = ", ".join(
        f"{value:z.2f} between halves of the {name}"
        for value, name in ((row.agreement_cells, "cells"), (row.agreement_features, "features"))
        if np.isfinite(value)
    )
    n_cells = min(row.source.n_cells, row.target.n_cells)
    if row.agreement_features < max(THRESHOLDS.least_features, THRESHOLDS.chance_features / np.sqrt(n_cells)):
        return Verdict.LABEL_ONLY, f"its matches follow noise of single features (agreement {halves})"
    if a >= THRESHOLDS.use:
        return Verdict.USE, f"its matches are reproduced (agreement {halves})"
    if a >= THRESHOLDS.caution:
        return Verdict.CAUTION, f"its matches are reproduced in part (agreement {halves})"
    return Verdict.LABEL_ONLY, f"its matches are not reproduced (agreement {halves})"


def _advice(row: LabelEvidence, verdict: Verdict, confused: list[str]) -> list[str]:
    """What would help a label that cannot simply be used, and is not distinguished from those that are named."""
    if verdict is Verdict.USE:
        return []
    flags = {each.flag for each in row.flags}
    advice = []
    if Flag.NO_PLAN in flags or Flag.NOT_CONVERGED in flags:
        advice.append("allow more iterations or raise epsilon")
    if Flag.PARTIAL in flags:
        advice.append("raise the mass that is matched, or leave out the cells without a match")
    if Flag.GIVEN_AWAY in flags:
        advice.append("leave that feature out")
    if Flag.BATCH in flags:
        advice.append("compare labels within one batch")
    if Flag.NEARLY_UNIFORM in flags:
        advice.append("lower epsilon")
    if Flag.FEW_CELLS in flags:
        advice.append(f"{THRESHOLDS.few_cells:.0f} cells or more in both modalities are needed")
    if confused:
        advice.append(f"merge it with {some(confused, 3)}")
    cells, features = row.agreement_cells, row.agreement_features
    if np.isfinite(cells) and np.isfinite(features):
        if cells >= THRESHOLDS.use > features:
            advice.append("its matches rest on few features: try another matrix or more features")
        elif features >= THRESHOLDS.use > cells:
            advice.append("more cells")
    if verdict is Verdict.LABEL_ONLY and not advice:
        advice.append("use it as a mean over the label, add cells, or try another matrix")
    return advice


def _overall(rows: tuple[LabelEvidence, ...], evidence: Evidence, doubts: list[str]) -> tuple[Verdict, list[str]]:
    """The verdict on a run: what holds for most of its cells, with what holds for all labels first."""
    cells = dict.fromkeys(Verdict, 0)
    for row in rows:
        cells[row.verdict] += row.source.n_cells
    total = max(sum(cells.values()), 1)
    share = {verdict: n / total for verdict, n in cells.items()}
    not_matched = [row.label for row in rows if row.verdict is Verdict.NOT_MATCHED]
    reasons = [each for each in (_lost(evidence), *doubts) if each]
    if len(not_matched) == len(rows):
        return Verdict.NOT_MATCHED, ["no label has a plan"]
    if evidence.cells is None and evidence.features is None:
        reasons.append("whether the matches can be reproduced was not measured")
    of_cells = f"{share[Verdict.USE]:.0%} of the cells are in labels called 'use'"
    label_only = share[Verdict.LABEL_ONLY] + share[Verdict.NOT_MATCHED]
    if label_only > THRESHOLDS.too_many:
        verdict = Verdict.LABEL_ONLY
        reasons.append(f"{label_only:.0%} of the cells are in labels whose matches say no more than the label")
    elif share[Verdict.USE] >= THRESHOLDS.most_cells and not doubts:
        verdict = Verdict.USE
        reasons.append(of_cells)
    else:
        verdict = Verdict.CAUTION
        reasons.append(of_cells)
        if label_only:
            reasons.append(f"{label_only:.0%} are in labels whose matches say no more than the label")
    if not_matched:
        reasons.append(f"{plural(len(not_matched), 'label')} not matched: {some(not_matched, 5)}")
    if len(rows) < THRESHOLDS.few_labels:
        reasons.append(f"only {len(rows)} labels, whose scores distinguish the cells within a label only roughly")
    return verdict, reasons
