"""The monitor's report: the evidence on a run and on each label, the verdicts, and how they are written to a file."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.arrays import nan_mean
from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.records import from_plain, stored_by_name, to_plain
from psmatch_core.base.summaries import HtmlSummary
from psmatch_core.monitor.epsilon_by_information import EpsilonByInformation
from psmatch_core.monitor.flags import LabelFlag, flag_names
from psmatch_core.monitor.hidden_labels import HiddenLabels
from psmatch_core.monitor.modality_agreement import ModalityAgreement
from psmatch_core.monitor.null import STATISTICS, Null
from psmatch_core.monitor.run_figures import RunFigures
from psmatch_core.monitor.thresholds import THRESHOLDS

FORMAT = 2
REPRODUCIBLE = (
    "Agreement says how alike the matches are when the classifiers see other cells or other features: 1 the same, 0 "
    "unrelated. It shows that matches are reproducible, not that they are correct: partners exchanged at random within "
    "a label would agree just as well. Hidden labels, the agreement of the modalities and known pairs are the evidence "
    "of another kind."
)


@stored_by_name
class Verdict(enum.Enum):
    """What the matches of a label are good for; the value is its short form in tables."""

    USE = "use"
    CAUTION = "use with caution"
    LABEL_ONLY = "matched by label only"
    NOT_MATCHED = "not matched"

    @property
    def level(self) -> int:
        """0 for use, 3 for not matched: the largest of several verdicts is the strictest."""
        return list(Verdict).index(self)

    @property
    def lower(self) -> Verdict:
        """The next stricter verdict on a plan; a plan never becomes no plan."""
        return list(Verdict)[min(self.level + 1, Verdict.LABEL_ONLY.level)]

    @property
    def title(self) -> str:
        """The verdict on a run, as a heading."""
        return {
            Verdict.USE: "The matches are reproducible",
            Verdict.CAUTION: "Use the matches with caution",
            Verdict.LABEL_ONLY: "The cells are matched by label only",
            Verdict.NOT_MATCHED: "No cell is matched",
        }[self]

    @property
    def meaning(self) -> str:
        """What the verdict says of a label, in one sentence."""
        return {
            Verdict.USE: "Other cells or other features lead to much the same matches.",
            Verdict.CAUTION: "Other cells or other features lead to partly the same matches.",
            Verdict.LABEL_ONLY: "A cell's matches say no more than its label: any cell of the label would do.",
            Verdict.NOT_MATCHED: "The label has no plan.",
        }[self]


@dataclass(frozen=True)
class Monitoring(Config):
    """What the monitor measures in addition to the losses."""

    stability: bool = option(
        True,
        help="Train again on halves of the cells and on halves of the features, and compare the matchings. Without it "
        "no label can be called 'use'.",
    )
    n_shuffles: int = option(
        0,
        minimum=0,
        maximum=1000,
        unit="shuffles",
        help="How often the labels are shuffled for the null; 0 skips it. The smallest p-value is 1 / (1 + shuffles).",
    )
    null_cells: int = option(
        1500,
        minimum=50,
        maximum=20000,
        unit="cells",
        help="Largest number of cells per modality in the null; larger data are sampled, each label in proportion.",
        advanced=True,
    )


@dataclass(frozen=True)
class SideEvidence:
    """How well one modality distinguishes a label, or all labels: held-out losses in nats per cell.

    Parameters
    ----------
    n_cells, n_validated
        Cells, and how many of them were held out.
    loss, raw_loss
        With and without calibration by the temperature.
    baseline
        Loss of a classifier that knows only the label frequencies: for a whole modality its label entropy.
    accuracy
        Share of held-out cells whose label is predicted correctly.
    gain, gain_error
        baseline − loss, and its standard error over cells.
    """

    n_cells: int
    n_validated: int
    loss: float
    raw_loss: float
    baseline: float
    accuracy: float
    gain: float
    gain_error: float

    @property
    def share(self) -> float:
        """Gain as a share of the baseline: 1 if all labels are predicted with certainty, 0 if nothing was learned."""
        return self.gain / self.baseline if self.baseline > 0 else float("nan")

    @property
    def is_distinguished(self) -> bool:
        """Whether the gain is above 0 by more than chance; never with fewer than two held-out cells."""
        return bool(np.isfinite(self.gain_error)) and self.gain > THRESHOLDS.standard_errors * self.gain_error


@dataclass(frozen=True)
class LabelEvidence:
    """All evidence on one label, and the verdict with its reasons.

    Parameters
    ----------
    agreement_cells, agreement_features
        Agreement of the matchings from halves of the cells and of the features: 1 same, 0 unrelated; NaN where not
        measured or where there is nothing to compare.
    n_effective
        Effective matches of the median source cell [cells].
    outcome
        How its matching ended: the name of an :class:`~psmatch_core.matching.coupling.Outcome`.
    reasons
        Why the label has its verdict, the decisive one first.
    advice
        What would help; empty where nothing is known to.
    """

    label: str
    source: SideEvidence
    target: SideEvidence
    agreement_cells: float
    agreement_features: float
    n_effective: float
    outcome: str
    flags: tuple[LabelFlag, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    advice: tuple[str, ...] = ()

    @property
    def agreement(self) -> float:
        """Mean of the two agreements, or the one that was measured; NaN if none was."""
        return nan_mean(np.array([self.agreement_cells, self.agreement_features]))


@dataclass(frozen=True)
class MonitorReport(HtmlSummary):
    """What a matching is good for. The evidence on the run and on each label.

    Parameters
    ----------
    names
        The two modalities.
    sides
        Evidence over all labels.
    temperatures
        Of both classifiers; above 1 a classifier is over-confident.
    agreement_cells, agreement_features
        Means over the labels, weighted by source cells; NaN if not measured.
    shared_mass
        Share of the weight on the same pairs in both matchings from halves of the cells.
    hidden
        Hidden labels found again; None if they cannot be asked.
    modalities
        Whether the modalities agree on which labels are alike; None where there are no logits of labels.
    null
        Of shuffled labels; None if not measured.
    verdict, reasons
        On the whole run.
    made_of
        Identifies the scores and plans that the report is about; a report on others is out of date.
    notes
        What was not measured, and why.
    epsilon
        The epsilon that the halves of the features support; None where it was not measured.
    """

    names: tuple[str, str]
    sides: tuple[SideEvidence, SideEvidence]
    temperatures: tuple[float, float]
    labels: tuple[LabelEvidence, ...]
    agreement_cells: float
    agreement_features: float
    shared_mass: float
    hidden: HiddenLabels | None
    modalities: ModalityAgreement | None
    null: Null | None
    verdict: Verdict
    reasons: tuple[str, ...]
    made_of: str = ""
    notes: tuple[str, ...] = ()
    epsilon: EpsilonByInformation | None = None

    @property
    def agreement(self) -> float:
        """Mean of the two agreements, or the one that was measured; NaN if none was."""
        return nan_mean(np.array([self.agreement_cells, self.agreement_features]))

    @property
    def is_measured(self) -> bool:
        """Whether matchings from halves were compared."""
        return bool(np.isfinite(self.agreement))

    @cached_property
    def by_label(self) -> Mapping[str, LabelEvidence]:
        """The evidence on each label by its name."""
        return {row.label: row for row in self.labels}

    @property
    def figures(self) -> RunFigures:
        """What was measured, as figures of the run."""
        found = {
            "agreement": self.agreement,
            "stability": self.agreement_cells,
            "shared_mass": self.shared_mass,
            "hidden_score": self.hidden.score if self.hidden is not None else float("nan"),
            "hidden_z": self.hidden.z if self.hidden is not None else float("nan"),
            "modality_agreement": self.modalities.means.value if self.modalities is not None else float("nan"),
        }
        return RunFigures(**found)

    def count(self, verdict: Verdict) -> int:
        """Number of labels with this verdict."""
        return sum(row.verdict is verdict for row in self.labels)

    def counted(self) -> str:
        """How many labels have which verdict, in words: ``12 use, 3 use with caution``."""
        return ", ".join(f"{self.count(each)} {each.value}" for each in Verdict if self.count(each))

    def table(self) -> pd.DataFrame:
        """One row a label, the best verdicts first and within them the best agreement."""
        rows = []
        for row in sorted(self.labels, key=lambda row: (row.verdict.level, -np.nan_to_num(row.agreement, nan=-1.0))):
            entry: dict[str, Any] = {
                "label": row.label,
                "verdict": row.verdict.value,
                "agreement": row.agreement,
                "agreement_cells": row.agreement_cells,
                "agreement_features": row.agreement_features,
                "reasons": "; ".join(row.reasons),
                "advice": "; ".join(row.advice),
                "flags": flag_names(row.flags),
            }
            for side, each in (("source", row.source), ("target", row.target)):
                entry[f"n_{side}"] = each.n_cells
                entry[f"loss_{side}"] = each.loss
                entry[f"raw_loss_{side}"] = each.raw_loss
                entry[f"baseline_{side}"] = each.baseline
            entry["n_effective"] = row.n_effective
            rows.append(entry)
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**to_plain(self), "format": FORMAT}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MonitorReport:
        """The report that :meth:`to_dict` described.

        Raises
        ------
        PsmatchError
            If another version wrote it, or it is damaged.
        """
        if data.get("format", 0) > FORMAT:
            raise PsmatchError("The monitor report was written by a later version.", hint="Measure again.")
        if data.get("format", 0) < FORMAT:
            raise PsmatchError(
                "The monitor report was written by an earlier version, whose verdicts followed other rules.",
                hint="Measure again.",
            )
        try:
            report = from_plain(data, cls)
            _ = [STATISTICS[each.name] for each in report.null.statistics] if report.null is not None else []
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PsmatchError(
                "The monitor report is damaged, or has entries that this version does not know.", hint="Measure again."
            ) from error
        return report

    def __repr__(self) -> str:
        return (
            f"MonitorReport({' → '.join(self.names)}: {self.verdict.title.lower()}; {self.counted()} of "
            f"{plural(len(self.labels), 'label')}, agreement {self.agreement:.2f})"
        )
