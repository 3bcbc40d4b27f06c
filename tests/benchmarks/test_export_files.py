"""The exports that the benchmark walks with: each is read, and the suggestions on its labels leave those planted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks import export_files
from psmatch_core.data.labels.label_rules import LabelRules, accept_suggestions, reconcile_by_rules
from psmatch_core.data.readers import FileSummary
from tests.data.readers.made_files import look


def shared(one: FileSummary, other: FileSummary, accepted: Sequence[str]) -> tuple[str, ...]:
    counts = [dict(each.column(each.label_key).counts) for each in (one, other)]
    rules = accept_suggestions(LabelRules(), accepted, *counts)
    return tuple(sorted(reconcile_by_rules(rules, *counts, source_name="one", target_name="other").shared))


def test_cell_ranger_with_protospacer_calls(tmp_path: Path) -> None:
    matrix, calls, proteins = export_files.cell_ranger(tmp_path)
    one = look(matrix, "feature_call", labels_path=calls, part="Gene Expression")
    other = look(proteins, "perturbation")
    assert one.n_features == 300
    assert shared(one, other, ["several", "guides", "controls"]) == (
        *export_files.GENES[:5],
        "NT",
        *export_files.GENES[5:],
    )


def test_seurat_with_calls_of_htodemux(tmp_path: Path) -> None:
    rna, proteins, calls = export_files.seurat(tmp_path)
    one = look(rna, "HTO_classification")
    other = look(proteins, "HTO_classification", labels_path=calls)
    assert other.n_features == 20
    assert shared(one, other, ["calls", "several"]) == tuple(f"HTO{i}" for i in range(1, 9))


def test_cell_profiler_with_missing_values(tmp_path: Path) -> None:
    profiles, rna = export_files.cell_profiler(tmp_path)
    one = look(profiles, "Metadata_gene", bad_values="fill")
    assert one.n_features == 60
    assert len(shared(one, look(rna, "gene"), ["controls"])) == 8
