"""Sandbox: a function of this package runs in a child process with limits, which may crash without harm."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from psmatch_core.base.disk import full_disk_error, has_room
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers.several_files import content_bytes
from psmatch_core.data.readers.shared_sandbox import LATE, current_server, one_server

# Limit by the clock, for a busy machine: the start, and four times what the slowest format (text) needs for each byte.
BASE_SECONDS, BYTES_PER_SECOND = 60.0, 3e6
# Limit by the processor, which no other work delays: a small file that takes longer is damaged, and an endless loop
# ends. Compressed text needs most for a byte of the file.
BASE_CPU_SECONDS, BYTES_PER_CPU_SECOND = 6.0, 1e6
DEFAULT_MEMORY_MB = 8192
# The answer is a summary; a larger one cannot be ours.
MAX_ANSWER_BYTES = 64 * 2**20
# Variables that Python needs to start on any of the three systems.
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "HOME")
_CHILD = ("-P", "-m", "psmatch_core.data.readers.sandbox_child")  # -P: imports nothing from the working folder
_OVER_CPU_TIME = -int(getattr(signal, "SIGXCPU", 1_000))  # how a child ends that used up its processor time
_logger = logging.getLogger("psmatch.readers")
_logger.addHandler(
    logging.NullHandler()
)  # without a log of the program, Python would print a traceback to the terminal


def allowed_seconds(*paths: str) -> float:
    """Time limit of the child for these files [s]."""
    n_bytes = sum(content_bytes(Path(path)) for path in paths if path and Path(path).exists())
    return BASE_SECONDS + n_bytes / BYTES_PER_SECOND


def allowed_cpu_seconds(*paths: str) -> float:
    """Limit of the processor time that the child may use for these files [s]."""
    n_bytes = sum(content_bytes(Path(path)) for path in paths if path and Path(path).exists())
    return BASE_CPU_SECONDS + n_bytes / BYTES_PER_CPU_SECOND


@contextlib.contextmanager
def shared_sandbox() -> Iterator[None]:
    """While inside, all files are opened by children of one process, which loads the libraries once (Linux)."""
    with one_server(_environment):
        yield


def run_sandboxed(
    function: str,
    request: Mapping[str, Any],
    *,
    shown: str,
    seconds: float,
    memory_mb: int,
    cpu_seconds: float | None = None,
) -> dict[str, Any]:
    """Run ``function`` (``inspect`` or ``copy``) on ``request`` in a child process and return its answer.

    Parameters
    ----------
    function
        Its name in :mod:`psmatch_core.data.readers.sandbox_child`.
    request
        Plain data, sent as JSON.
    shown
        The file's name in messages.
    seconds, memory_mb
        Limits of the clock and of address space [s, MB].
    cpu_seconds
        Limit of the processor time [s]; that of the clock unless given.

    Raises
    ------
    PsmatchError
        The error that the function raised; if the child died or took too long, that the file is damaged or too large.
    """
    with tempfile.TemporaryDirectory(prefix="psmatch-", ignore_cleanup_errors=True) as folder:
        allowed = min(seconds, cpu_seconds or seconds)
        order = {
            "function": function,
            "request": dict(request),
            "shown": shown,
            "seconds": allowed,
            "memory_mb": memory_mb,
            "folder": folder,
        }
        server = current_server()
        ended = server.carry_out(order, seconds) if server is not None else None
        if ended is None:
            ended = _run_child(json.dumps(order).encode(), folder, seconds)
        answer = _answer(Path(folder) / "answer.json")
        if ended == LATE:
            raise PsmatchError(
                f"{shown} could not be read within {allowed:.0f} seconds: it is damaged or too large.",
                hint="Save or download the file again; if it is just large, keep fewer cells or features.",
                code="PM-F60",
            )
        if answer is None and not has_room(Path(folder)):
            raise full_disk_error(f"the content of {shown}")
        if answer is None:
            _logger.warning("reading %s: the child ended with %s: %s", shown, ended, _error_output(Path(folder)))
            raise PsmatchError(
                f"{shown} is damaged: reading it stopped unexpectedly.",
                hint="Save or download the file again.",
                code="PM-F61",
            )
    if "error" in answer:
        raise PsmatchError(answer["error"]["problem"], hint=answer["error"]["hint"], code=answer["error"]["code"])
    if "trace" in answer:
        _logger.warning("reading %s: %s", shown, answer["trace"])
        raise PsmatchError(
            f"{shown} could not be read: it is damaged or has an unknown layout.",
            hint="Open it in the program that wrote it and save it again.",
            code="PM-F62",
        )
    return dict(answer["result"])


def _run_child(order: bytes, folder: str, seconds: float) -> str:
    """Run the child until it ends; ``late`` if it was killed at a limit of time, else its exit code."""
    with open(Path(folder) / "stderr.txt", "wb") as errors:
        child = subprocess.Popen(
            [sys.executable, *_CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=folder,
            env=_environment(folder),
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        try:
            child.communicate(order, timeout=seconds)
            return LATE if child.returncode == _OVER_CPU_TIME else f"code {child.returncode}"
        except subprocess.TimeoutExpired:
            return LATE
        finally:
            _kill_group(child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and the processes that it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)  # it leads its own session, so the group has its id
    elif child.poll() is None:
        child.kill()
    child.wait()


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    package_root = str(Path(__file__).resolve().parents[3])
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {
        **kept,
        **single,  # stacks and buffers of threads count as address space
        "PYTHONPATH": os.pathsep.join(each for each in (package_root, os.environ.get("PYTHONPATH", "")) if each),
        "PYTHONDONTWRITEBYTECODE": "" if os.access(package_root, os.W_OK) else "1",
        "PYTHONUTF8": "1",
        "HDF5_USE_FILE_LOCKING": "FALSE",  # uploads may be on a disk without locks
        "HDF5_PLUGIN_PATH": folder,  # an empty folder: a file cannot make HDF5 load a filter
        "TMPDIR": folder,
        "TEMP": folder,
        "TMP": folder,
    }


def _answer(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > MAX_ANSWER_BYTES:
            return None
        answer = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


def _error_output(folder: Path) -> str:
    try:
        return (folder / "stderr.txt").read_bytes()[-2000:].decode("utf-8", "replace")
    except OSError:
        return ""
