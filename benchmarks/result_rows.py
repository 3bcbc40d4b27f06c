"""Results of a benchmark as JSON with one row a line: short, and a change shows which rows are new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psmatch_core.base import disk


def write_rows(path: Path, results: Mapping[str, Any]) -> Path:
    """Write results by name; a list of rows has a line for each row, and all else one line.

    What is read again is what ``json`` reads from ``disk.write_json``.
    """
    parts = []
    for name, value in results.items():
        if isinstance(value, list) and value:
            text = "[\n" + ",\n".join(f"  {_line(row)}" for row in value) + "\n ]"
        else:
            text = _line(value)
        parts.append(f" {_line(name)}: {text}")
    return disk.write_text(path, "{\n" + ",\n".join(parts) + "\n}\n")


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=True)
