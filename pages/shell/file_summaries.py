"""Summaries of data files: each file is inspected in the sandbox once, and its summary kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from psmatch_core.base.disk import explain_full_disk, full_disk_error, write_json, write_whole
from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.cell_sample import CellSample
from psmatch_core.data.readers import DataSpec, FileSummary, content_stamp, inspect_file, shown_name
from psmatch_core.data.sides import ALL_SIDES
from psmatch_core.pipeline.demo_data import SIDE_NAMES

# Changes with what a summary holds: two that are compared must be of one version (2: hashes of cell names).
SUMMARY_VERSION = "2"
# A demo is made in a separate process: it needs anndata or scanpy, which the server never imports.
_MAKE_DEMO = """
import sys
from pathlib import Path
from psmatch_core.pipeline.demo_sides import write_demo
write_demo(sys.argv[1], Path(sys.argv[2]))
"""


def summary_of(spec: DataSpec, shown: str, cache: Path, *, label_names: Sequence[str] | None = None) -> FileSummary:
    """What a file contains; taken from the cache if the same was asked of the same file before.

    Parameters
    ----------
    spec
        The file, and what is chosen of it.
    shown
        Its name in messages.
    cache
        Folder of the kept summaries.
    label_names
        If given and no label column is chosen, the usual one is taken, one of these names first.

    Raises
    ------
    PsmatchError
        When the file cannot be used.
    """
    kept, sample = kept_paths(spec, shown, cache, label_names=label_names)
    with explain_full_disk("the summary of the file"):
        cache.mkdir(parents=True, exist_ok=True)
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = FileSummary.from_dict(json.loads(kept.read_text("utf-8")))
        if sample.exists() or not any(each.medians for each in found.matrices):
            return found
    summary = inspect_file(replace(spec, sha256=""), display_name=shown, sample=sample, label_names=label_names)
    chosen, _ = kept_paths(replace(spec, label_key=spec.label_key or summary.label_key), shown, cache)
    with suppress(PsmatchError):  # on a full disk the file is inspected again next time
        for each in {kept, chosen}:
            write_json(each, summary.to_dict())
    return summary


def kept_paths(
    spec: DataSpec, shown: str, cache: Path, *, label_names: Sequence[str] | None = None
) -> tuple[Path, Path]:
    """Where the summary of a file and the sample of its cells are kept, as the file is now."""
    key = [SUMMARY_VERSION, shown, json.dumps(replace(spec, name="", sha256="").to_dict())]
    if label_names is not None and not spec.label_key:
        key.append(json.dumps(list(label_names)))
    for each in (spec.path, spec.labels_path):
        if each:
            try:
                key += [each, content_stamp(Path(each))]
            except OSError:
                raise PsmatchError(
                    f"{shown_name(each)} is no longer at its path.", hint="Load the file again.", code="PM-S03"
                ) from None
    return cache / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()}.json", _sample_path(spec, cache)


def adopt_summary(of: tuple[DataSpec, str], summary: Path, sample: Path, cache: Path) -> None:
    """Keep a summary that came with a file, as if the file had been inspected here.

    Parameters
    ----------
    of
        The file, and its name in messages.
    summary, sample
        Where they lie now; the sample may be missing, as for images.
    """
    cache.mkdir(parents=True, exist_ok=True)
    for came, kept in zip((sample, summary), reversed(kept_paths(*of, cache)), strict=True):
        if came.exists():
            write_whole(kept, partial(_copy, came))


def _copy(came: Path, stream: BinaryIO) -> None:
    with came.open("rb") as given:
        shutil.copyfileobj(given, stream)


def sample_of(spec: DataSpec, summary: FileSummary, cache: Path) -> CellSample | None:
    """The sample of cells that was taken when a file was inspected; None if there is none, as for images.

    Parameters
    ----------
    spec
        The file as it was inspected, and the matrix.
    summary
        What the inspection found.
    cache
        Folder of the kept summaries.
    """
    asked = [spec, replace(spec, matrix="X")] if spec.matrix == summary.matrices[0].key else [spec]
    for each in asked:  # a file without X is inspected as if X were asked
        with suppress(PsmatchError, OSError):
            return _loaded(_sample_path(each, cache))
    return None


@lru_cache(maxsize=3)  # all sides of the visitor who is working
def _loaded(path: Path) -> CellSample:
    """The sample at a path whose name holds what it was made of."""
    return CellSample.load(path)


def _sample_path(spec: DataSpec, cache: Path) -> Path:
    """Where the sample of a file is kept: one for all choices of labels."""
    values = replace(
        DataSpec(path=spec.path),
        part=spec.part,
        matrix=spec.matrix,
        cells=spec.cells,
        roles=spec.roles,
        bad_values=spec.bad_values,
        most_missing=spec.most_missing,
        labels_path=spec.labels_path,
    )
    stamps = [content_stamp(Path(each)) for each in (spec.path, spec.labels_path) if each]
    key = json.dumps([values.to_dict(), stamps])
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"


def demo_path(name: str, which: str, folder: Path) -> Path:
    """Where the file of one side of a demo lies."""
    return folder / name / f"{which}.h5ad"


def demo_summary(name: str, which: str, folder: Path) -> FileSummary:
    """What one side of a demo contains; the demo's files are made once per workspace."""
    path = demo_path(name, which, folder)
    if not path.exists():
        _make_demo(name, path.parent)
    return summary_of(*demo_spec(name, which, folder), folder)


def demo_spec(name: str, which: str, folder: Path) -> tuple[DataSpec, str]:
    """The file of one side of a demo, and its name on pages."""
    return DataSpec(path=str(demo_path(name, which, folder))), f"demo {name}, {demo_side_name(name, which)}"


def demo_side_name(name: str, which: str) -> str:
    """What one side of a demo measures."""
    return SIDE_NAMES[name][ALL_SIDES.index(which)]


def _make_demo(name: str, place: Path) -> None:
    unfinished = place.with_name(f".{name}-{secrets.token_hex(4)}")
    with explain_full_disk("the files of the demo"):
        unfinished.mkdir(parents=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-c", _MAKE_DEMO, name, str(unfinished)]
    ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode and b"No space left" in ended.stderr:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise full_disk_error("the files of the demo")
    if ended.returncode:
        raise PsmatchError(
            f"The demo {name} could not be made.",
            hint="Check the installation: run python -m psmatch_core demo to see the error.",
            code="PM-S04",
        )
    with suppress(OSError):  # another visitor was faster
        unfinished.rename(place)
