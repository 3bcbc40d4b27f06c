"""Every file in a run's folder, declared once: its name on disk, what it holds, how it is read and written.

Whoever reads or writes such a file asks its entry: ``COUPLING.read(run, source, target)``, ``LABELS.is_in(run)``. The
folder itself knows four more: ``recipe.json``, ``job.json``, ``status.json`` and ``events.jsonl``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import pandas as pd

from psmatch_core.base import disk
from psmatch_core.base.array_files import write_by_columns
from psmatch_core.base.disk import of_this_version
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.checks import KnownPairs
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.modality import Modality
from psmatch_core.evaluation.distributions import Distributions
from psmatch_core.evaluation.evaluate import EvaluationSummary
from psmatch_core.evaluation.held_out import HeldOut, load_held_out
from psmatch_core.evaluation.within_labels import FeatureAccuracy
from psmatch_core.exploration.epsilon_path import load_epsilon_path, save_epsilon_path
from psmatch_core.monitor.report import MonitorReport
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.several_figures import SeveralFigures
from psmatch_core.translation.translate import DIRECTIONS
from psmatch_core.workspace.manifest import checked_file, is_listed, listed_anew
from psmatch_core.workspace.new_folder import check_there

FileContent = TypeVar("FileContent")

BOTH_SIDES = ("source", "target")
MAPS = ("pca", "umap")  # in the order in which they are drawn


class HasPath(Protocol):
    """A folder: of a run or of another job."""

    @property
    def path(self) -> Path: ...

    def check_writable(self) -> None: ...


@dataclass(frozen=True)
class RunFile(Generic[FileContent]):
    """One file of a run's folder, or one for each side, direction or map.

    Parameters
    ----------
    name
        On disk; ``{}`` stands for the side, direction or map.
    load
        Reads a path, with the results to which the file refers.
    save
        Writes a content to a path.
    which
        What ``{}`` can be.
    refers_to
        Files without which this one means nothing; whoever keeps its content in memory looks at their times too.
    """

    name: str
    load: Callable[..., FileContent] = field(repr=False)
    save: Callable[[FileContent, Path], object] = field(repr=False)
    which: tuple[str, ...] = ("",)
    refers_to: tuple[RunFile[Any], ...] = ()

    def path(self, folder: HasPath, which: str = "") -> Path:
        return folder.path / self.name.format(which)

    def paths(self, folder: HasPath) -> list[Path]:
        """The file of every side, direction or map, whether it is there or not."""
        return [self.path(folder, which) for which in self.which]

    def is_in(self, folder: HasPath, which: str = "") -> bool:
        """Whether the file is there; without ``which``, whether all of them are."""
        return all(path.exists() for path in ([self.path(folder, which)] if which else self.paths(folder)))

    def times(self, folder: HasPath) -> tuple[int, ...]:
        """When these files, and those to which they refer, were written [ns]; the key of a cache."""
        own = [path.stat().st_mtime_ns for path in self.paths(folder) if path.exists()]
        return (*own, *(time for each in self.refers_to for time in each.times(folder)))

    def read(self, folder: HasPath, *referred: object, which: str = "") -> FileContent | None:
        """The content; None if the file is not there.

        Parameters
        ----------
        referred
            The results to which it refers, such as both models of a coupling.

        Raises
        ------
        PsmatchError
            If another version wrote it, it is damaged, or it was there when the run ended and is missing now.
        """
        path = self.path(folder, which)
        if not os.path.lexists(path) and not is_listed(folder.path, path):
            return None
        return self.load(checked_file(folder.path, path), *referred)

    def write(self, folder: HasPath, content: FileContent, *, which: str = "") -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        PsmatchError
            If the folder may only be read, was removed, or the disk is full.
        """
        folder.check_writable()
        check_there(folder.path)
        path = self.path(folder, which)
        with listed_anew(folder.path, path):
            self.save(content, path)


def _record(
    name: str,
    kind: type[FileContent],
    which: tuple[str, ...] = ("",),
    *,
    to_data: Callable[[FileContent], Any] = to_plain,
) -> RunFile[FileContent]:
    """A JSON file of plain data, or of records that are declared by their class."""

    @of_this_version
    def load(path: Path) -> FileContent:
        return from_plain(json.loads(path.read_text(encoding="utf-8")), kind)

    return RunFile(name, load, lambda content, path: disk.write_json(path, to_data(content)), which)


def _table(name: str, *needed: str, which: tuple[str, ...] = ("",)) -> RunFile[pd.DataFrame]:
    """A parquet file with at least these columns."""

    @of_this_version
    def load(path: Path) -> pd.DataFrame:
        table = pd.read_parquet(path)
        for column in needed:
            if column not in table:
                raise KeyError(column)  # which becomes: written by another version, it lacks …
        return table

    def save(table: pd.DataFrame, path: Path) -> None:
        disk.write_whole(path, lambda stream: table.to_parquet(stream, index=False))

    return RunFile(name, load, save, which)


def _matrix(name: str, which: tuple[str, ...]) -> RunFile[np.ndarray]:
    """A dense matrix, mapped into memory when it is read; columns lie one after another, so that one is read alone."""

    def save(values: Any, path: Path) -> None:
        disk.write_whole(path, lambda stream: write_by_columns(stream, values))

    return RunFile(name, of_this_version(partial(np.load, mmap_mode="r", allow_pickle=False)), save, which)


def _csv(name: str, text_column: str, which: tuple[str, ...] = ("",)) -> RunFile[pd.DataFrame]:
    """A table for users too; its text stays text, an empty number is NaN."""

    @of_this_version
    def load(path: Path) -> pd.DataFrame:
        return pd.read_csv(path, dtype={text_column: str}, keep_default_na=False, na_values=[""])

    def save(table: pd.DataFrame, path: Path) -> None:
        disk.write_whole(path, lambda stream: table.to_csv(stream, index=False, encoding="utf-8"))

    return RunFile(name, load, save, which)


@dataclass(frozen=True)
class InputSummary:
    """One modality as a run has read it; ``sha256`` is that of its file, empty without one."""

    name: str
    n_cells: int
    n_features: int
    n_labels: int
    n_excluded: int
    fingerprint: str
    sha256: str = ""

    @classmethod
    def of_modality(cls, modality: Modality) -> InputSummary:
        return cls(
            name=modality.name,
            n_cells=modality.n_cells,
            n_features=modality.n_features,
            n_labels=len(modality.label_names),
            n_excluded=len(modality.excluded),
            fingerprint=modality.fingerprint,
            sha256=modality.file_hash,
        )


@dataclass(frozen=True)
class Inputs:
    """Both modalities as a run has read them."""

    source: InputSummary
    target: InputSummary

    def __getitem__(self, side: str) -> InputSummary:
        return {"source": self.source, "target": self.target}[side]


@dataclass(frozen=True)
class NamedSelection:
    """Cells that a user has selected and named: their side, how they were chosen, and their names."""

    side: str
    origin: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class SeveralRequest:
    """The files of several modalities by name, the reference first, and the preprocessing of each, as plain data."""

    files: dict[str, dict[str, Any]]
    preprocessing: dict[str, dict[str, Any]]


def _with_means(compared: dict[str, Distributions]) -> dict[str, Any]:
    return {direction: each.to_dict() for direction, each in compared.items()}


def _without_findings(report: LabelReport) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(report)
    return {name: value for name, value in plain.items() if name not in ("lookalikes", "findings", "suggestions")}


@of_this_version
def _load_monitor_report(path: Path) -> MonitorReport:
    try:
        data = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise PsmatchError("The monitor report of this run is damaged.", hint="Measure again.") from error
    return MonitorReport.from_dict(data)


def _save_monitor_report(report: MonitorReport, path: Path) -> None:
    disk.write_json(path, report.to_dict())


# Every run writes these, in this order; those of evaluation and translation as far as they apply to it.
ENVIRONMENT = _record("environment.json", dict[str, str])
DATA = RunFile("{}.npz", result_files.load_modality, result_files.save, BOTH_SIDES)
COLUMNS = _table("{}_columns.parquet", which=BOTH_SIDES)
EMBEDDINGS = _table("{}_embeddings.parquet", which=BOTH_SIDES)  # NAME/1 and NAME/2: the maps that came with the cells
LABEL_REPORT = _record("label_report.json", LabelReport, to_data=_without_findings)
INPUTS = _record("inputs.json", Inputs)
KNOWN_PAIRS = _record("known_pairs.json", KnownPairs)
PREPROCESSING = RunFile("{}_preprocessing.npz", result_files.load_preprocessing, result_files.save, BOTH_SIDES)
FEATURES = RunFile("{}_features.npz", result_files.load_modality, result_files.save, BOTH_SIDES)
PROPENSITY = RunFile("{}_propensity.npz", result_files.load_scored, result_files.save, BOTH_SIDES, (FEATURES,))
LINKED = RunFile("{}_linked.npz", result_files.load_linked, result_files.save, BOTH_SIDES, (FEATURES,))
NOTES = _record("notes.json", tuple[str, ...])
COUPLING = RunFile("coupling.npz", result_files.load_coupling, result_files.save, refers_to=(PROPENSITY, LINKED))
TRANSLATOR = RunFile("translator_{}.npz", result_files.load_translator, result_files.save, DIRECTIONS)
EVALUATION = _record("evaluation.json", EvaluationSummary)
EVALUATION_CELLS = _table("evaluation_cells.parquet", "cell", "label")
EVALUATION_LABELS = _table("evaluation_labels.parquet", "label")
# The same of held-out pairs; those above are of all pairs, whose cells both classifiers were trained on.
HELD_OUT_EVALUATION = _record("held_out_evaluation.json", EvaluationSummary)
HELD_OUT_EVALUATION_CELLS = _table("held_out_evaluation_cells.parquet", "cell", "label")
HELD_OUT_EVALUATION_LABELS = _table("held_out_evaluation_labels.parquet", "label")
HELD_OUT_SCORES = RunFile("{}_held_out_scores.npz", result_files.load_held_out_scores, result_files.save, BOTH_SIDES)
ACCURACY = _record("accuracy.json", dict[str, tuple[FeatureAccuracy, ...]])
DISTRIBUTIONS = _record("distributions.json", dict[str, Distributions], to_data=_with_means)
LABELS = _table("labels.parquet", "label", "n_source", "n_target", "status", "needs_attention", "note", "n_effective")
RUN_FIGURES = _record("observables.json", dict[str, float])
EARLIER_FIGURES = _record("figures.json", dict[str, float])  # versions until 0.1.0 wrote both
PREDICTED = _matrix("predicted_{}.npy", DIRECTIONS)
MEASURED = _matrix("measured_{}.npy", BOTH_SIDES)
MEASURED_NAMES = _record("{}_features_read.json", tuple[str, ...], BOTH_SIDES)
SCORE_MAP = RunFile("map_{}.npz", result_files.load_score_map, result_files.save, MAPS)
TRANSLATION_R2 = _csv("exports/translation_r2_{}.csv", "feature", DIRECTIONS)
# Written when a user asks for them.
HALF_SCORES = RunFile("{}_halves.npz", result_files.load_halves, result_files.save, BOTH_SIDES)
MONITOR_REPORT = RunFile("monitor.json", _load_monitor_report, _save_monitor_report)
SELECTIONS = _record("selections.json", dict[str, NamedSelection])
MARKERS = _table("markers.parquet", "comparison", "feature", "values", "effect", "within_part", "notes")
# In the folders of other jobs.
SWEEP_REQUEST = _record("sweep.json", dict[str, Any])
SEVERAL_REQUEST = _record("several.json", SeveralRequest)
SEVERAL_FIGURES = _record("several_figures.json", SeveralFigures)
HELD_OUT = RunFile("left_out.npz", load_held_out, HeldOut.save)
HELD_OUT_FIGURES = _record("left_out.json", dict[str, Any])
HELD_OUT_FEATURES = _csv("left_out_features.csv", "feature")
EPSILON_PATH = RunFile("ladder.npz", load_epsilon_path, save_epsilon_path)
