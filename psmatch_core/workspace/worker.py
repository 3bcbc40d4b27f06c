"""The worker: does one run in a process of its own, and leaves everything in the run's folder."""

from __future__ import annotations

import json
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base import disk
from psmatch_core.base.disk import full_disk_error, is_full
from psmatch_core.base.errors import Cancelled, PsmatchError, plural
from psmatch_core.base.progress import Event, Progress, silent
from psmatch_core.pipeline import result_files
from psmatch_core.pipeline.inputs import Prepared
from psmatch_core.pipeline.stage_keys import map_key
from psmatch_core.workspace import predictions, results
from psmatch_core.workspace.jobs import epsilon_path, leave_out
from psmatch_core.workspace.queue import RunQueue, Turn
from psmatch_core.workspace.run_folder import (
    CANCELLED,
    DONE,
    FAILED,
    OBSERVABLES,
    QUEUED,
    RUNNING,
    FolderKeeper,
    RunFolder,
    RunStatus,
)

if TYPE_CHECKING:
    from psmatch_core.classification.scored_modality import ScoredModality
    from psmatch_core.data.modality import Modality

STATUS_SECONDS = 0.3  # a page looks once a second; writing more often than this serves nobody
LARGEST_MAP = 20_000  # cells a side on the map of scores; a stratified sample above, and said


class StopHere(Exception):  # noqa: N818 - not an error: the run was asked to stop after this stage
    """The last stage that was asked for is done."""


def execute(
    folder: RunFolder, *, cache: Path | None = None, queue: Path | None = None, also: Progress = silent
) -> RunStatus:
    """Do the run of a folder from start to end; the status says how it went.

    Parameters
    ----------
    cache
        Where stages of all runs are shared by content; nothing is shared unless given.
    queue
        Where runs wait until others have ended; no waiting unless given.
    also
        Told of progress beside the folder, for a command line.
    """
    return work(folder, lambda log: _in_turn(folder, cache, queue, log), also=also)


def work(
    folder: RunFolder, do: Callable[[FolderLog], None], *, also: Progress = silent, what: str = "run"
) -> RunStatus:
    """Do any long work whose status and progress lie in a folder: a run, a monitor's report, a sweep.

    Parameters
    ----------
    do
        The work; told to a :class:`FolderLog`. What it raises ends up as words in the status.
    what
        What the work is called in these words.
    """
    with folder.held():
        _clean(folder)
        log = FolderLog(folder, also)
        log.status(state=RUNNING, started=time.time(), pid=_pid())
        previous = _cancel_on_signal()
        try:
            do(log)
            log.status(state=DONE, stage="done", fraction=1.0, message="", problem="", hint="")
        except Cancelled:
            log.status(
                state=CANCELLED, problem=f"The {what} was cancelled.", hint="Start it again; finished stages are kept."
            )
        except PsmatchError as error:
            log.status(state=FAILED, problem=error.problem, hint=error.hint)
        except MemoryError:
            log.status(
                state=FAILED,
                problem=f"The {what} needs more memory than this machine has free.",
                hint="Use fewer cells or features (highly variable genes, PCA), or a machine with more memory.",
            )
        except Exception as error:
            if is_full(error):  # from a library that writes by itself, or from the log of progress
                told = full_disk_error(f"a file of this {what}")
                log.status(state=FAILED, problem=told.problem, hint=told.hint)
            else:
                disk.write_text(folder.path / "traceback.txt", traceback.format_exc())
                log.status(
                    state=FAILED,
                    problem=f"The program failed in a way it does not know ({type(error).__name__}).",
                    hint="Please report it with the file traceback.txt of the run.",
                )
        finally:
            _clean(folder)
            for number, handler in previous.items():
                signal.signal(number, handler)
        return log.current


def _in_turn(folder: RunFolder, cache: Path | None, queue: Path | None, log: FolderLog) -> None:
    """The run when its turn comes; what a page waits for at once does not stand in the queue."""
    if queue is None or epsilon_path.is_one(folder):
        _stages(folder, cache, log, None)
        return
    with turn_of(queue, folder.id, log) as turn:
        log.status(started=time.time())
        _stages(folder, cache, log, turn)


@contextmanager
def turn_of(queue: Path | None, name: str, log: FolderLog) -> Iterator[Turn | None]:
    """Wait until it is this work's turn, saying in its status how many go first; no waiting without a queue.

    Parameters
    ----------
    name
        Who waits: the id of a run, or what else no other work is called.
    """
    if queue is None:
        yield None
        return

    def waiting(first: int) -> None:
        log.status(state=QUEUED, message=f"waiting for {plural(first, 'other run')} to end")

    with RunQueue(queue).turn(name, waiting) as turn:
        log.status(state=RUNNING, message="")
        yield turn


def _stages(folder: RunFolder, cache: Path | None, log: FolderLog, turn: Turn | None) -> None:
    if epsilon_path.is_one(folder):  # before the imports of a whole run, for which somebody at a slider would wait
        epsilon_path.do(folder, log)
        return
    from psmatch_core.exports.files import export
    from psmatch_core.exports.provenance import versions
    from psmatch_core.monitor.run_figures import match_figures, score_figures
    from psmatch_core.pipeline.run import run
    from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET

    disk.write_json(folder.path / "environment.json", versions())
    if leave_out.is_one(folder):
        leave_out.do(folder, log)
        return
    keeper = _WorkerKeeper(folder, cache, stop_after=folder.job.get("stop_after", "match"))
    try:
        finished = run(folder.recipe, progress=log, keeper=keeper)
    except StopHere:
        disk.write_json(folder.path / OBSERVABLES, score_figures(*keeper.models).to_dict())
        results.add_figures(folder, seconds=_seconds(log))
        _map(folder, keeper, log, turn)
        return
    result_files.save(finished.coupling, folder.stage_file("coupling"))
    if finished.evaluation is not None:
        disk.write_json(folder.path / "evaluation.json", finished.evaluation.to_dict())
        cells = finished.evaluation.per_cell
        disk.write_whole(folder.path / "evaluation_cells.parquet", lambda stream: cells.to_parquet(stream, index=False))
        table = finished.evaluation.table()
        disk.write_whole(
            folder.path / "evaluation_labels.parquet", lambda stream: table.to_parquet(stream, index=False)
        )
        disk.write_json(folder.path / "feature_r2.json", dict(finished.evaluation.feature_r2))
    if finished.distributions:
        compared = {direction: each.to_dict() for direction, each in finished.distributions.items()}
        disk.write_json(folder.path / "distributions.json", compared)
    labels = finished.label_table
    disk.write_whole(folder.path / "labels.parquet", lambda stream: labels.to_parquet(stream, index=False))
    figures = match_figures(
        finished.coupling,
        finished.evaluation,
        finished.distributions,
        n_attention=int(labels["needs_attention"].sum()),
        seed=folder.recipe.seed,
    )
    disk.write_json(folder.path / OBSERVABLES, figures.to_dict())
    if folder.job.get("stop_after") == "evaluation":  # a run of a sweep is looked at as a row of a table
        return
    for direction in (TO_SOURCE, TO_TARGET):
        predictions.keep(folder, finished, direction)
    results.add_figures(folder, seconds=_seconds(log))
    export(finished, folder.exports, progress=log)
    _map(folder, keeper, log, turn)


def _seconds(log: FolderLog) -> float:
    """How long the work has taken so far [s]."""
    return round(time.time() - log.current.started, 1)


def _map(folder: RunFolder, keeper: _WorkerKeeper, log: Progress, turn: Turn | None) -> None:
    """Two-dimensional maps of the scores: PCA at once, UMAP when it is ready; drawn once for the same scores."""
    if turn is not None:
        turn.release()  # nobody waits for a picture: the next run begins
    from psmatch_core.exploration.maps import score_map

    source, target = keeper.models
    seed = folder.recipe.seed
    for method in ("pca", "umap"):
        log(Event("map", 0.0 if method == "pca" else 0.2, f"drawing the map of scores ({method.upper()})"))
        keeper.keep(
            f"map_{method}",
            map_key(method, keeper.models, LARGEST_MAP, seed),
            result_files.load_score_map,
            partial(score_map, source, target, method=method, largest=LARGEST_MAP, seed=seed),
        )
    log(Event("map", 1.0))


class _WorkerKeeper(FolderKeeper):
    def __init__(self, folder: RunFolder, cache: Path | None, *, stop_after: str) -> None:
        super().__init__(folder, cache)
        self.stop_after = stop_after
        self.models: list[ScoredModality] = []

    def done(self, stage: str, result: Any) -> None:
        if isinstance(result, Prepared):
            result_files.save(result.source, self.folder.stage_file("source"))
            result_files.save(result.target, self.folder.stage_file("target"))
            for side, modality in (("source", result.source), ("target", result.target)):
                predictions.keep_columns(self.folder, side, modality)
            report = {
                "shared": list(result.labels.shared),
                "only_source": list(result.labels.only_source),
                "only_target": list(result.labels.only_target),
                "too_small": [list(entry) for entry in result.labels.too_small],
                "source_counts": dict(result.labels.source_counts),
                "target_counts": dict(result.labels.target_counts),
            }
            disk.write_json(self.folder.path / "label_report.json", report)
            disk.write_json(
                self.folder.path / "inputs.json",
                {"source": _described(result.source), "target": _described(result.target)},
            )
        if stage == "notes":
            disk.write_json(self.folder.path / "notes.json", list(result))
        if stage == "propensity":
            self.models = list(result)
            if self.stop_after == "propensity":
                raise StopHere


class FolderLog:
    """Progress written to the folder from any thread: every event with numbers, the others not too often."""

    def __init__(self, folder: RunFolder, also: Progress) -> None:
        self.folder, self.also = folder, also
        self.current = RunStatus()
        self._lock = threading.Lock()
        self._last = 0.0
        self._seen: set[str] = set()
        self._events = open(folder.path / "events.jsonl", "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the run

    def __call__(self, event: Event, /) -> None:
        with self._lock:
            now = time.time()
            line = {
                "time": round(now, 3),
                "stage": event.stage,
                "fraction": round(event.fraction, 4),
                "message": event.message,
            }
            is_new = event.stage not in self._seen  # else a page would name the stage before for the length of this one
            self._seen.add(event.stage)
            rare = is_new or event.fraction >= 1.0 or now - self._last > STATUS_SECONDS
            if event.values or rare:
                line["values"] = {key: float(value) for key, value in event.values.items() if np.isfinite(value)}
                self._events.write(json.dumps(line) + "\n")
            if rare:
                self._events.flush()
                self._last = now
                self._write(stage=event.stage, fraction=event.fraction, message=event.message)
            self.also(event)

    def status(self, **changes: Any) -> None:
        """Write a change of state; where it ends the work and the disk is full, room is made for that first."""
        with self._lock:
            with suppress(OSError):  # what the last events could not say, the status says
                self._events.flush()
            if changes.get("state") == FAILED:
                _clean(self.folder)
            self._write(**changes)

    def _write(self, **changes: Any) -> None:
        self.current = replace(self.current, **changes)
        self.folder.write_status(self.current)


def _described(modality: Modality) -> dict[str, Any]:
    return {
        "name": modality.name,
        "n_cells": modality.n_cells,
        "n_features": modality.n_features,
        "n_labels": len(modality.label_names),
        "n_excluded": len(modality.excluded),
        "fingerprint": modality.fingerprint,
    }


def _cancel_on_signal() -> dict[int, Any]:
    """Turn the signal to end into :class:`Cancelled`, so that the folder is left clean; only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        return {}

    def cancel(number: int, frame: FrameType | None) -> None:
        raise Cancelled

    return {number: signal.signal(number, cancel) for number in (signal.SIGTERM, signal.SIGINT)}


def _clean(folder: RunFolder) -> None:
    for unfinished in folder.path.rglob(".*.partial"):
        unfinished.unlink(missing_ok=True)


def _pid() -> int:
    import os

    return os.getpid()
