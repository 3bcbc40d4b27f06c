"""The summary of one matrix of a file, made while its rows, or a sample of them, are read once."""

from __future__ import annotations

import numpy as np

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.assays import declared_assay, detect_assay
from psmatch_core.data.cell_sample import SampleCollector
from psmatch_core.data.checks import Finding, LabelSignal, MatrixScan
from psmatch_core.data.checks.findings import rejection
from psmatch_core.data.checks.matrix import check_form, check_values, mismatch, not_canonical
from psmatch_core.data.checks.not_measured import not_measured
from psmatch_core.data.checks.value_kinds import kind_of
from psmatch_core.data.images import check_shape, contact_sheet
from psmatch_core.data.readers.base import MatrixHeader, Source
from psmatch_core.data.readers.preview_rows import PreviewRows
from psmatch_core.data.readers.several_files import content_bytes
from psmatch_core.data.readers.summary import SHOWN_NAMES, MatrixSummary

# Stored values that are read of the main matrix and of each other one, in about ten seconds and two; fewer of a small
# file, which may unpack to a thousand times its size. The full check follows when the file is copied.
MAIN_BUDGET, OTHER_BUDGET = 250_000_000, 20_000_000
LEAST_BUDGET, VALUES_PER_BYTE = 30_000_000, 20


def summarise_matrix(
    source: Source,
    header: MatrixHeader,
    signal: LabelSignal | None,
    *,
    part: str,
    collector: SampleCollector | None,
    preview: PreviewRows,
) -> MatrixSummary:
    """The summary of a matrix of an opened file.

    Parameters
    ----------
    signal
        Collects whether features differ between the chosen labels; None if that is not asked.
    part
        The modality of the file that is open, empty for all of it.
    collector
        Collects a sample of the cells of the main matrix, the only one whose errors are raised; None for the others.
    preview
        The rows to read.

    Raises
    ------
    PsmatchError
        If the main matrix cannot be read.
    """
    is_main = collector is not None
    try:
        return _scanned(source, header, signal, part=part, collector=collector, preview=preview)
    except PsmatchError as error:
        if is_main:
            raise
        return _unusable(header, rejection(error.code, error.problem, error.hint))


def value_budget(source: Source, *, is_main: bool) -> int:
    """How many stored values of a matrix are read; the others together share what one could have."""
    fitting = LEAST_BUDGET + VALUES_PER_BYTE * content_bytes(source.path)
    return min(MAIN_BUDGET, fitting) if is_main else min(OTHER_BUDGET, fitting // max(1, len(source.headers) - 1))


def _scanned(
    source: Source,
    header: MatrixHeader,
    signal: LabelSignal | None,
    *,
    part: str,
    collector: SampleCollector | None,
    preview: PreviewRows,
) -> MatrixSummary:
    key, shape = header.key, header.shape
    early = check_form(shape, header.dtype, name=source.shown, matrix=key)
    if early:
        return _unusable(header, *early)
    obs_names, var_names = source.obs_names, source.var_names(key)
    if shape != (len(obs_names), len(var_names)):
        return _unusable(header, mismatch(shape, len(obs_names), len(var_names), name=source.shown, matrix=key))
    pixels = header.image_shape
    if pixels is not None and (misplaced := check_shape(pixels, name=source.shown, matrix=key)):
        return _unusable(header, *misplaced)
    scan, n_values, sheet = MatrixScan(shape[1]), 0, ""
    budget = value_budget(source, is_main=collector is not None)
    for rows in preview.read(source, key):
        scan.add(rows)
        if collector is not None and pixels is None:
            collector.add(rows)
        if signal is not None and not scan.first_bad:
            signal.add(rows)
        if pixels is not None and not sheet:
            sheet = contact_sheet(rows, pixels)
        n_values += rows.nnz if header.is_sparse else rows.size
        if n_values >= budget:
            break
    findings = check_values(
        scan,
        obs_names=preview.those_of(obs_names),
        var_names=var_names,
        name=source.shown,
        matrix=key,
        are_pixels=pixels is not None,
        n_cells=shape[0],
    )
    if not source.is_canonical(key):
        findings = (*findings, not_canonical(source.shown, key))
    kind = kind_of(scan)
    declared = declared_assay(part, source.feature_types(key) or (), key)
    return MatrixSummary(
        key=key,
        n_features=shape[1],
        kind=kind.name if pixels is None else "images",
        reason=kind.reason,
        is_sparse=header.is_sparse,
        minimum=scan.minimum if scan.n_finite else 0.0,
        maximum=scan.maximum if scan.n_finite else 0.0,
        is_sampled=scan.n_cells < shape[0],
        sample_text=_sample_text(scan.n_cells, shape[0], is_first=not preview.is_sample),
        feature_names=tuple(var_names[:SHOWN_NAMES]),
        findings=tuple(sorted(findings, key=lambda each: each.severity.value)),
        image_shape=pixels,
        preview=sheet,
        unmeasured=() if pixels is not None or key.startswith("obsm/") else tuple(not_measured(var_names)),
        medians=collector.finish(var_names) if collector is not None else None,
        bad_features=tuple((var_names[at], int(scan.n_bad[at])) for at in np.flatnonzero(scan.n_bad).tolist()),
        assay=detect_assay(scan, var_names, declared=declared, are_pixels=pixels is not None),
    )


def _sample_text(n_read: int, n_cells: int, *, is_first: bool) -> str:
    if n_read == n_cells:
        return ""
    return f"from {'the first ' if is_first else ''}{n_read:,} of {n_cells:,} cells"


def _unusable(header: MatrixHeader, *findings: Finding) -> MatrixSummary:
    n_features = header.shape[1] if len(header.shape) > 1 else 0
    return MatrixSummary(header.key, n_features, "unusable", "", header.is_sparse, 0.0, 0.0, False, (), findings)
