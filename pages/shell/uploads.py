"""Files of the visitor: copied to disk as they come, looked at in the boxed child, their summaries kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from psmatch_core.base.disk import explain_full_disk, full_disk_error, write_json, write_whole
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers import FileSummary, inspect_file, shown_name

CHUNK = 2**20
ROOTS_VARIABLE = "PSMATCH_DATA_ROOTS"
DEMO_NAMES = {"screen": ("RNA", "Image"), "pbmc": ("Panel A", "Panel B"), "images": ("Circles", "Squares")}
# The demo is made in a process of its own: it needs anndata or scanpy, which the server never imports.
_MAKE_DEMO = """
import sys
from pathlib import Path
from psmatch_core.pipeline.demo_data import write_demo
write_demo(sys.argv[1], Path(sys.argv[2]))
"""


def keep_upload(stream: BytesIO, name: str, folder: Path) -> Path:
    """Copy an upload to disk; it lies under its content's hash, whole or not at all.

    Parameters
    ----------
    stream
        The bytes, as Streamlit holds them.
    name
        What the visitor's file is called.
    folder
        The visitor's own folder.
    """
    stream.seek(0)
    content = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    path = folder / content[:16] / (shown_name(name, 100).lstrip(".") or "file")
    try:
        return write_whole(path, lambda out: shutil.copyfileobj(stream, out, CHUNK))
    except OSError as error:
        raise PsmatchError(
            f"{shown_name(name)} could not be kept on the server ({error.strerror or 'write failed'}).",
            hint="Free space in the workspace folder, then upload it again.",
            code="PM-S01",
        ) from None


def data_roots() -> list[Path]:
    """Folders below which files of the server may be opened."""
    named = [each for each in os.environ.get(ROOTS_VARIABLE, "").split(os.pathsep) if each.strip()]
    return [Path(each).resolve() for each in named] or [Path.cwd().resolve()]


def server_file(text: str, *, closed: Path) -> Path:
    """The file at a path that the visitor typed.

    Parameters
    ----------
    closed
        A folder whose files are never opened this way: the workspace, where other visitors' uploads lie.

    Raises
    ------
    PsmatchError
        If it lies outside the folders that are open, or is no file; both look the same from outside.
    """
    asked = text.strip().strip("\"'")
    roots = data_roots()
    candidates = [Path(asked)] if Path(asked).is_absolute() else [root / asked for root in roots]
    with suppress(OSError, ValueError):
        for candidate in candidates:
            found = candidate.resolve()
            is_open = any(found.is_relative_to(root) for root in roots) and not found.is_relative_to(closed.resolve())
            if is_open and found.is_file():
                return found
    folders = ", ".join(str(root) for root in roots)
    raise PsmatchError(
        f"There is no file {shown_name(asked) if asked else 'without a name'} in the folders that may be opened here.",
        hint=f"Files are opened only below {folders}; whoever runs the server sets {ROOTS_VARIABLE}.",
        code="PM-S02",
    )


def look_into(
    path: str, shown: str, cache: Path, *, label_key: str = "", labels_path: str = "", matrix: str = ""
) -> FileSummary:
    """What is in a file, from an earlier look where file and questions are the same.

    Parameters
    ----------
    path, shown
        Where it lies, and what it is called in messages.
    cache
        Folder of earlier summaries.

    Raises
    ------
    PsmatchError
        When the file cannot be used.
    """
    key = [shown, label_key, matrix]
    for each in (path, labels_path):
        if each:
            try:
                facts = Path(each).stat()
            except OSError:
                raise PsmatchError(
                    f"{shown_name(each)} is no longer where it was.", hint="Load the file again.", code="PM-S03"
                ) from None
            key += [each, str(facts.st_mtime_ns), str(facts.st_size)]
    kept = cache / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):
        return FileSummary.from_dict(json.loads(kept.read_text("utf-8")))
    summary = inspect_file(path, display_name=shown, label_key=label_key, labels_path=labels_path, matrix=matrix)
    with suppress(PsmatchError):  # on a full disk the file is looked into again next time
        write_json(kept, summary.to_dict())
    return summary


def look_into_demo(name: str, which: str, folder: Path) -> FileSummary:
    """What is in one side of a demo; its files are made once a workspace."""
    place = folder / name
    path = place / f"{which}.h5ad"
    if not path.exists():
        _make_demo(name, place)
    shown = f"demo {name}, {DEMO_NAMES[name][which == 'target']}"
    return look_into(str(path), shown, folder)


def _make_demo(name: str, place: Path) -> None:
    making = place.with_name(f".{name}-{secrets.token_hex(4)}")
    with explain_full_disk("the files of the demo"):
        making.mkdir(parents=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-c", _MAKE_DEMO, name, str(making)]
    ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode and b"No space left" in ended.stderr:
        shutil.rmtree(making, ignore_errors=True)
        raise full_disk_error("the files of the demo")
    if ended.returncode:
        raise PsmatchError(
            f"The demo {name} could not be made.",
            hint="Check the installation: python -m psmatch_core demo tells more.",
            code="PM-S04",
        )
    with suppress(OSError):  # another visitor was quicker
        making.rename(place)
