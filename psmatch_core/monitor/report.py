"""The monitor's report: the evidence on a run and on each label, the verdicts, and how they are written to a file."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base.config import Config, option
from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.base.records import from_plain, stored_by_name, to_plain
from psmatch_core.monitor.null import STATISTICS, Null
from psmatch_core.monitor.thresholds import THRESHOLDS

FORMAT = 1


@stored_by_name
class Verdict(enum.Enum):
    """Whether matches can be trusted; the value is its short form in tables."""

    BELIEVE = "trusted"
    WITH_CARE = "with caution"
    DO_NOT = "not trusted"

    @property
    def level(self) -> int:
        """0 for trusted, 2 for not trusted: the largest of several verdicts is the strictest."""
        return list(Verdict).index(self)

    @property
    def title(self) -> str:
        """The verdict as a heading."""
        return {
            Verdict.BELIEVE: "The matches can be trusted",
            Verdict.WITH_CARE: "Use with caution",
            Verdict.DO_NOT: "Do not trust these matches",
        }[self]


@dataclass(frozen=True)
class Monitoring(Config):
    """What the monitor measures in addition to the losses."""

    stability: bool = option(True, help="Train twice, each time on half of the cells, and compare the two matchings.")
    n_shuffles: int = option(
        20,
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
    """All evidence on one label, and the verdict with its reasons."""

    label: str
    source: SideEvidence
    target: SideEvidence
    stability: float
    shared_mass: float
    null_p: float
    n_effective: float
    outcome: str
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class MonitorReport:
    """Can this matching be trusted? The evidence on the run and on each label.

    Parameters
    ----------
    names
        The two modalities.
    sides
        Evidence over all labels.
    temperatures
        Of both classifiers; above 1 a classifier is over-confident.
    stability, shared_mass
        Over all labels; NaN if not measured.
    null
        None if not measured.
    verdict, reasons
        On the whole run.
    made_of
        Identifies the scores and plans that the report is about; a report on others is out of date.
    """

    names: tuple[str, str]
    sides: tuple[SideEvidence, SideEvidence]
    temperatures: tuple[float, float]
    labels: tuple[LabelEvidence, ...]
    stability: float
    shared_mass: float
    null: Null | None
    verdict: Verdict
    reasons: tuple[str, ...]
    made_of: str = ""
    notes: tuple[str, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """Number of labels with this verdict."""
        return sum(row.verdict is verdict for row in self.labels)

    def table(self) -> pd.DataFrame:
        """One row a label."""
        rows = []
        for row in self.labels:
            entry: dict[str, Any] = {"label": row.label, "verdict": row.verdict.value}
            for side, each in (("source", row.source), ("target", row.target)):
                entry[f"n_{side}"] = each.n_cells
                entry[f"loss_{side}"] = each.loss
                entry[f"raw_loss_{side}"] = each.raw_loss
                entry[f"baseline_{side}"] = each.baseline
            entry |= {
                "stability": row.stability,
                "null_p": row.null_p,
                "n_effective": row.n_effective,
                "reasons": "; ".join(row.reasons),
            }
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
            If a later version wrote it, or it is damaged.
        """
        if data.get("format", 0) != FORMAT:
            raise PsmatchError("The monitor report was written by a later version.", hint="Measure again.")
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
            f"MonitorReport({' → '.join(self.names)}: {self.verdict.title.lower()}; {self.count(Verdict.BELIEVE)} of "
            f"{plural(len(self.labels), 'label')} trusted, stability {self.stability:.2f})"
        )
