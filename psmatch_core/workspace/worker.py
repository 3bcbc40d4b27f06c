"""The worker: does one job in this process, and leaves in its folder how it went."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from psmatch_core.base import disk
from psmatch_core.base.errors import Cancelled, PsmatchError
from psmatch_core.base.progress import Progress, silent
from psmatch_core.workspace.earlier_result import holds_earlier, settle_earlier
from psmatch_core.workspace.heartbeat import beating
from psmatch_core.workspace.job import Job, Work
from psmatch_core.workspace.manifest import remove_manifest, write_manifest
from psmatch_core.workspace.new_folder import LOCK
from psmatch_core.workspace.progress_log import ProgressLog, remove_partial_files
from psmatch_core.workspace.queue import RunQueue
from psmatch_core.workspace.run_folder import CANCELLED, DONE, FAILED, RUNNING, RunStatus
from psmatch_core.workspace.run_status import UNEXPECTED


def execute(job: Job, *, cache: Path | None = None, queue: Path | None = None, also: Progress = silent) -> RunStatus:
    """Do a job from start to end; the status that it returns says how it went.

    Parameters
    ----------
    cache
        Folder in which jobs share finished stages; nothing is shared unless given.
    queue
        Folder in which jobs wait for each other; no waiting unless given.
    also
        Receives progress too, for a command line.

    Raises
    ------
    PsmatchError
        If another process works on the job. What goes wrong in the work itself is in the status.
    """
    folder = job.folder
    with folder.locked(), beating(folder.path / LOCK, _stop_main_thread):
        remove_partial_files(folder.path)
        remove_manifest(folder.path)
        log = ProgressLog(folder, also)
        log.status(state=RUNNING, started=time.time(), pid=os.getpid())
        previous = _cancel_on_signal()
        try:
            job.do(Work(log, cache, RunQueue(queue) if queue is not None else None))
            log.flush()
            write_manifest(folder.path)
            log.status(state=DONE, stage="done", fraction=1.0, message="", problem="", hint="")
        except Cancelled:
            log.status(
                state=CANCELLED,
                problem=f"The {job.noun} was cancelled.",
                hint="Start it again; finished stages are kept.",
            )
        except PsmatchError as error:
            log.status(state=FAILED, problem=error.problem, hint=error.hint)
        except MemoryError:
            log.status(
                state=FAILED,
                problem=f"The {job.noun} needs more memory than this machine has free.",
                hint="Use fewer cells or features (highly variable genes, PCA), or a machine with more memory.",
            )
        except Exception as error:
            if disk.is_full(error):  # from a library that writes its own files, or from the log
                full = disk.full_disk_error(f"a file of this {job.noun}")
                log.status(state=FAILED, problem=full.problem, hint=full.hint)
            else:
                disk.write_text(folder.path / "traceback.txt", traceback.format_exc())
                log.status(
                    state=FAILED,
                    problem=f"{UNEXPECTED} ({type(error).__name__}).",
                    hint="Please report it and attach traceback.txt from the run folder.",
                )
        finally:
            remove_partial_files(folder.path)
            if log.current.state != DONE and holds_earlier(folder.path):
                log.status(hint=f"{log.current.hint} The earlier results are back.")
            settle_earlier(folder.path, new_ones_stand=log.current.state == DONE)
            for number, handler in previous.items():
                signal.signal(number, handler)
        return log.current


def _stop_main_thread() -> None:
    """Stop the work as if it had been cancelled: its folder is gone."""
    if signal.getsignal(signal.SIGTERM) is _raise_cancelled:
        os.kill(os.getpid(), signal.SIGTERM)


def _cancel_on_signal() -> dict[int, Any]:
    """Turn the signals that end a process into :class:`Cancelled`; Python allows this in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, _raise_cancelled) for number in (signal.SIGTERM, signal.SIGINT)}


def _raise_cancelled(number: int, frame: FrameType | None) -> None:
    raise Cancelled
