"""What download buttons hand out: files opened only when their button is pressed."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

MIME = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".zip": "application/zip",
    ".txt": "text/plain",
    ".py": "text/plain",
}


def mime_type(suffix: str) -> str:
    """The MIME type of a file by its suffix, such as ``.csv``."""
    return MIME.get(suffix, "application/octet-stream")


def open_binary(path: Path) -> BinaryIO:
    """A file as a stream of bytes."""
    return path.open("rb")
