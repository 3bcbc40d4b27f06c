"""Checks of data: rules on values, names, labels and on two files together; each reports its findings."""

from psmatch_core.data.checks.confounding import check_confounding, group_columns, is_technical
from psmatch_core.data.checks.file_facts import ColumnFacts, Facts, FileFacts, Sketch, column_of, sketch
from psmatch_core.data.checks.findings import Finding, Severity, display, name_list, raise_rejections
from psmatch_core.data.checks.finer_labels import FinerColumn, finer_columns, is_condition
from psmatch_core.data.checks.label_column import LabelCounts, check_labels, count_labels, label_texts, no_label
from psmatch_core.data.checks.label_signal import LabelSignal, check_label_signal, judges_signal
from psmatch_core.data.checks.matrix import check_matrix
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.names import check_names, unique_names
from psmatch_core.data.checks.pairing import (
    AUTOMATIC,
    EQUAL_NAMES,
    NO_PAIRS,
    PAIR_CHOICES,
    CellNames,
    KnownPairs,
    Pairing,
    decide_pairs,
)
from psmatch_core.data.checks.telling_features import check_telling_features, telling_features
from psmatch_core.data.checks.two_files import check_pair, is_pair_column, pairs_of_files
from psmatch_core.data.checks.value_kinds import Kind, detect_kind

__all__ = [
    "AUTOMATIC",
    "EQUAL_NAMES",
    "NO_PAIRS",
    "PAIR_CHOICES",
    "CellNames",
    "ColumnFacts",
    "Facts",
    "FileFacts",
    "Finding",
    "FinerColumn",
    "Kind",
    "KnownPairs",
    "LabelCounts",
    "LabelSignal",
    "MatrixScan",
    "Pairing",
    "Severity",
    "Sketch",
    "check_confounding",
    "check_label_signal",
    "check_labels",
    "check_matrix",
    "check_names",
    "check_pair",
    "check_telling_features",
    "column_of",
    "count_labels",
    "decide_pairs",
    "detect_kind",
    "display",
    "finer_columns",
    "group_columns",
    "is_condition",
    "is_pair_column",
    "is_technical",
    "judges_signal",
    "label_texts",
    "name_list",
    "no_label",
    "pairs_of_files",
    "raise_rejections",
    "sketch",
    "telling_features",
    "unique_names",
]
