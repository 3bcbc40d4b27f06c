"""Checks of data: rules on values, names, labels and on two files together; each reports its findings."""

from psmatch_core.data.checks.findings import Finding, Severity, display, name_list, raise_rejections
from psmatch_core.data.checks.label_column import LabelCounts, check_labels, count_labels, label_texts
from psmatch_core.data.checks.matrix import check_matrix
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.names import check_names, unique_names
from psmatch_core.data.checks.two_files import ColumnFacts, FileFacts, Sketch, check_pair, sketch
from psmatch_core.data.checks.value_kinds import Kind, detect_kind

__all__ = [
    "ColumnFacts",
    "FileFacts",
    "Finding",
    "Kind",
    "LabelCounts",
    "MatrixScan",
    "Severity",
    "Sketch",
    "check_labels",
    "check_matrix",
    "check_names",
    "check_pair",
    "count_labels",
    "detect_kind",
    "display",
    "label_texts",
    "name_list",
    "raise_rejections",
    "sketch",
    "unique_names",
]
