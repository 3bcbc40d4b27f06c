"""The epsilon path of a label as a job: a folder in the run's own, with a worker, status and events like a run.

``ladder.npz``  the steps of one label that are solved so far. A page only reads it: it never solves anything itself.
"""

from __future__ import annotations

import time

from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.progress import Progress
from psmatch_core.classification.scored_modality import ScoredModality
from psmatch_core.exploration.epsilon_grid import adjustable_matcher
from psmatch_core.exploration.epsilon_path import EpsilonPath, load_epsilon_path, save_epsilon_path
from psmatch_core.exploration.solve_path import solve_epsilon_path
from psmatch_core.matching.matchers.base import Answer
from psmatch_core.workspace.results import has_propensities, load_matching, load_models
from psmatch_core.workspace.run_folder import DONE, RunFolder

FOLDER, RESULT = "ladders", "ladder"  # names on disk since version 0.1.0
SHOWN_EVERY = 1.0  # s between two writes of an unfinished path for a page to show: a file of a few MB each


def create(run: RunFolder, label: str) -> RunFolder:
    """A new job's folder within a run's, ready for a worker; an earlier one of the label is replaced.

    Raises
    ------
    PsmatchError
        Where the run has no scores yet, or its method nothing to vary: said before any process starts.
    """
    if not has_propensities(run):
        raise PsmatchError("This run has no propensity scores yet.", hint="Train the propensity models first.")
    adjustable_matcher(run.recipe.matcher)
    return RunFolder.create(run.path / FOLDER, run.recipe, name=label, ladder={"label": label})


def every(run: RunFolder) -> list[RunFolder]:
    """The jobs of a run, newest first."""
    root = run.path / FOLDER
    found = [RunFolder(path) for path in root.iterdir() if (path / "job.json").exists()] if root.is_dir() else []
    return sorted(found, key=lambda each: each.id, reverse=True)


def of(run: RunFolder, label: str) -> RunFolder | None:
    """The job of a label that works or is done; None where it was never asked for, failed, or was cancelled."""
    for job in every(run):
        if job.job["ladder"]["label"] == label:
            status = job.status()
            return job if status.is_active or status.state == DONE else None
    return None


def latest(run: RunFolder, label: str) -> RunFolder | None:
    """The newest job of a label, however it ended."""
    return next((job for job in every(run) if job.job["ladder"]["label"] == label), None)


def is_one(folder: RunFolder) -> bool:
    """Whether a folder is such a job and not a run."""
    return "ladder" in folder.job


def do(folder: RunFolder, progress: Progress) -> EpsilonPath:
    """Do the job of a folder; its file exists from the first step on, and grows."""
    run = RunFolder(folder.path.parents[1])
    recipe = folder.recipe
    models = load_models(run)
    label = str(folder.job["ladder"]["label"])
    last = 0.0

    def on_step(part: EpsilonPath) -> None:
        nonlocal last
        if time.monotonic() - last > SHOWN_EVERY:
            save_epsilon_path(part, folder.stage_file(RESULT))
            last = time.monotonic()

    found = solve_epsilon_path(
        *models,
        recipe.matcher,
        label=label,
        judging=recipe.judging,
        own_answer=_own_answer(run, models, label),
        seed=recipe.seed,
        progress=progress,
        on_step=on_step,
    )
    save_epsilon_path(found, folder.stage_file(RESULT))
    return found


def _own_answer(run: RunFolder, models: tuple[ScoredModality, ScoredModality], label: str) -> Answer | None:
    """The run's own plan of a label and how it went; None where it has none."""
    if not run.stage_file("coupling").exists():
        return None
    coupling = load_matching(run, models)
    status = next((each for each in coupling.statuses if each.label == label), None)
    return None if status is None or label not in coupling.blocks else (coupling.blocks[label], status)


def result(job: RunFolder, models: tuple[ScoredModality, ScoredModality]) -> EpsilonPath | None:
    """The path of a job, as far as it is solved; None before its first step."""
    path = job.stage_file(RESULT)
    return load_epsilon_path(path, *models, seed=job.recipe.seed) if path.exists() else None
