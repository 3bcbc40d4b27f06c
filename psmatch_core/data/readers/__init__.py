"""Readers of files from users. A child process with limits opens them, never the process of the app."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psmatch_core.base.config import Config, option
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.sandbox import DEFAULT_MEMORY_MB, allowed_cpu_seconds, allowed_seconds, run_sandboxed
from psmatch_core.data.readers.summary import ColumnSummary, FileSummary, MatrixSummary

__all__ = ["ColumnSummary", "DataSpec", "FileSummary", "MatrixSummary", "copy_into", "inspect_file", "shown_name"]


@dataclass(frozen=True)
class DataSpec(Config):
    """The file, the matrix and the label column that make a modality."""

    path: str = option(label="file", help="The file: h5ad, npz, csv or tsv (also .gz).")
    label_key: str = option(label="label column", help="The column that holds the label of each cell.")
    matrix: str = option("X", help="The matrix to use: X, layers/NAME, raw or obsm/NAME.")
    name: str = option(
        "", label="name in figures", help="Name of this modality in figures and messages; the file's name if empty."
    )
    labels_path: str = option(
        "",
        label="table of labels",
        help="A second table (csv, tsv) with the labels; its first column holds the cell names.",
    )
    pair_key: str = option(
        "", label="known pairs", help="A column that identifies true pairs; used only for evaluation.", advanced=True
    )
    missing_labels: str = option(
        "refuse",
        label="cells without a label",
        help="What to do with cells without a label.",
        choices=("refuse", "drop"),
        advanced=True,
    )
    sha256: str = option("", help="SHA-256 of the file when it was chosen; a changed file is refused.", advanced=True)


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
    """Summarise a file: cells, features, matrices, possible label columns, and findings.

    Parameters
    ----------
    path
        The file.
    display_name
        Its name in messages; the file's own name if empty.
    label_key
        The label column, if it is already chosen; it must then be usable.
    labels_path
        A second table that holds labels.
    matrix
        The matrix, if it is already chosen; it must then be usable.
    seconds, memory_mb
        Limits of the child process [s, MB]; the time limit depends on the size of the file unless given.

    Raises
    ------
    PsmatchError
        If the file, the chosen matrix or the chosen label column cannot be used.
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
    paths = (request["path"], request["labels_path"])
    answer = run_sandboxed(
        "inspect",
        request,
        shown=shown,
        seconds=seconds or allowed_seconds(*paths),
        cpu_seconds=None if seconds else allowed_cpu_seconds(*paths),
        memory_mb=memory_mb,
    )
    return FileSummary.from_dict(answer)


def copy_into(
    spec: DataSpec,
    destination: Path,
    *,
    needs_labels: bool = True,
    seconds: float | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> Path:
    """Check the chosen matrix and all columns of a file and write them as a clean h5ad, completely or not at all.

    Parameters
    ----------
    spec
        File, matrix and label column, and whether cells without a label are refused or dropped.
    destination
        Path of the h5ad. Its ``uns["psmatch"]`` holds the origin, the warnings, and the cells dropped because they
        have no label.
    needs_labels
        If false, all cells are kept and the label column may be absent, as for cells to be predicted.
    seconds, memory_mb
        Limits of the child process [s, MB]; the time limit depends on the size of the file unless given.

    Raises
    ------
    PsmatchError
        If the file, the matrix or the labels cannot be used.
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
    limit = seconds or 4 * allowed_seconds(named.path, named.labels_path)  # it also compresses what it writes
    try:
        run_sandboxed("copy", request, shown=shown, seconds=limit, memory_mb=memory_mb)
    finally:
        partial.unlink(missing_ok=True)  # a killed child leaves it behind
    return target
