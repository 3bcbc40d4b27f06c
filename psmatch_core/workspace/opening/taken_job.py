"""A run or another job taken from its folder: its files, what was asked for, how it ended, and the jobs inside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import PsmatchError
from psmatch_core.base.records import from_plain, to_plain
from psmatch_core.data.readers import shown_name
from psmatch_core.pipeline.recipe import Recipe
from psmatch_core.workspace import files, results
from psmatch_core.workspace.job import EXECUTOR_KEY, SingleJob
from psmatch_core.workspace.jobs import JOBS
from psmatch_core.workspace.jobs.run import RunJob
from psmatch_core.workspace.jobs.several import SeveralJob
from psmatch_core.workspace.manifest import MANIFEST, VERSION_OF_MANIFEST, listed_anew, listed_files
from psmatch_core.workspace.opening.named_data import MayRead, NamedData
from psmatch_core.workspace.opening.taken_files import (
    COPY_AGAIN,
    MOST_RESULT_FILES,
    damaged_error,
    read_list,
    take_file,
)
from psmatch_core.workspace.ownership import OWNER
from psmatch_core.workspace.run_facts import NOTE_FILE, read_note, write_note
from psmatch_core.workspace.run_folder import DONE, RUN_ID, LastStage, RunFolder, RunStatus

OF_THE_ORIGIN = (EXECUTOR_KEY, OWNER, "opened")  # of job.json: who made it, and with which cluster, is not for here
LARGEST_STATE = 2**24  # bytes of job.json and status.json


@dataclass(frozen=True)
class TakenResult:
    """What was taken.

    Parameters
    ----------
    job
        What ``job.json`` is to say.
    made
        When it was computed [seconds since the epoch].
    version
        Of the psmatch that computed it.
    left_out
        Parts that were not taken.
    """

    job: Mapping[str, Any]
    made: float
    version: str
    left_out: tuple[str, ...] = ()


def take_job(origin: Path, place: Path, final: Path, may_read: MayRead) -> TakenResult:
    """Copy a finished run, or a matching of several modalities of another workspace, with the jobs inside it.

    Parameters
    ----------
    place
        A new folder that is filled.
    final
        The name that it gets.

    Raises
    ------
    PsmatchError
        If it has not ended, is damaged, or cannot be read by this version.
    """
    job = _asked_in(origin)
    kind = str(job.get("kind") or RunJob.kind)
    if kind not in (RunJob.kind, SeveralJob.kind):
        noun = JOBS[kind].noun if kind in JOBS else "job"
        raise PsmatchError(
            f"{shown_name(origin.name)} is a {noun} that belongs to a run.", hint="Open the folder of the run.",
            code="PM-R10",
        )  # fmt: skip
    status = _ended_well(origin)
    _take_listed(origin, place)
    folder = RunFolder(place)
    named = NamedData(may_read, final, _hashes(folder))
    _name_data_anew(folder, named)
    _write_state(folder, status)
    if note := read_note(origin) if not (origin / NOTE_FILE).is_symlink() else "":
        write_note(folder, note)
    left_out = () if kind == SeveralJob.kind else _take_inner(origin, place, named)
    disk.write_json(place / "job.json", dict(job))
    if kind == SeveralJob.kind:
        check_several(folder)
    else:
        _check_run(folder)
    made = job.get("created", 0.0)
    version = (files.ENVIRONMENT.read(folder) or {}).get("psmatch", "")
    return TakenResult(job, float(made) if isinstance(made, int | float) else 0.0, version, left_out)


def check_several(folder: RunFolder) -> None:
    """See that a matching of several modalities can be read.

    Raises
    ------
    PsmatchError
        If a file is missing, or another version wrote it.
    """
    job = SeveralJob(folder)
    if files.SEVERAL_FIGURES.read(folder) is None:
        raise _lacks("several_figures.json")
    if len(job.specs) < 3 or job.preprocessing is None:
        raise PsmatchError(
            "The app shows matchings of three modalities or more; this one has two.",
            hint="Match the two with `psmatch match`, which judges them further, and open that.",
            code="PM-R10",
        )


def _check_run(folder: RunFolder) -> None:
    """Read a run once: what was written by another version is refused before the run is listed."""
    if files.INPUTS.read(folder) is None or files.LABEL_REPORT.read(folder) is None:
        raise _lacks("inputs.json or label_report.json")
    if not results.has_propensities(folder):
        raise _lacks("its scores")
    models = results.load_models(folder)
    if RunJob(folder).stop_after is not LastStage.PROPENSITY:
        if not results.has_coupling(folder) or files.LABELS.read(folder) is None:
            raise _lacks("its coupling")
        results.load_matching(folder, models)
        files.MONITOR_REPORT.read(folder)
        files.EVALUATION.read(folder)
    results.load_figures(folder)


def _lacks(what: str) -> PsmatchError:
    return PsmatchError(f"The result is incomplete: it lacks {what}.", hint=COPY_AGAIN, code="PM-R11")


def _asked_in(origin: Path) -> dict[str, Any]:
    """What ``job.json`` says, without what holds only where it was made."""
    job = read_list(origin / "job.json", most=LARGEST_STATE)
    if job.get("stop_after", LastStage.MATCH) not in set(LastStage) or not isinstance(job.get("name", ""), str):
        raise damaged_error("job.json", "cannot be read")
    return {name: value for name, value in job.items() if name not in OF_THE_ORIGIN}


def _ended_well(origin: Path) -> RunStatus:
    """The status of a finished job; one that has not finished is refused."""
    try:
        status = from_plain(read_list(origin / "status.json", most=LARGEST_STATE), RunStatus)
    except (LookupError, TypeError, ValueError, OverflowError):
        raise damaged_error("status.json", "cannot be read") from None
    if status.state != DONE:
        reason = f" ({status.problem.rstrip('.')})" if status.problem else ""
        raise PsmatchError(
            f"The run in {shown_name(origin.name)} is not finished: {status.state.value}{reason}.",
            hint=f"Go on with it where it was made: psmatch resume {shown_name(origin.name)}. Then open it.",
            code="PM-R11",
        )
    return status


def _take_listed(origin: Path, place: Path) -> None:
    """Copy the files that the manifest of a folder lists."""
    if not (origin / MANIFEST).exists():
        raise PsmatchError(
            f"{shown_name(origin.name)} has no {MANIFEST}, so nobody can say whether its files are whole: an early "
            "version made it, or it was copied in part.",
            hint=COPY_AGAIN,
            code="PM-R13",
        )
    manifest = read_list(origin / MANIFEST)
    if manifest.get("version") != VERSION_OF_MANIFEST:
        raise PsmatchError(
            f"{MANIFEST} is of version {shown_name(str(manifest.get('version')))}, and this psmatch reads "
            f"{VERSION_OF_MANIFEST}.",
            hint="Update psmatch to open this result.",
            code="PM-R13",
        )
    listed = listed_files(manifest)
    if not listed or len(listed) > MOST_RESULT_FILES or "recipe.json" not in listed:
        raise damaged_error(MANIFEST, "cannot be read")
    for name, facts in listed.items():
        take_file(origin, name, facts, place / name)
    disk.write_json(place / MANIFEST, manifest)


def _hashes(folder: RunFolder) -> dict[str, str]:
    inputs = files.INPUTS.read(folder)
    return {} if inputs is None else {side: inputs[side].sha256 for side in files.BOTH_SIDES}


def _name_data_anew(folder: RunFolder, named: NamedData) -> None:
    """Let the recipe of a job name only data files that may be read from here."""
    path = folder.path / "recipe.json"
    recipe = Recipe.from_json(path.read_text(encoding="utf-8"), name=path.name)
    with listed_anew(folder.path, path):
        disk.write_text(path, named.in_recipe(recipe).to_json())
    asked = files.SEVERAL_REQUEST.read(folder)
    if asked is not None:
        specs = SeveralJob(folder).specs
        changed = {name: named.of(spec, name).to_dict() for name, spec in specs.items()}
        files.SEVERAL_REQUEST.write(folder, replace(asked, files=changed))


def _write_state(folder: RunFolder, status: RunStatus) -> None:
    disk.write_json(folder.path / "status.json", to_plain(replace(status, pid=0, message="", problem="", hint="")))


def _take_inner(origin: Path, place: Path, named: NamedData) -> tuple[str, ...]:
    """Copy the finished jobs inside a run; returns what was left out."""
    left_out = []
    for inner in _inner_jobs(origin):
        name = inner.relative_to(origin).as_posix()
        try:
            job, status = _asked_in(inner), _ended_well(inner)
        except PsmatchError as error:
            left_out.append(f"{name}: {error.problem}")
            continue
        _take_listed(inner, place / name)
        folder = RunFolder(place / name)
        _name_data_anew(folder, named)
        _write_state(folder, status)
        disk.write_json(folder.path / "job.json", job)
    return tuple(left_out)


def _inner_jobs(origin: Path) -> Iterator[Path]:
    """The folders of jobs inside a run, by the places of their kinds."""
    for kind in JOBS.values():
        around = origin / kind.place
        if kind in (RunJob, SeveralJob) or around.is_symlink() or not around.is_dir():
            continue
        found = [around] if issubclass(kind, SingleJob) else sorted(around.iterdir())
        for each in found:
            is_job = each.is_dir() and not each.is_symlink() and (each / "status.json").is_file()
            if is_job and (each == around or RUN_ID.fullmatch(each.name)):
                yield each
