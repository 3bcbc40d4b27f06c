"""What download buttons hand out: files opened only when their button is pressed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from io import BytesIO
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


def open_written(write: Callable[[Path], object], name: str) -> BinaryIO:
    """A file that is made for one download and kept nowhere; ``write`` gets the path, which ends in ``name``."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / name
        write(path)
        return BytesIO(path.read_bytes())


def open_binary(path: Path) -> BinaryIO:
    """A file as a stream of bytes."""
    return path.open("rb")
