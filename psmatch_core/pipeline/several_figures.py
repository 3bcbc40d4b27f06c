"""The figures of several matched modalities as one record, which files keep, and terminals and pages show."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from psmatch_core.base.errors import plural
from psmatch_core.evaluation.evaluate import PAIR_METRICS
from psmatch_core.matching.coupling import Coupling
from psmatch_core.matching.effective_matches import effective_in_label, effective_in_run
from psmatch_core.monitor import MonitorReport, Verdict
from psmatch_core.monitor.cycle_consistency import CYCLE_FIGURES, CycleConsistency, CycleRow
from psmatch_core.pipeline.match_modalities import MatchedModalities

NAN = float("nan")


@dataclass(frozen=True)
class ModalityFigures:
    """One modality, and how well its classifier distinguishes the labels.

    Parameters
    ----------
    loss, chance
        Held-out loss, and that of a classifier that knows only the label frequencies [nats per cell].
    """

    name: str
    n_cells: int
    n_features: int
    loss: float
    chance: float


@dataclass(frozen=True)
class SeveralLabel:
    """One label of any modality: its cells in each, whether it is matched, and why not."""

    label: str
    n_cells: Mapping[str, int]
    matched: bool
    reason: str


@dataclass(frozen=True)
class PairLabel:
    """One label of a pair of modalities.

    Parameters
    ----------
    n_cells
        Of the source [cells].
    verdict
        None for a pair that is not judged.
    n_effective
        Effective matches of the median cell [cells].
    status
        What needs attention in its plan; empty if nothing does.
    cycle
        The figures of cycle consistency (``CYCLE_FIGURES``), the mean over third modalities; empty if not known.
    """

    label: str
    n_cells: int
    verdict: Verdict | None
    n_effective: float
    status: str
    cycle: Mapping[str, float]


@dataclass(frozen=True)
class PairFigures:
    """The coupling of two of the modalities.

    Parameters
    ----------
    verdict, reasons
        What its matches are good for, and why; None for a pair that is composed, which is not judged.
    n_effective, n_candidates
        Of the median cell [cells].
    cycle
        The figures of cycle consistency (``CYCLE_FIGURES``), weighted by cells; empty if not known.
    known, uniform
        Metrics from known pairs (``PAIR_METRICS``), and those of a uniform plan; empty if no pair is known. They are
        inflated: classifiers were trained on the same physical cells.
    n_known
        Known pairs.
    held_out, held_out_uniform, n_held_out
        The same of cells that no classifier saw; empty and 0 if they were not judged.
    """

    source: str
    target: str
    verdict: Verdict | None
    reasons: tuple[str, ...]
    n_effective: float
    n_candidates: float
    labels: tuple[PairLabel, ...]
    cycle: Mapping[str, float]
    known: Mapping[str, float]
    uniform: Mapping[str, float]
    n_known: int
    held_out: Mapping[str, float] = field(default_factory=dict)
    held_out_uniform: Mapping[str, float] = field(default_factory=dict)
    n_held_out: int = 0

    def counted(self) -> str:
        """How many labels have which verdict, in words; empty for a pair that is not judged."""
        counts = Counter(row.verdict for row in self.labels)
        return ", ".join(f"{counts[each]} {each.value}" for each in Verdict if counts[each])


@dataclass(frozen=True)
class SeveralFigures:
    """What is known of several matched modalities.

    Parameters
    ----------
    modalities
        The reference first.
    plans
        One of :data:`~psmatch_core.matching.several.PLANS`.
    pairs
        Every pair, those with the reference first.
    cycle
        The figures of cycle consistency over all pairs; empty if not known.
    notes
        What the user should know.
    """

    modalities: tuple[ModalityFigures, ...]
    plans: str
    labels: tuple[SeveralLabel, ...]
    pairs: tuple[PairFigures, ...]
    cycle: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, the reference first."""
        return tuple(each.name for each in self.modalities)

    @property
    def n_matched(self) -> int:
        """Labels that are matched."""
        return sum(each.matched for each in self.labels)

    def answer(self) -> str:
        """Which labels are matched, what each pair of modalities is good for, and the consistency beside its baseline.

        Plain words, for the top of a page.
        """
        *first, last = self.names
        said = [
            f"{', '.join(first)} and {last} share {plural(self.n_matched, 'label')}, in which their cells are matched"
        ]
        said += [
            f"{pair.source} and {pair.target}: {pair.verdict.title[:1].lower()}{pair.verdict.title[1:]}"
            for pair in self.pairs
            if pair.verdict is not None
        ]
        if self.cycle:
            agreement, turned = self.cycle["agreement"], self.cycle["agreement_turned"]
            beside = "" if math.isnan(turned) else f", and to {turned:.2f} if the third is turned at random"
            said.append(f"direct matches and those through a third modality agree to {agreement:.2f}{beside}")
        return f"{'; '.join(said)}."

    def cycles_in_words(self) -> str:
        """What cycle consistency is, with the figures beside it; empty if it is not known."""
        if not self.cycle:
            return ""
        turned = self.cycle["agreement_turned"]
        beside = f"with the third turned at random, {turned:.2f}. Only what lies above that comes from the modalities."
        if math.isnan(turned):
            beside = "what cells turned at random would give cannot be asked of this method."
        return (
            "Cycle consistency: direct matches and those through a third modality agree to "
            f"{self.cycle['agreement']:.2f} (1 the same, 0 unrelated); {beside} It does not show that matches are "
            "correct."
        )


def several_figures(matched: MatchedModalities) -> SeveralFigures:
    """The figures of several matched modalities."""
    modalities = tuple(
        ModalityFigures(name, cells.n_cells, cells.n_features, model.validation_loss, model.label_entropy)
        for (name, cells), model in zip(matched.modalities.items(), matched.couplings.models.values(), strict=True)
    )
    labels = tuple(
        SeveralLabel(
            row["label"], {name: int(row[f"n_{name}"]) for name in matched.names}, bool(row["matched"]), row["reason"]
        )
        for row in matched.labels.to_dict("records")
    )
    pairs = tuple(_pair(matched, *pair) for pair in itertools.combinations(matched.names, 2))
    cycle = {} if matched.cycles is None else {name: matched.cycles.mean(name) for name in CYCLE_FIGURES}
    return SeveralFigures(modalities, matched.couplings.plans, labels, pairs, cycle, matched.notes)


def _pair(matched: MatchedModalities, source: str, target: str) -> PairFigures:
    coupling = matched.coupling(source, target)
    monitor = matched.monitor(source, target)
    cycles = None if matched.cycles is None else _between(matched.cycles, source, target)
    effective, known = effective_in_run(coupling), matched.evaluations.get((source, target))
    held_out = matched.held_out_evaluations.get((source, target))
    return PairFigures(
        source=source,
        target=target,
        verdict=None if monitor is None else monitor.verdict,
        reasons=() if monitor is None else monitor.reasons,
        n_effective=effective.matches,
        n_candidates=effective.candidates,
        labels=_labels(coupling, monitor, cycles),
        cycle={} if cycles is None else {name: cycles.mean(name) for name in CYCLE_FIGURES},
        known={} if known is None else {name: known.micro[name] for name in PAIR_METRICS},
        uniform={} if known is None else {name: known.uniform_micro[name] for name in PAIR_METRICS},
        n_known=0 if known is None else len(known.per_cell),
        held_out={} if held_out is None else {name: held_out.micro[name] for name in PAIR_METRICS},
        held_out_uniform={} if held_out is None else {name: held_out.uniform_micro[name] for name in PAIR_METRICS},
        n_held_out=0 if held_out is None else len(held_out.per_cell),
    )


def _between(cycles: CycleConsistency, source: str, target: str) -> CycleConsistency:
    """The rows of one pair, through each third modality."""
    rows = tuple(row for row in cycles.rows if (row.source, row.target) == (source, target))
    return CycleConsistency(rows, {})


def _labels(
    coupling: Coupling, monitor: MonitorReport | None, cycles: CycleConsistency | None
) -> tuple[PairLabel, ...]:
    by_label: dict[str, list[CycleRow]] = {}
    for row in cycles.rows if cycles is not None else ():
        by_label.setdefault(row.label, []).append(row)
    found = []
    for status in coupling.statuses:
        block, rows = coupling.blocks.get(status.label), tuple(by_label.get(status.label, ()))
        judged = None if monitor is None else monitor.by_label.get(status.label)
        means = CycleConsistency(rows, {})
        found.append(
            PairLabel(
                label=status.label,
                n_cells=status.n_source,
                verdict=None if judged is None else judged.verdict,
                n_effective=NAN if block is None else effective_in_label(block).matches,
                status=(status.message or status.outcome.value) if status.outcome.needs_attention else "",
                cycle={name: means.mean(name) for name in CYCLE_FIGURES} if rows else {},
            )
        )
    return tuple(found)
