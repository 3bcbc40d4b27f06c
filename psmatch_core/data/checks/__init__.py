"""What makes data unusable or worth a word: rules on values, names, labels and pairs, told as findings."""

from psmatch_core.data.checks.findings import Finding, Severity, display, named, raise_rejections
from psmatch_core.data.checks.label_column import Tally, check_labels, label_texts, tally
from psmatch_core.data.checks.matrix import check_matrix
from psmatch_core.data.checks.matrix_scan import MatrixScan
from psmatch_core.data.checks.names import check_names, unique_names
from psmatch_core.data.checks.two_files import ColumnSide, Side, Sketch, check_pair, sketch
from psmatch_core.data.checks.value_kinds import Kind, detect_kind

__all__ = [
    "ColumnSide",
    "Finding",
    "Kind",
    "MatrixScan",
    "Severity",
    "Side",
    "Sketch",
    "Tally",
    "check_labels",
    "check_matrix",
    "check_names",
    "check_pair",
    "detect_kind",
    "display",
    "label_texts",
    "named",
    "raise_rejections",
    "sketch",
    "tally",
    "unique_names",
]
