"""A sweep as a job: many runs of one recipe with some settings varied, one after another; some at once on a cluster.

Its folder holds ``sweep.json`` (what is varied), ``recipe.json`` (the base) and ``runs/``, one run's folder per point.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from psmatch_core.base.cores import side_by_side
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Event, Progress
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files
from psmatch_core.workspace.expected_seconds import expected_seconds
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.run_folder import CANCELLED, DONE, LastStage, RunFolder, RunStatus, new_id
from psmatch_core.workspace.sweeps.points import Sweep, describe_point
from psmatch_core.workspace.worker import execute

RUNS_ON_A_CLUSTER = 4  # at once: each holds its data where the sweep runs


class SweepJob(Job):
    """Many runs with some settings varied; a run that fails is a row with its reason, and the sweep continues."""

    kind = "sweep"
    noun = "sweep"
    place = "sweeps"  # in the workspace

    @classmethod
    def create(cls, root: Path, base: RunFolder, sweep: Sweep, *, stability: bool = True) -> Self:
        """A new sweep over the settings of a run, in the workspace at ``root``.

        Raises
        ------
        PsmatchError
            For an option or a value that does not exist, before anything is written.
        """
        sweep_id = new_id()
        partial = root / cls.place / f".{sweep_id}"  # not the id of a sweep yet, so it is not listed before it is whole
        made = cls.create_at(partial, base.recipe, sweep, base_id=base.id, stability=stability)
        return cls(RunFolder(made.path.rename(root / cls.place / sweep_id)))

    @classmethod
    def create_at(cls, path: Path, recipe: Recipe, sweep: Sweep, *, base_id: str = "", stability: bool = True) -> Self:
        """A sweep in a folder of its own.

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
        folder = RunFolder.create_at(path, recipe, stop_after=LastStage.EVALUATION, name=name, kind=cls.kind)
        files.SWEEP_REQUEST.write(folder, {**sweep.to_dict(), "base": base_id, "stability": stability})
        return cls(folder)

    @property
    def title(self) -> str:
        return "The sweep"

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def recipe(self) -> Recipe:
        """The settings that all runs share."""
        return self.folder.recipe

    @cached_property
    def about(self) -> dict[str, Any]:
        """What was asked for."""
        return files.SWEEP_REQUEST.read(self.folder) or {}

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep.from_dict(self.about)

    def damage(self) -> PsmatchError | None:
        """Why it cannot be opened, and what to do; None if it can."""
        try:
            self.recipe, self.sweep, self.base_id, self.has_stability  # noqa: B018 - reading them is the question
        except (PsmatchError, LookupError, TypeError, ValueError, AttributeError):
            return PsmatchError(
                f"The sweep {self.id} cannot be read: its files are damaged, or another version wrote them.",
                hint="Start it again over the same settings, and delete this one.",
            )
        return None

    @property
    def base_id(self) -> str:
        """The run from which it was started; empty if that was a recipe."""
        return str(self.about["base"])

    @property
    def has_stability(self) -> bool:
        return bool(self.about["stability"])

    @property
    def runs(self) -> tuple[RunFolder, ...]:
        """One folder per point, in order; the folder of a run that has not started does not exist yet."""
        return tuple(RunFolder(self.path / "runs" / f"{index:04d}") for index in range(self.sweep.n_points))

    @property
    def names(self) -> tuple[str, ...]:
        """What every run varies, in words."""
        return tuple(describe_point(point) for point in self.sweep.points)

    def statuses(self) -> tuple[RunStatus | None, ...]:
        """Where every run stands; None if it has not started."""
        return tuple(run.status() if (run.path / "status.json").exists() else None for run in self.runs)

    def do(self, work: Work) -> None:
        """Do all runs that are not done yet, each in its own turn: other jobs wait for a point, not for the sweep."""
        points = list(enumerate(zip(self.runs, self.sweep.recipes(self.recipe), self.names, strict=True)))
        with self.computing() as executor:
            n_at_once = 1 if executor is None else RUNS_ON_A_CLUSTER  # here each run uses all cores
            for start in range(0, len(points), n_at_once):
                side_by_side(lambda point: self._do_run(work, *point), points[start : start + n_at_once])
        statuses = self.statuses()
        if not any(status is not None and status.state == DONE for status in statuses):
            first = self.runs[0].status()
            raise PsmatchError(f"All runs of this sweep failed; the first: {first.problem}", hint=first.hint)

    def _do_run(self, work: Work, index: int, point: tuple[RunFolder, Recipe, str]) -> None:
        run, recipe, name = point
        if _is_complete(run):
            return
        cache = work.cache or self.path / "stages"
        with work.turn(expected_seconds(recipe, cache, trains=self.has_stability)):
            progress = _as_part(work.log, index, self.sweep.n_points, name)
            progress(Event("begin", 0.0))
            recipe = replace(recipe, monitoring=replace(recipe.monitoring, stability=self.has_stability))
            RunFolder.create_at(run.path, recipe, stop_after=LastStage.EVALUATION, name=name, is_repeated=True)
            if execute(RunJob(run), cache=cache, also=progress).state == CANCELLED:
                raise Cancelled


def open_sweep(path: Path) -> SweepJob:
    """The sweep in a folder.

    Raises
    ------
    PsmatchError
        If there is none.
    """
    folder = RunFolder(path)
    if not files.SWEEP_REQUEST.is_in(folder):
        raise PsmatchError(f"The folder {path.name} contains no sweep.", hint="Give the folder of a sweep or of a run.")
    return SweepJob(folder)


def _is_complete(run: RunFolder) -> bool:
    return (run.path / "status.json").exists() and run.status().state == DONE


def _as_part(log: Progress, index: int, total: int, name: str) -> Progress:
    """The progress of one run as progress of the sweep; the numbers of its epochs stay in the run's own folder."""

    def report(event: Event, /) -> None:
        stage = event.stage.partition(":")[0]
        log(Event("sweep", index / total, f"run {index + 1} of {total} ({name}): {stage}"))

    return report
