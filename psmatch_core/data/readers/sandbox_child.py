"""The child process of the sandbox: reads an order from stdin, limits itself, works, writes ``answer.json``."""

from __future__ import annotations

import json
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psmatch_core.base.disk import full_disk_error, is_full, write_text

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>


def carry_out_order() -> None:
    """Carry out the order on stdin."""
    end_with_parent()
    carry_out(json.loads(sys.stdin.buffer.read()))


def carry_out(order: Mapping[str, Any]) -> None:
    """Limit this process, carry out an order, and write the answer into the folder that it names."""
    _limit(order["seconds"], order["memory_mb"])
    answer = _serve(order["function"], order["request"], order["shown"], order["memory_mb"])
    folder = Path(order["folder"])
    write_text(folder / "answer.json", json.dumps(answer))


def end_with_parent() -> None:
    """Let Linux kill this process when its parent is killed: nobody would wait for its answer."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit(seconds: float, memory_mb: int) -> None:
    """Set the limits that this operating system can enforce; the parent watches the clock."""
    try:
        import resource
    except ImportError:  # Windows has none
        return
    wanted = {
        "RLIMIT_AS": memory_mb * 2**20,
        "RLIMIT_CPU": int(seconds) + 1,
        "RLIMIT_CORE": 0,  # a crash must not leave a copy of the data on the disk
    }
    for name, value in wanted.items():
        limit = getattr(resource, name, None)
        if limit is None:
            continue
        hard = resource.getrlimit(limit)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            # the signal of a soft limit says that it was time that ran out
            resource.setrlimit(limit, (allowed, hard if name == "RLIMIT_CPU" else allowed))
        except (ValueError, OSError):  # macOS refuses a limit on address space
            continue


def _serve(function: str, request: dict[str, Any], shown: str, memory_mb: int) -> dict[str, Any]:
    from psmatch_core.base.errors import PsmatchError

    try:
        if function == "inspect":
            from psmatch_core.data.readers.inspection import inspect_here

            return {"result": inspect_here(request)}
        if function == "copy":
            from psmatch_core.data.readers.clean_copy import copy_here

            return {"result": copy_here(request)}
        raise ValueError(function)
    except PsmatchError as error:
        return {"error": {"problem": error.problem, "hint": error.hint, "code": error.code}}
    except MemoryError:
        problem = f"{shown} needs more memory than the {memory_mb / 1024:.0f} GB allowed for reading a file."
        return {
            "error": {
                "problem": problem,
                "hint": "Keep fewer cells or features, or save it as a sparse matrix.",
                "code": "PM-F63",
            }
        }
    except Exception as error:
        if is_full(error):
            full = full_disk_error(f"the content of {shown}")
            return {"error": {"problem": full.problem, "hint": full.hint, "code": full.code}}
        return {"trace": traceback.format_exc()[-4000:]}


if __name__ == "__main__":
    carry_out_order()
