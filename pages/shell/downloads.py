"""Download buttons and what they hand out: files opened only when their button is pressed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from pages.shell.errors import show_errors
from pages.shell.text import size
from psmatch_core.workspace.manifest import checked_file
from psmatch_core.workspace.run_folder import RunFolder

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


def download_row(folder: RunFolder, path: Path, description: str) -> None:
    """A button that hands out a file of a finished job, with what it holds and its size; the error if it is damaged."""
    with show_errors(), st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            path.name,
            data=partial(open_binary, checked_file(folder.path, path)),
            file_name=path.name,
            mime=mime_type(path.suffix),
            key=f"download.{path.name}",
            on_click="ignore",
            width=310,
        )
        st.caption(f"{description} · {size(path.stat().st_size)}", width="stretch")
