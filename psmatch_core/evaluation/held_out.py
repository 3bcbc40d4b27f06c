"""The result of leaving a label out: its predicted features next to the observed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from psmatch_core.base import array_files
from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.distributions import LABEL_MEAN, TRANSLATED, UNIFORM, Distributions

NO_CHANGE = "no_change"
LEAST_SHIFT = 0.05  # of a shift: a smaller difference from a uniform matching is no difference
CANDIDATES = (TRANSLATED, LABEL_MEAN, UNIFORM, NO_CHANGE)
CANDIDATE_TITLES = {
    TRANSLATED: "predicted",
    LABEL_MEAN: "mean of the training labels",
    UNIFORM: "uniform matching",
    NO_CHANGE: "no change from control",
    "floor": "floor: two halves of the observed cells",
}


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A label left out of preprocessing, classifiers, matching and translator, then predicted.

    Parameters
    ----------
    label, control
        The label, and the control from which its shift is measured (``other labels``: their mean, with equal weights).
    direction, input_name, output_name
        The modality predicted from, and the modality predicted.
    n_cells, n_observed, n_training
        Cells of the label that were predicted; its observed cells in the other modality; training cells, of the other
        labels and both modalities.
    features
        Names of the predicted features, ``(d,)``.
    spread
        Standard deviation of each feature over the training cells, ``(d,)``: the unit of all shifts.
    means
        Mean of each feature ``(d,)``, in its own units: ``observed``, and of each candidate.
    out_of_distribution
        Distances between the predicted and observed cells of the label, and those of the baselines.
    in_distribution
        The same for held-out cells of the training labels; None if none were held out.
    predicted
        Predicted features of the label's cells, ``(n_cells, d)``, and their names ``(n_cells,)``.
    notes
        What the user should know.
    """

    label: str
    control: str
    direction: str
    input_name: str
    output_name: str
    n_cells: int
    n_observed: int
    n_training: int
    features: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)
    means: Mapping[str, np.ndarray] = field(repr=False)
    out_of_distribution: Distributions
    in_distribution: Distributions | None
    predicted: np.ndarray = field(repr=False)
    obs_names: np.ndarray = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def shifts(self) -> dict[str, np.ndarray]:
        """Difference from the mean of the control in standard deviations ``(d,)``, observed and for each candidate."""
        return {name: (mean - self.means[NO_CHANGE]) / self.spread for name, mean in self.means.items()}

    @cached_property
    def shift_explained(self) -> dict[str, float]:
        """1 − squared error of the mean / squared observed shift, over features in standard deviations.

        1 is perfect, 0 is the value of "no change from control", and below 0 is worse than that.
        """
        total = float(np.sum(self.shifts["observed"] ** 2))
        return {
            name: 1 - float(np.sum((self.shifts["observed"] - self.shifts[name]) ** 2)) / total
            if total > 0
            else float("nan")
            for name in CANDIDATES
        }

    @cached_property
    def shift_correlation(self) -> dict[str, float]:
        """Pearson correlation of predicted and observed shifts over features; NaN for "no change"."""
        return {name: _correlation(self.shifts[name], self.shifts["observed"]) for name in CANDIDATES}

    @cached_property
    def mean_correlation(self) -> dict[str, float]:
        """Pearson correlation of predicted and observed means over features.

        A weak measure: the level of a gene hardly depends on the perturbation, so that "no change" often reaches 0.99.
        """
        return {name: _correlation(self.means[name], self.means["observed"]) for name in CANDIDATES}

    def table(self) -> pd.DataFrame:
        """One row per feature, largest observed shift first: the means, and the shifts in standard deviations."""
        order = np.argsort(-np.abs(self.shifts["observed"]), kind="stable")
        columns: dict[str, np.ndarray] = {"feature": self.features, "observed": self.means["observed"]}
        columns |= {name: self.means[name] for name in CANDIDATES}
        columns |= {f"shift_{name}": self.shifts[name] for name in ("observed", TRANSLATED, LABEL_MEAN, UNIFORM)}
        return pd.DataFrame(columns).iloc[order].reset_index(drop=True)

    def finding(self) -> str:
        """One sentence: how much of the shift is explained, beside a uniform matching and the mean of the labels."""
        explained = self.shift_explained
        mine, uniform, mean = (explained[name] for name in (TRANSLATED, UNIFORM, LABEL_MEAN))
        said = f"{mine:.0%} of its shift from {self.control} is explained, by a uniform matching {uniform:.0%}"
        if mine != mine or uniform != uniform:
            return f"{self.label} does not differ from {self.control}, so there is no shift to explain"
        if mine <= 0:
            said += ": no better than predicting no change"
        elif mine - uniform >= LEAST_SHIFT:
            said += f": the matching adds {100 * (mine - uniform):.0f} points"
        elif uniform - mine >= LEAST_SHIFT:
            said += ": the matching makes it worse"
        else:
            said += ": no better than uniform"
        return said + (f" (mean of the training labels {mean:.0%})" if mean >= mine else "")

    def same_direction(self, top: int = 20, candidate: str = TRANSLATED) -> tuple[int, int]:
        """How many of the ``top`` most shifted features a candidate predicts in the observed direction, of how many."""
        head = self.table().head(top)
        moved = head["shift_observed"] != 0
        agree = np.sign(head["shift_observed"]) == np.sign(head[f"shift_{candidate}"])
        return int((agree & moved).sum()), int(moved.sum())

    def summary(self) -> pd.DataFrame:
        """One row per candidate: how much of the shift it explains, correlations, and its distances."""
        distances = self.out_of_distribution.micro
        rows = [
            {
                "candidate": CANDIDATE_TITLES[name],
                "shift_explained": self.shift_explained.get(name, np.nan),
                "shift_correlation": self.shift_correlation.get(name, np.nan),
                "mean_correlation": self.mean_correlation.get(name, np.nan),
                **distances[name],
            }
            for name in self.out_of_distribution.candidates
        ]
        return pd.DataFrame(rows)

    def report(self, top: int = 10) -> str:
        """The result as text: the candidates, the most shifted features, and notes."""
        agree, moved = self.same_direction()
        shown = self.table().head(top)[
            ["feature", "observed", TRANSLATED, NO_CHANGE, "shift_observed", "shift_translated"]
        ]
        parts = [
            f"{self.label} left out: {self.output_name} predicted for {self.n_cells:,} {self.input_name} cells "
            f"({self.direction.replace('_', ' ')}) and compared with {self.n_observed:,} observed cells; control: "
            f"{self.control}.",
            f"{self.finding()}. One label is one trial.",
            self.summary().to_string(index=False, float_format=lambda value: f"{value:.3f}"),
            f"\nMost shifted features (shifts in standard deviations; {agree} of {moved} in the observed direction, "
            f"by a uniform matching {self.same_direction(candidate=UNIFORM)[0]}):",
            shown.to_string(index=False, float_format=lambda value: f"{value:.3f}"),
        ]
        if self.in_distribution is not None and self.in_distribution.per_label:
            parts.append(f"\nIn distribution: held-out cells of the other labels.\n{self.in_distribution.report()}")
        return "\n".join([*parts, *(["\nNotes:"] if self.notes else []), *(f"  {each}" for each in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a report, without the arrays."""
        return {
            "label": self.label,
            "control": self.control,
            "direction": self.direction,
            "input_name": self.input_name,
            "output_name": self.output_name,
            "n_cells": self.n_cells,
            "n_observed": self.n_observed,
            "n_training": self.n_training,
            "shift_explained": self.shift_explained,
            "shift_correlation": self.shift_correlation,
            "mean_correlation": self.mean_correlation,
            "same_direction_of_top_20": list(self.same_direction()),
            "same_direction_of_top_20_uniform": list(self.same_direction(candidate=UNIFORM)),
            "out_of_distribution": self.out_of_distribution.to_dict(),
            "in_distribution": self.in_distribution.to_dict() if self.in_distribution else None,
            "settings": dict(self.settings),
            "notes": list(self.notes),
        }

    def save(self, path: Path | str) -> Path:
        """Write the result to one npz file, which :func:`load_held_out` reads."""
        arrays = {f"means/{name}": values for name, values in self.means.items()}
        arrays |= {
            "features": np.asarray(self.features, dtype=str),
            "spread": self.spread,
            "predicted": self.predicted.astype(np.float32),
            "obs_names": np.asarray(self.obs_names, dtype=str),
        }
        return array_files.write_arrays(Path(path), arrays, self.to_dict())

    def __repr__(self) -> str:
        return (
            f"HeldOut({self.label} left out, {self.direction}: explains {self.shift_explained[TRANSLATED]:.2f} of its "
            f"shift from {self.control} (uniform matching {self.shift_explained[UNIFORM]:.2f}, training labels' mean "
            f"{self.shift_explained[LABEL_MEAN]:.2f}, no change 0))"
        )


def load_held_out(path: Path | str) -> HeldOut:
    """The result in a file that :meth:`HeldOut.save` wrote.

    Returns
    -------
    The result as it was saved.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> source = psmatch.Modality.from_anndata(rna, label_key="label", name="RNA")
    >>> target = psmatch.Modality.from_anndata(image, label_key="label", name="Image")
    >>> place = Path(tempfile.mkdtemp())
    >>> quick = psmatch.Recipe(classifier=psmatch.LinearClassifier(strength=0.05))
    >>> found = psmatch.leave_label_out(quick, source, target, "STAT1")
    >>> psmatch.load_held_out(found.save(place / "found.npz")).label
    'STAT1'
    """
    arrays, meta = array_files.read_arrays(Path(path))
    if "out_of_distribution" not in meta:
        raise PsmatchError(
            f"{Path(path).name} contains no left-out label.", hint="Give a file that `psmatch leave-out` wrote."
        )
    within = meta["in_distribution"]
    kept = ("label", "control", "direction", "input_name", "output_name", "n_cells", "n_observed", "n_training")
    return HeldOut(
        **{name: meta[name] for name in kept},
        features=arrays["features"],
        spread=arrays["spread"],
        means={name.partition("/")[2]: values for name, values in arrays.items() if name.startswith("means/")},
        out_of_distribution=Distributions.from_dict(meta["out_of_distribution"]),
        in_distribution=Distributions.from_dict(within) if within else None,
        predicted=arrays["predicted"],
        obs_names=arrays["obs_names"],
        settings=meta["settings"],
        notes=tuple(meta["notes"]),
    )


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if one.std() == 0 or other.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])
