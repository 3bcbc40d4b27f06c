"""Files from users: looked at and copied in a child process with limits; the process that asks never opens them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psmatch_core.base.config import Config, option
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.sandbox import DEFAULT_MEMORY_MB, allowed_seconds, run_boxed
from psmatch_core.data.readers.summary import ColumnSummary, FileSummary, MatrixSummary

__all__ = ["ColumnSummary", "DataSpec", "FileSummary", "MatrixSummary", "copy_into", "inspect_file", "shown_name"]


@dataclass(frozen=True)
class DataSpec(Config):
    """Which file, which matrix and which label column make one modality."""

    path: str = option(help="The file: h5ad, npz, csv or tsv (also .gz).")
    label_key: str = option(help="The column that holds the label of each cell.")
    matrix: str = option("X", help="The matrix to use: X, layers/NAME, raw or obsm/NAME.")
    name: str = option("", help="What to call this modality in figures and messages; the file's name if empty.")
    labels_path: str = option("", help="A second table (csv, tsv) with the labels: first column the cell names.")
    pair_key: str = option(
        "", help="A column that names the true partner of each cell, used only to score.", advanced=True
    )
    missing_labels: str = option(
        "refuse", help="What to do with cells that have no label.", choices=("refuse", "drop"), advanced=True
    )
    sha256: str = option("", help="SHA-256 the file must still have, as seen when it was chosen.", advanced=True)


def inspect_file(
    path: str | Path,
    *,
    display_name: str = "",
    label_key: str = "",
    labels_path: str = "",
    matrix: str = "",
    seconds: float | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> FileSummary:
    """What is in a file: cells, features, matrices, label candidates, and what is to say of them.

    Parameters
    ----------
    path
        The file.
    display_name
        What to call it in messages; its own name if empty.
    label_key
        The label column, if it is chosen already; it must then be usable.
    labels_path
        A second table that holds labels.
    matrix
        The matrix, if it is chosen already; it must then be usable.
    seconds, memory_mb
        Limits of the child process [s, MB]; by the size of the file if no time is given.

    Raises
    ------
    PsmatchError
        When the file, the chosen matrix or the chosen label column cannot be used.
    """
    shown = shown_name(display_name or str(path))
    request: dict[str, Any] = {
        "path": str(Path(path).absolute()),
        "display_name": shown,
        "label_key": label_key,
        "labels_path": str(Path(labels_path).absolute()) if labels_path else "",
        "matrix": matrix,
        "memory_mb": memory_mb,
    }
    limit = seconds or allowed_seconds(request["path"], request["labels_path"])
    return FileSummary.from_dict(run_boxed("inspect", request, shown=shown, seconds=limit, memory_mb=memory_mb))


def copy_into(
    spec: DataSpec,
    destination: Path,
    *,
    needs_labels: bool = True,
    seconds: float | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> Path:
    """Write the chosen matrix and all columns of a file as a clean h5ad, checked, the whole of it or nothing.

    Parameters
    ----------
    spec
        File, matrix and label column; cells without label are refused or dropped as it says.
    destination
        Where the h5ad is to lie. ``uns["psmatch"]`` holds where it came from, the warnings, and how many and which
        cells were dropped for want of a label.
    needs_labels
        Without them all cells are kept, and the label column may be absent: cells to be predicted have none yet.
    seconds, memory_mb
        Limits of the child process [s, MB]; by the size of the file if no time is given.

    Raises
    ------
    PsmatchError
        When the file, the matrix or the labels cannot be used.
    """
    target = Path(destination).absolute()
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    named = replace(
        spec,
        path=str(Path(spec.path).absolute()),
        labels_path=str(Path(spec.labels_path).absolute()) if spec.labels_path else "",
    )
    shown = shown_name(spec.path)
    request = {
        "spec": named.to_dict(),
        "partial": str(partial),
        "destination": str(target),
        "memory_mb": memory_mb,
        "needs_labels": needs_labels,
    }
    limit = seconds or 4 * allowed_seconds(named.path, named.labels_path)  # it compresses what it writes
    try:
        run_boxed("copy", request, shown=shown, seconds=limit, memory_mb=memory_mb)
    finally:
        partial.unlink(missing_ok=True)  # a killed child leaves it behind
    return target
