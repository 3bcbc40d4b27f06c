"""Readers of files from users. A child process with limits opens them, never the process of the app."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from psmatch_core.data.readers.data_spec import FEATURE_COLUMNS, FORMATS_READ, DataSpec
from psmatch_core.data.readers.display_name import shown_name
from psmatch_core.data.readers.sandbox import DEFAULT_MEMORY_MB, allowed_cpu_seconds, allowed_seconds, run_sandboxed
from psmatch_core.data.readers.several_files import content_stamp
from psmatch_core.data.readers.signature import is_data_folder
from psmatch_core.data.readers.summary import ColumnSummary, FileSummary, MatrixSummary

__all__ = [
    "FEATURE_COLUMNS",
    "FORMATS_READ",
    "ColumnSummary",
    "DataSpec",
    "FileSummary",
    "MatrixSummary",
    "content_stamp",
    "copy_into",
    "inspect_file",
    "is_data_folder",
    "shown_name",
]


def inspect_file(
    spec: DataSpec,
    *,
    display_name: str = "",
    is_final: bool = False,
    sample: Path | None = None,
    label_names: Sequence[str] | None = None,
    seconds: float | None = None,
    memory_mb: int = DEFAULT_MEMORY_MB,
) -> FileSummary:
    """Summarise a file: cells, features, matrices, possible label columns, and findings.

    Parameters
    ----------
    spec
        The file and what is already chosen of it: a label column or a matrix (other than X) must then be usable.
    display_name
        Its name in messages; the file's own name if empty.
    is_final
        Whether X is chosen too, so that it must be usable; otherwise another matrix may still be chosen instead.
    sample
        Where a sample of the cells of the main matrix is written (``CellSample``), in an existing folder; nowhere if
        None.
    label_names
        If given and no label column is chosen, the usual one is taken: one of these names first, such as those of other
        files, then what files usually call it, then the only candidate. None leaves the choice open.
    seconds, memory_mb
        Limits of the child process [s, MB]; the time limit depends on the size of the file unless given.

    Returns
    -------
    What the file contains, with findings. ``label_key`` says which column was taken.

    Raises
    ------
    PsmatchError
        If the file, the chosen matrix or the chosen label column cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> place = Path(tempfile.mkdtemp())
    >>> import psmatch
    >>> rna, image = psmatch.demo("screen")
    >>> rna.write_h5ad(place / "rna.h5ad")
    >>> found = psmatch.inspect_file(psmatch.DataSpec(path=str(place / "rna.h5ad"), label_key="label"))
    >>> found.n_cells, found.n_features
    (1000, 200)
    """
    shown = shown_name(display_name or spec.path)
    named = spec.with_absolute_paths()
    paths = (named.path, named.labels_path)
    answer = run_sandboxed(
        "inspect",
        {
            "spec": named.to_dict(),
            "display_name": shown,
            "is_final": is_final,
            "memory_mb": memory_mb,
            "sample": str(sample.absolute()) if sample is not None else "",
            "label_names": None if label_names is None else list(label_names),
        },
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
    named = spec.with_absolute_paths()
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
