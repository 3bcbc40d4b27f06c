"""Leaving a label out as a job: the label is predicted without its own cells, and compared with what was measured.

``left_out.npz``  the result;  ``left_out.json``  its figures;  ``left_out_features.csv``  the means and shifts.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Self

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.evaluation.held_out import HeldOut, load_held_out
from psmatch_core.pipeline.inputs import load_inputs
from psmatch_core.pipeline.leave_out import LeaveOut, choose_control, leave_label_out, without_renaming
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import results
from psmatch_core.workspace.job import LabelJob, Work
from psmatch_core.workspace.run_folder import RunFolder

RESULT = "left_out"


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
        report, inputs = results.load_facts(run, "label_report"), results.load_facts(run, "inputs")
        if not report or not inputs or not run.stage_file("target").exists():
            raise PsmatchError("This run has no data yet.", hint="Start the run first.")
        sides = ("source", "target")
        counts = {side: {label: report[f"{side}_counts"][label] for label in report["shared"]} for side in sides}
        choose_control(label, how, {inputs[side]["name"]: counts[side] for side in sides})
        return cls(RunFolder.create(run.path / cls.place, run.recipe, **cls._asked(label, **how.to_dict())))

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
        del settings["label"]
        return LeaveOut.from_dict(settings)

    def do(self, work: Work) -> None:
        with work.turn() as turn:
            if turn is not None:
                work.log.status(started=time.time())
            self._leave_out(work)

    def _leave_out(self, work: Work) -> None:
        from psmatch_core.exports.provenance import versions

        disk.write_json(self.folder.path / "environment.json", versions())
        recipe = self.folder.recipe
        if self.folder.path.parent.name == self.place and self.run.stage_file("target").exists():
            sides, recipe = results.load_inputs(self.run), without_renaming(recipe)
        else:
            sides = load_inputs(recipe, progress=work.log)
        found = leave_label_out(recipe, *sides, self.label, how=self.how, progress=work.log)
        table = found.table()
        disk.write_whole(
            self.folder.path / f"{RESULT}_features.csv",
            lambda stream: table.to_csv(stream, index=False, encoding="utf-8"),
        )
        disk.write_json(self.folder.path / f"{RESULT}.json", found.to_dict())
        found.save(self.folder.stage_file(RESULT))

    def result(self) -> HeldOut | None:
        """The prediction beside what was measured; None until the job is done."""
        path = self.folder.stage_file(RESULT)
        return load_held_out(path) if path.exists() and self.is_done else None
