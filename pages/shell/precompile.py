"""Compile the transport engine in the background when the server starts, so that the first match need not wait."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

_STARTED = threading.Event()
ROOT = Path(__file__).parents[2]


def precompile_engine() -> None:
    """Start the compilation once per server, in a separate process: the server itself never loads the engine."""
    if _STARTED.is_set():
        return
    _STARTED.set()
    command = [sys.executable, "-m", "psmatch_core", "warm"]
    if os.name != "nt":
        command = ["nice", "-n", "15", *command]
    paths = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    threading.Thread(target=process.wait, name="psmatch-precompile", daemon=True).start()
