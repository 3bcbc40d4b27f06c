"""The process that forks the children of the sandbox: it loads libraries, and never opens a file of a user.

It reads one order a line from stdin, forks a child for it, waits, and writes how the child ended: ``"late"``,
``"code N"``, or ``null`` if it will not fork.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from psmatch_core.base.memory import look_for_circles_rarely
from psmatch_core.data.readers.sandbox_child import carry_out, end_with_parent

IDLE_SECONDS = 10.0  # after which nobody seems to need it: its memory is given back
HDF5_ENDINGS = (".h5ad", ".h5", ".hdf5", ".h5mu", ".loom")


def serve_orders() -> None:
    """Carry out orders until nobody asks."""
    look_for_circles_rarely()
    _load({})  # while nobody asks yet
    for order in _orders():
        _load(order)
        gc.freeze()  # a child that looks for garbage would otherwise copy all pages
        answer = _in_child(order) if len(os.listdir("/proc/self/task")) == 1 else None
        os.write(1, json.dumps(answer).encode() + b"\n")


def _orders() -> Iterator[dict[str, Any]]:
    """Orders as they come; none after ten idle seconds or when stdin is closed."""
    kept = b""
    while True:
        line, ended, kept = kept.partition(b"\n")
        if ended:
            yield json.loads(line)
            continue
        kept = line
        part = os.read(0, 65536) if select.select([0], [], [], IDLE_SECONDS)[0] else b""
        if not part:
            return
        kept += part


def _load(order: Mapping[str, Any]) -> None:
    """Load what a child needs for an order, so that the next child has it too."""
    import pandas  # noqa: F401
    from scipy import sparse, special  # noqa: F401

    from psmatch_core.data.readers import inspection  # noqa: F401

    is_copy = order.get("function") == "copy"
    if is_copy or str(order.get("request", {}).get("spec", {}).get("path", "")).lower().endswith(HDF5_ENDINGS):
        import h5py  # noqa: F401
    if is_copy:
        from psmatch_core.data.readers import clean_copy  # noqa: F401


def _in_child(order: Mapping[str, Any]) -> str:
    """Carry out an order in a child; how it ended. Nothing that it started stays."""
    server = os.getpid()
    child = os.fork()
    if not child:
        _work(order, server)  # does not return
    watched = os.pidfd_open(child)
    try:
        ready = select.select([watched, 0], [], [], order["wall_seconds"])[0]
        is_alone = 0 in ready  # stdin is closed: nobody waits for the answer
    finally:
        os.close(watched)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(
                child, signal.SIGKILL
            )  # it leads its own session, and its number is its own until it is waited for
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # before it leads one
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if is_alone:
        sys.exit(0)
    return "late" if not ready or ended == -int(signal.SIGXCPU) else f"code {ended}"


def _work(order: Mapping[str, Any], server: int) -> None:
    """What the child does; ends the process."""
    code = 1
    try:
        os.setsid()
        end_with_parent()
        folder = Path(order["folder"])
        nothing, errors = os.open(os.devnull, os.O_RDWR), os.open(folder / "stderr.txt", os.O_WRONLY | os.O_CREAT)
        for source, descriptor in ((nothing, 0), (nothing, 1), (errors, 2)):  # it cannot speak to who asks the server
            os.dup2(source, descriptor)
        os.chdir(folder)
        os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)))
        tempfile.tempdir = None
        if os.getppid() == server:  # else it ended before this process could be told to end with it
            carry_out(order)
            code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve_orders()
