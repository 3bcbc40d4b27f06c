"""What a bad file must not change in the process that had it read: files, threads, children, limits, environment."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path


def parent_facts() -> dict[str, object]:
    """Facts about this process that stay the same while a file is read in a child."""
    facts: dict[str, object] = {
        "threads": threading.active_count(),
        "environment": {name: each for name, each in os.environ.items() if not name.startswith("PYTEST")},
        "folder": os.getcwd(),
        "scratch": sorted(path.name for path in Path(tempfile.gettempdir()).glob("psmatch-*")),
    }
    if os.name == "posix":
        import resource

        facts["limits"] = [resource.getrlimit(each) for each in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]
    if Path("/proc/self/fd").is_dir():
        facts["open files"] = len(os.listdir("/proc/self/fd"))
        listed = Path("/proc/self/task").glob("*/children")
        facts["children"] = sorted(" ".join(path.read_text() for path in listed).split())
    return facts
