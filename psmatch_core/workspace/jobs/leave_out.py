"""Leaving a label out as a job: the label is predicted without its own cells, and compared with what was measured.

``left_out.npz``  the result;  ``left_out.json``  its figures;  ``left_out_features.csv``  the means and shifts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.feature_names import with_ids
from psmatch_core.evaluation.held_out import HeldOut
from psmatch_core.pipeline.inputs import read_inputs
from psmatch_core.pipeline.leave_out import LeaveOut, choose_control, for_prepared_cells, leave_label_out
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.workspace import files, results
from psmatch_core.workspace.expected_seconds import expected_seconds
from psmatch_core.workspace.job import LabelJob, Work
from psmatch_core.workspace.run_folder import RunFolder


class LeaveOutJob(LabelJob):
    """One label left out of everything and predicted."""

    kind = "leave_out"
    noun = "run"
    place = "left_out"
    settings_key = "leave_out"

    @classmethod
    def create(cls, run: RunFolder, label: str, how: LeaveOut) -> Self:
        """A new job of a run, ready for a worker; it takes the run's recipe and its cells.

        Raises
        ------
        PsmatchError
            If the run has no data yet, or the label cannot be left out; no process has started then.
        """
        report, inputs = files.LABEL_REPORT.read(run), files.INPUTS.read(run)
        if report is None or inputs is None or not files.DATA.is_in(run):
            raise PsmatchError("This run has no data yet.", hint="Start the run first.")
        shared = {
            inputs[side].name: {name: report.counts(side)[name] for name in report.shared} for side in files.BOTH_SIDES
        }
        choose_control(label, how, shared)
        return cls(RunFolder.create(run.place_for(cls.place), run.recipe, **cls._asked(label, **how.to_dict())))

    @classmethod
    def create_at(cls, path: Path, recipe: Recipe, label: str, how: LeaveOut) -> Self:
        """A job in a folder of its own, which reads the files that the recipe names."""
        return cls(RunFolder.create_at(path, recipe, **cls._asked(label, **how.to_dict())))

    @property
    def title(self) -> str:
        return f"Leaving out {self.label}"

    @property
    def how(self) -> LeaveOut:
        """The settings."""
        settings = self.settings
        settings.pop("label", None)
        return LeaveOut.from_dict(settings)

    def do(self, work: Work) -> None:
        with work.turn(expected_seconds(self.folder.recipe, work.cache, trains=True)) as turn:
            if turn is not None:
                work.log.status(started=time.time())
            with self.computing():
                self._leave_out(work)

    def _leave_out(self, work: Work) -> None:
        from psmatch_core.exports.provenance import versions

        files.ENVIRONMENT.write(self.folder, versions())
        recipe = self.folder.recipe
        if self.folder.path.parent.name == self.place and files.DATA.is_in(self.run):
            sides, recipe = results.load_modalities(self.run), for_prepared_cells(recipe)
        else:
            sides = read_inputs(recipe, progress=work.log)
        found = leave_label_out(recipe, *sides, self.label, how=self.how, progress=work.log)
        predicted = sides[1 if found.direction == TO_SOURCE else 0]
        files.HELD_OUT_FEATURES.write(self.folder, with_ids(found.table(), predicted.id_by_name))
        files.HELD_OUT_FIGURES.write(self.folder, found.to_dict())
        files.HELD_OUT.write(self.folder, found)

    def result(self) -> HeldOut | None:
        """The prediction beside what was measured; None until the job is done."""
        return files.HELD_OUT.read(self.folder) if self.is_done else None
