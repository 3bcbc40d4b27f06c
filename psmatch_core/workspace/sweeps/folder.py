"""A sweep is a folder of runs: what is varied, where it stands, and one run's folder for every point."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace.run_folder import RunFolder, RunStatus
from psmatch_core.workspace.sweeps.points import Sweep, described

SWEEP_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{12}")
ABOUT = "sweep.json"
FOLDER = "sweeps"  # in the workspace


@dataclass(frozen=True)
class SweepFolder:
    """One sweep's folder: ``sweep.json``, ``recipe.json`` (the base), status and events as a run has, ``runs/``."""

    path: Path

    @classmethod
    def create(
        cls, path: Path, recipe: Recipe, sweep: Sweep, *, base_id: str = "", stability: bool = True
    ) -> SweepFolder:
        """A new folder, ready for its worker.

        Parameters
        ----------
        base_id
            The run from which the settings and the measured times come.
        stability
            Whether match stability is measured for every run, which trains each classifier twice more.

        Raises
        ------
        PsmatchError
            For an option or a value that does not exist, before anything is written.
        """
        sweep.recipes(recipe)
        name = "; ".join(f"{axis.name} = {', '.join(map(str, axis.values))}" for axis in sweep.axes)
        job = RunFolder.create_at(path, recipe, stop_after="evaluation", name=name)
        disk.write_json(job.path / ABOUT, {**sweep.to_dict(), "base": base_id, "stability": stability})
        return cls(path)

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def job(self) -> RunFolder:
        """Status, events, lock and log of the worker that does the runs."""
        return RunFolder(self.path)

    @cached_property
    def about(self) -> dict[str, Any]:
        """What was asked for."""
        return dict(json.loads((self.path / ABOUT).read_text(encoding="utf-8")))

    @property
    def sweep(self) -> Sweep:
        return Sweep.from_dict(self.about)

    @property
    def base_id(self) -> str:
        """The run from which it was started; empty where that was a recipe."""
        return str(self.about["base"])

    @property
    def has_stability(self) -> bool:
        return bool(self.about["stability"])

    @property
    def name(self) -> str:
        return str(self.job.job.get("name", ""))

    @property
    def created(self) -> float:
        """Seconds since the epoch."""
        return float(self.job.job.get("created", 0.0))

    @property
    def runs(self) -> tuple[RunFolder, ...]:
        """One folder a point, in order; those that have not begun do not exist yet."""
        return tuple(RunFolder(self.path / "runs" / f"{index:04d}") for index in range(self.sweep.n_points))

    @property
    def names(self) -> tuple[str, ...]:
        """What every run varies, in words."""
        return tuple(described(point) for point in self.sweep.points)

    def statuses(self) -> tuple[RunStatus | None, ...]:
        """Where every run stands; None where it has not begun."""
        return tuple(run.status() if (run.path / "status.json").exists() else None for run in self.runs)


def open_sweep(path: Path) -> SweepFolder:
    """The sweep in a folder.

    Raises
    ------
    PsmatchError
        If there is none.
    """
    if not (path / ABOUT).exists():
        raise PsmatchError(f"The folder {path.name} holds no sweep.", hint="Give the folder of a sweep or of a run.")
    return SweepFolder(path)


def list_sweeps(root: Path) -> list[SweepFolder]:
    """All sweeps under a folder, newest first."""
    if not root.exists():
        return []
    found = [SweepFolder(path) for path in root.iterdir() if SWEEP_ID.fullmatch(path.name) and (path / ABOUT).exists()]
    return sorted(found, key=lambda each: each.id, reverse=True)
