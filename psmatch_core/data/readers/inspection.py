"""Inspection: the summary of a file. Runs in the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from psmatch_core.base.errors import PsmatchError, plural
from psmatch_core.data.cell_sample import SampleCollector
from psmatch_core.data.checks import (
    Finding,
    LabelCounts,
    LabelSignal,
    Severity,
    check_confounding,
    check_label_signal,
    check_telling_features,
    count_labels,
    display,
    judges_signal,
    label_texts,
    name_list,
    raise_rejections,
    sketch,
    telling_features,
)
from psmatch_core.data.checks.confounding import FEWEST_OF_VALUE
from psmatch_core.data.checks.findings import seen_in_part
from psmatch_core.data.checks.label_column import check_label_counts
from psmatch_core.data.checks.long_table import MOST_NUMBER_COLUMNS
from psmatch_core.data.checks.names import check_names
from psmatch_core.data.chosen_matrix import no_such_matrix
from psmatch_core.data.readers.base import MatrixHeader, Source
from psmatch_core.data.readers.chosen import as_chosen
from psmatch_core.data.readers.column_summaries import ColumnSummaries
from psmatch_core.data.readers.data_spec import ANNOTATION_ROLE, NAME_ROLE, DataSpec
from psmatch_core.data.readers.formats import open_source
from psmatch_core.data.readers.h5_safety import library_errors
from psmatch_core.data.readers.long_rows import refuse_long
from psmatch_core.data.readers.matrix_summaries import summarise_matrix, value_budget
from psmatch_core.data.readers.preview_rows import PreviewRows
from psmatch_core.data.readers.several_files import content_bytes, content_hash
from psmatch_core.data.readers.summary import MENDABLE, SHOWN_NAMES, FileSummary, MatrixSummary

Labels = Callable[[], Sequence[str | None]]  # the label of each cell ``(n_cells,)``, read when they are asked for


def inspect_here(request: Mapping[str, Any]) -> dict[str, Any]:
    """The summary of the file that ``request`` describes (see ``inspect_file``), as plain data."""
    spec = DataSpec.from_dict(request["spec"])
    asked = {name: request[name] for name in ("memory_mb", "is_final", "sample", "label_names") if name in request}
    return summarise(spec, request["display_name"], **asked).to_dict()


def summarise(
    spec: DataSpec,
    shown: str,
    *,
    memory_mb: int,
    is_final: bool = False,
    sample: str = "",
    label_names: Sequence[str] | None = None,
) -> FileSummary:
    """The summary of a file, made in this process; see ``inspect_file``, which makes it in a child process."""
    sha256 = _begun_hash(Path(spec.path))
    with library_errors(shown):
        source, format_name = open_chosen(spec, shown, memory_mb=memory_mb, is_final=is_final)
        try:
            columns, is_silent = None, not source.findings
            if label_names is not None and not spec.label_key:
                columns = ColumnSummaries.of(source)
                proposed = columns.proposed_label(label_names)
                if proposed is not None:
                    spec = replace(spec, label_key=proposed.name)
                    if proposed.kind == "text" and is_silent:
                        columns = columns.with_label(source, proposed.name)
                    else:  # a chosen column is read as text, 01 as no 1, and nothing is said of its numbers
                        source.close()
                        source, _ = open_chosen(spec, shown, memory_mb=memory_mb, is_final=is_final)
                        columns = None
            matrix = spec.matrix if is_final else spec.chosen_matrix
            return _summary_of(
                source, format_name, spec, matrix, is_final=is_final, sample=sample, columns=columns, sha256=sha256
            )
        finally:
            source.close()


def _begun_hash(path: Path) -> Callable[[], str]:
    """Start to hash a file, beside all that is computed of it; the function waits for the hash.

    Nobody waits for the thread of a file that is refused.
    """
    found: Future[str] = Future()

    def work() -> None:
        try:
            found.set_result(file_hash(path))
        except Exception as error:
            found.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return found.result


def open_chosen(spec: DataSpec, shown: str, *, memory_mb: int, is_final: bool = True) -> tuple[Source, str]:
    """The opened file as its settings say, joined with its label table if there is one, and the name of its format.

    Raises
    ------
    PsmatchError
        If it cannot be opened, or no modality of several is chosen although the settings are final.
    """
    roles = spec.role_of
    as_text = (name for name, role in roles.items() if role in (NAME_ROLE, ANNOTATION_ROLE))
    keys = tuple(each for each in (spec.label_key, *spec.label_with, spec.pair_key, *as_text) if each)
    source, format_name = open_source(
        Path(spec.path), shown, text_columns=keys, memory_mb=memory_mb, part=spec.part, roles=roles
    )
    if is_final and source.needs_part and not spec.part:
        names = [each.name for each in source.parts]
        source.close()
        count = plural(len(names), "modality", "modalities")
        problem = f"{source.shown} holds {count} ({name_list(names, 6)}), and none is chosen."
        raise PsmatchError(problem, hint=f"Choose the modality in the file: part, such as {names[0]}.", code="PM-F41")
    return as_chosen(source, spec, memory_mb=memory_mb), format_name


def file_hash(path: Path) -> str:
    """SHA-256 of the content of a file, or of a folder."""
    return content_hash(path)


def matrix_header(source: Source, key: str) -> MatrixHeader:
    """The matrix called ``key``.

    Raises
    ------
    PsmatchError
        If the file has no such matrix, or none at all.
    """
    found = next((each for each in source.headers if each.key == key), None)
    if found is not None:
        return found
    raise no_such_matrix(source.shown, key, [each.key for each in source.headers])


def label_counts_of(source: Source, label_key: str) -> LabelCounts:
    """Count the labels in the chosen column.

    Raises
    ------
    PsmatchError
        If the file has no such column.
    """
    if label_key in source.column_names:
        return count_labels(source.column(label_key))
    columns = source.column_names
    available = f"available: {name_list(columns, 5)}" if columns else "there are no annotation columns"
    named = f"has no label column {display(label_key)}" if label_key else "needs a label column, and none is chosen"
    raise PsmatchError(
        f"{source.shown} {named}; {available}.",
        hint=_where_labels_are(source, label_key),
        code="PM-L01",
    )


def _where_labels_are(source: Source, label_key: str) -> str:
    """What to do about a label column that no cell has."""
    of_features = source.feature_table(source.headers[0].key) if source.headers else None
    if label_key and of_features is not None and label_key in of_features:
        return (
            f"Column {display(label_key)} describes the columns of the matrix (var): transpose it if those are cells."
        )
    if source.column_names:
        return "Choose one of these, or load the labels from a second file."
    return "Load the labels from a second file."


def _collector(source: Source, header: MatrixHeader, path: str, preview: PreviewRows) -> SampleCollector:
    n_features = header.shape[1] if len(header.shape) > 1 else 0
    place = Path(path) if path else None
    n_cells = len(source.obs_names)
    n_offered = preview.n_read if preview.is_sample else n_cells
    return SampleCollector(n_cells, n_features, is_sparse=header.is_sparse, path=place, n_offered=n_offered)


def _summary_of_main(
    source: Source, header: MatrixHeader, part: str, label_key: str, labels: Labels, sample: str
) -> tuple[MatrixSummary, PreviewRows, LabelSignal | None]:
    """The summary of the main matrix, the rows that were read for it, and what they show of the labels.

    What rules the matrix out is counted in all rows, as soon as a sample of them holds it.
    """
    preview = PreviewRows.of(source, header)
    while True:
        signal = _signal_of(source, label_key, labels, header, preview)
        collector = _collector(source, header, sample, preview)
        found = summarise_matrix(source, header, signal, part=part, collector=collector, preview=preview)
        if not (preview.is_sample and _is_ruled_out(found)):
            return found, preview, signal
        preview = PreviewRows(preview.n_rows)


def _summary_of_other(source: Source, header: MatrixHeader, part: str) -> MatrixSummary:
    """The summary of a matrix that may be chosen instead."""
    preview = PreviewRows.of(source, header)
    found = summarise_matrix(source, header, None, part=part, collector=None, preview=preview)
    if not (preview.is_sample and _is_ruled_out(found)):
        return found
    return summarise_matrix(source, header, None, part=part, collector=None, preview=PreviewRows(preview.n_rows))


def _is_ruled_out(found: MatrixSummary) -> bool:
    return any(each.severity is Severity.REJECT for each in found.findings)


def _summary_of(
    source: Source,
    format_name: str,
    spec: DataSpec,
    matrix: str,
    *,
    is_final: bool,
    sample: str,
    columns: ColumnSummaries | None,
    sha256: Callable[[], str],
) -> FileSummary:
    obs_names, label_key = source.obs_names, spec.label_name
    if matrix or not source.headers:
        matrix_header(source, matrix or "X")
    main_key = matrix or source.headers[0].key
    var_names = source.var_names(main_key) if len(matrix_header(source, main_key).shape) == 2 else []
    labels = cache(lambda: label_texts(source.column(label_key)).tolist())  # (n_cells,)
    main, preview, signal = _summary_of_main(
        source, matrix_header(source, main_key), spec.part, label_key, labels, sample
    )
    matrices = tuple(
        main if header.key == main_key else _summary_of_other(source, header, spec.part) for header in source.headers
    )
    name_findings = check_names(obs_names, var_names, name=source.shown, measured=spec.measured)
    usable = [each for each in matrices if not any(f.severity is Severity.REJECT for f in each.findings)]
    if main.n_features <= MOST_NUMBER_COLUMNS:
        refuse_long(source, main_key, var_names)
    raise_rejections(name_findings)
    if matrix or not usable:
        # what can be mended by a setting is shown, so that a page can offer it
        raise_rejections(each for each in main.findings if is_final or each.code != MENDABLE)
    columns = columns or ColumnSummaries.of(source, label_key)
    label_findings: tuple[Finding, ...] = ()
    if label_key:
        label_findings = check_label_counts(label_counts_of(source, label_key), name=source.shown, label_key=label_key)
        raise_rejections(label_findings)
        groups = [each.name for each in columns.found if 1 < each.n_distinct <= len(obs_names) / FEWEST_OF_VALUE]
        label_findings += _confounding_of(source, label_key, labels, groups)
        if signal is not None:
            by_values = check_label_signal(signal, name=source.shown, matrix=main_key, label_key=label_key)
            by_values += _telling_features_of(source, main_key, var_names, signal, preview, labels, label_key=label_key)
            label_findings += seen_in_part(by_values, preview.n_read, preview.n_rows)
    misnamed = (f for each in matrices if each is not main for f in each.findings if f.code == "PM-M32")
    found = (*source.findings, *name_findings, *main.findings, *label_findings, *misnamed)
    return FileSummary(
        name=source.shown,
        format=format_name,
        n_bytes=content_bytes(source.path),
        sha256=sha256(),
        n_cells=len(obs_names),
        n_features=main.n_features,
        matrices=matrices,
        columns=columns.found,
        label_key=label_key,
        cell_names=tuple(obs_names[:SHOWN_NAMES]),
        cells=columns.cells,
        features=sketch(var_names),
        findings=tuple(sorted(found, key=lambda each: each.severity.value)),
        parts=source.parts,
        part=spec.part,
        needs_part=source.needs_part,
    )


def _signal_of(
    source: Source, label_key: str, labels: Labels, header: MatrixHeader, preview: PreviewRows
) -> LabelSignal | None:
    """What collects whether features differ between the chosen labels; None without labels that can be read."""
    if label_key not in source.column_names or len(header.shape) != 2:
        return None
    if not judges_signal(header.key, are_pixels=header.image_shape is not None):
        return None
    with suppress(PsmatchError):  # said later, after what is worse
        return LabelSignal(preview.those_of(labels()), header.shape[1])
    return None


def _confounding_of(source: Source, label_key: str, labels: Labels, groups: Sequence[str]) -> tuple[Finding, ...]:
    """Whether one of the columns that group cells names their labels; columns that cannot be read are left out."""
    columns = {}
    for name in groups:
        with suppress(PsmatchError):
            columns[name] = label_texts(source.column(name)).tolist()
    return check_confounding(labels() if columns else [], columns, name=source.shown, label_key=label_key)


def _telling_features_of(
    source: Source,
    key: str,
    names: Sequence[str],
    signal: LabelSignal,
    preview: PreviewRows,
    labels: Labels,
    *,
    label_key: str,
) -> tuple[Finding, ...]:
    """Whether features of the main matrix name the labels; those that may do so are read a second time."""
    from scipy import sparse

    def read(places: np.ndarray) -> Any:
        parts, n_values, budget = [], 0, value_budget(source, is_main=True)
        for rows in preview.read(source, key):
            parts.append(rows[:, places])
            n_values += rows.nnz if hasattr(rows, "nnz") else rows.size
            if n_values >= budget:
                break
        return sparse.vstack(parts, format="csr") if sparse.issparse(parts[0]) else np.concatenate(parts)

    found = telling_features(preview.those_of(labels()), signal.moments, names, read=read)
    return check_telling_features(found, name=source.shown, label_key=label_key)
