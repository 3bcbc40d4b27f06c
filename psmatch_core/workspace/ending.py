"""How a run ended and which of its results do not exist: what every reader of the run must know first."""

from __future__ import annotations

from typing import Any

from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, QUEUED, RUNNING, LastStage, RunFolder

LAST_STAGES = {LastStage.PROPENSITY: "the classifiers", LastStage.EVALUATION: "the evaluation"}
# In the order in which a run makes them; each exists if one of its files does.
PARTS: dict[str, tuple[files.RunFile[Any], ...]] = {
    "data": (files.LABEL_REPORT,),
    "classifiers": (files.PROPENSITY,),
    "matching": (files.COUPLING,),
    "evaluation": (files.EVALUATION, files.DISTRIBUTIONS),
    "table of labels": (files.LABELS,),
}
EXPORTS = "exports"


def describe_ending(folder: RunFolder) -> str:
    """How the run ended, in one or more sentences; empty if it finished with everything it makes."""
    status, missing = folder.status(), missing_parts(folder)
    last = LastStage(folder.job.get("stop_after", LastStage.MATCH))
    told = f"{status.problem} {status.hint}".strip()
    if status.state == DONE:
        if not missing:
            return ""
        stopped = LAST_STAGES.get(last)
        how = f"This run was asked to stop after {stopped}." if stopped else "This run is incomplete."
    elif status.state == QUEUED:
        how = "This run has not started yet."
    elif status.state == RUNNING:
        where = f" ({status.stage})" if status.stage else ""
        how = f"This run is still in progress{where}; this is what it has so far."
    elif status.state == FAILED:
        how = f"This run failed. {told}"
    elif status.state == CANCELLED:
        how = f"This run was cancelled before it was finished. {status.hint}"
    else:
        how = f"This run did not finish. {told}"
    return f"{how.strip()} {_absent(missing)}".strip()


def missing_parts(folder: RunFolder) -> tuple[str, ...]:
    """Results that the run does not have, in the order in which a run makes them."""
    missing = [name for name, made in PARTS.items() if not any(each.is_in(folder) for each in made)]
    has_exports = folder.exports.is_dir() and any(folder.exports.iterdir())
    return (*missing, *(() if has_exports else (EXPORTS,)))


def _absent(missing: tuple[str, ...]) -> str:
    if not missing:
        return ""
    *first, last = missing
    return f"It has no {', '.join(first)} and no {last}." if first else f"It has no {last}."
