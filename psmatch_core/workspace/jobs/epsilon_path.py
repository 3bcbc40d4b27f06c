"""The epsilon path of one label as a job: its plans from sharp to smooth, solved once for the slider of a page.

``ladder.npz``  every plan that is solved so far. A page only reads it and never solves anything itself.
"""

from __future__ import annotations

import time
from typing import Self

from psmatch_core.base.errors import PsmatchError
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.epsilon_grid import adjustable_matcher
from psmatch_core.exploration.epsilon_path import EpsilonPath
from psmatch_core.exploration.solve_path import solve_epsilon_path
from psmatch_core.matching.matchers.problem import Answer
from psmatch_core.workspace import files, results
from psmatch_core.workspace.job import LabelJob, Work
from psmatch_core.workspace.run_folder import RunFolder

SAVE_SECONDS = 1.0  # between two versions of the file that a page reads while the path is solved; each is some MB


class EpsilonPathJob(LabelJob):
    """The plans of one label over the values of epsilon (or k); it does not wait in the queue, since a user waits."""

    kind = "epsilon_path"
    noun = "run"
    place = "ladders"  # this and the next two names are on disk since version 0.1.0
    settings_key = "ladder"

    @classmethod
    def create(cls, run: RunFolder, label: str) -> Self:
        """A new job of a run, ready for a worker.

        Raises
        ------
        PsmatchError
            If the run has no scores yet, or its method has nothing to vary; no process has started then.
        """
        if not results.has_propensities(run):
            raise PsmatchError("This run has no propensity scores yet.", hint="Train the propensity models first.")
        adjustable_matcher(run.recipe.matcher)
        return cls(RunFolder.create(run.place_for(cls.place), run.recipe, **cls._asked(label)))

    @classmethod
    def current(cls, run: RunFolder, label: str) -> Self | None:
        """The newest job of a label if it works or is done; None if there is none, or it failed or was cancelled."""
        job = cls.latest(run, label)
        return job if job is not None and (job.is_active or job.is_done) else None

    @property
    def title(self) -> str:
        return f"Solving {self.label} from sharp to smooth"

    def do(self, work: Work) -> None:
        run, recipe, label = self.run, self.folder.recipe, self.label
        models = results.load_models(run)
        last = 0.0

        def save_sometimes(part: EpsilonPath) -> None:
            nonlocal last
            if time.monotonic() - last > SAVE_SECONDS:
                files.EPSILON_PATH.write(self.folder, part)
                last = time.monotonic()

        found = solve_epsilon_path(
            *models,
            recipe.matcher,
            label=label,
            judging=recipe.judging,
            own_answer=_plan_of_run(run, models, label),
            seed=recipe.seed,
            progress=work.log,
            on_step=save_sometimes,
        )
        files.EPSILON_PATH.write(self.folder, found)

    def result(self, models: tuple[ScoredModality, ScoredModality]) -> EpsilonPath | None:
        """The path as far as it is solved; None before its first plan."""
        return files.EPSILON_PATH.read(self.folder, *models, self.folder.recipe.seed)


def _plan_of_run(run: RunFolder, models: tuple[ScoredModality, ScoredModality], label: str) -> Answer | None:
    """The run's own plan of a label and its status; None if the run has none."""
    if not results.has_coupling(run):
        return None
    coupling = results.load_matching(run, models)
    status = next((each for each in coupling.statuses if each.label == label), None)
    return None if status is None or label not in coupling.blocks else (coupling.blocks[label], status)
