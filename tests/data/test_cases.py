"""Fourteen files as labs have them, each with one trait of real files, and what is right (../shared/cases)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from psmatch_core.cli.inspected_files import describe_files
from psmatch_core.data.checks import check_pair, pairs_of_files
from psmatch_core.data.labels.label_rules import LabelRules, reconcile_by_rules
from psmatch_core.data.labels.shared_labels import LabelReport
from psmatch_core.data.labels.suggestions import suggest
from psmatch_core.data.preprocessing import Preprocessing
from psmatch_core.data.proposals import proposal_for
from psmatch_core.data.readers import DataSpec, FileSummary
from tests.data.readers.made_files import look

CASES = Path(__file__).parents[2].parent / "shared" / "cases"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES.is_dir(), reason="the files of labs are not beside the checkout (../shared/cases)"),
]


def file(name: str) -> Path:
    """The one file of the cases with this ending, such as ``09/rna.h5ad``."""
    case, _, path = name.partition("/")
    (folder,) = CASES.glob(f"{case}_*")
    return folder / path


def codes(summary: FileSummary) -> set[str]:
    return {each.code for each in summary.findings}


def shared(one: FileSummary, other: FileSummary, rules: LabelRules | None = None) -> LabelReport:
    counts = [summary.column(summary.label_key).counts for summary in (one, other)]
    return reconcile_by_rules(rules or LabelRules(), *counts, source_name="one", target_name="other")


def accepted(one: FileSummary, other: FileSummary, kinds: Sequence[str]) -> LabelRules:
    """The rules after some suggestions, each made in view of those before it."""
    rules = LabelRules()
    for kind in kinds:
        report = shared(one, other, rules)
        found = {each.kind: each for each in suggest(report.source_counts, report.target_counts)}[kind]
        rules = LabelRules(
            rename_source=(*rules.rename_source, *found.rename_source),
            rename_target=(*rules.rename_target, *found.rename_target),
            leave_out=(*rules.leave_out, *found.leave_out),
        )
    return rules


def test_the_sound_files_are_sound() -> None:
    one, other = look(file("00/rna.h5ad"), "perturbation"), look(file("00/adt.h5ad"), "perturbation")
    assert codes(one) | codes(other) == set()
    assert len(shared(one, other).shared) == 8


def test_codes_of_a_factor_are_read_by_the_names_in_their_file() -> None:
    sides = [look(file(f"01/{name}.h5ad"), "perturbation") for name in ("rna", "adt")]
    for side in sides:
        assert set(side.column("perturbation").counts) == {
            "BRD4", "CUL3", "IRF1", "JAK2", "MYC", "NT", "SMAD4", "STAT1"
        }  # fmt: skip


@pytest.mark.parametrize("name", ["clean.csv", "nan.csv", "nan_text.csv", "nan.h5ad"])
def test_profiles_of_cellprofiler_open_in_every_form(name: str) -> None:
    path = file(f"04/profiles_{name}")
    found = look(path, "Metadata_gene")
    bad = dict(found.matrix("X").bad_features)
    if "nan" in name:
        assert bad["Cytoplasm_AreaShape_Area"] == 8
        assert bad["Cytoplasm_AreaShape_Eccentricity"] == 1
    if name.endswith(".csv"):
        assert found.cell_names[0] == "cell_1"
        assert "Cells_Location_Center_X" in {each.name for each in found.columns}
    for how, kept in (("fill", 39), ("drop features", 37)):
        mended = look(path, "Metadata_gene", bad_values=how)
        assert mended.n_features == (40 if "clean" in name else kept)
        assert mended.matrix("X").bad_features == ()
    assert look(path, "Metadata_gene", bad_values="drop cells").n_cells == (320 if "clean" in name else 311)


def test_guides_become_genes_and_cells_with_two_guides_are_named() -> None:
    table = file("05/protospacer_calls_per_cell.csv")
    one = look(file("05/rna.h5ad"), "feature_call", labels_path=table)
    other = look(file("05/adt_gene.h5ad"), "perturbation")
    assert not one.column("num_features").is_label_candidate
    report = shared(one, other, accepted(one, other, ["several", "guides", "controls"]))
    assert len(report.shared) == 8
    assert sum(report.source_counts[each] for each in report.shared) == 251


@pytest.mark.parametrize("name", ["bare", "dot", "prefix", "suffix0"])
def test_names_with_endings_and_prefixes_are_known_pairs(name: str) -> None:
    one, other = look(file("07/rna.h5ad"), "perturbation"), look(file(f"07/adt_{name}.h5ad"), "perturbation")
    found = pairs_of_files(one, other, "perturbation", "perturbation")
    assert found.are_known
    assert found.n_equal == 320


def test_calls_of_a_demultiplexer_are_no_conditions() -> None:
    one, other = look(file("08/rna.h5ad"), "hash.ID"), look(file("08/adt.h5ad"), "hash.ID")
    report = shared(one, other, accepted(one, other, ["calls"]))
    assert not {"Doublet", "Negative"} & set(report.shared)
    assert len(report.shared) == 8


def test_drug_and_dose_make_one_label_and_the_dose_is_named() -> None:
    sides = [look(file(f"09/{name}.h5ad"), "product_name") for name in ("rna", "adt")]
    found = check_pair(*sides, source_label_key="product_name", target_label_key="product_name")
    assert any("Column dose splits the labels" in each.problem for each in found)
    both = [look(file(f"09/{name}.h5ad"), "product_name", label_with=("dose",)) for name in ("rna", "adt")]
    assert len(shared(*both).shared) == 8


@pytest.mark.parametrize("name", ["one", "other"])
def test_proteins_in_obsm_are_offered_by_their_names(name: str) -> None:
    summary = look(file(f"10/{name}.h5ad"), "perturbation")
    for key in ("obsm/protein_expression", "obsm/protein_counts"):
        matrix = summary.matrix(key)
        assert (matrix.n_features, matrix.kind, matrix.is_sparse) == (24, "counts", False)
        assert not matrix.feature_names[0].startswith("protein")


def test_controls_of_many_names_are_joined() -> None:
    one, other = look(file("12/rna.h5ad"), "gene"), look(file("12/img.h5ad"), "gene")
    report = shared(one, other, accepted(one, other, ["controls"]))
    assert len(report.shared) == 8
    assert sum(report.source_counts[each] for each in report.shared) == 320


@pytest.mark.parametrize("name", ["rna", "img"])
def test_a_plate_that_names_the_label_is_told_and_a_well_row_is_not(name: str) -> None:
    said = [each.problem for each in look(file(f"15/{name}.h5ad"), "perturbation").findings]
    assert any("column plate names the label (perturbation) of 320 of 320 cells" in each for each in said)
    assert not any("well_row" in each for each in said)


def test_peaks_are_features() -> None:
    assert "PM-F23" not in codes(look(file("17/atac.h5ad"), "perturbation"))


@pytest.mark.parametrize(
    "name", ["filtered_feature_bc_matrix", "filtered_feature_bc_matrix.h5", "read_10x_h5_gex_only_False.h5ad"]
)
def test_feature_types_are_told_and_one_is_chosen(name: str) -> None:
    path = file(f"18/{name}")
    summary = look(path, "")
    assert "PM-F37" in codes(summary)
    assert {each.name for each in summary.parts} == {"Gene Expression", "Antibody Capture", "CRISPR Guide Capture"}
    assert look(path, "", part="Antibody Capture").n_features == 24


def test_guides_among_genes_give_the_label_away() -> None:
    assert "PM-L30" in codes(look(file("18/weak_gex_guides.h5ad"), "perturbation"))
    assert "PM-L30" not in codes(look(file("18/weak_gex.h5ad"), "perturbation"))


def test_features_are_called_by_their_symbols() -> None:
    names = look(file("20/census.h5ad"), "perturbation").matrix("X").feature_names
    assert not any(each.startswith("ENSG") for each in names)


def test_numbered_cells_are_no_known_pairs() -> None:
    specs = [DataSpec(path=str(file(f"31/{name}.csv"))) for name in ("rna", "adt")]
    text, code = describe_files(specs)
    assert code == 0
    assert "True pairs: not known" in text
    assert "they only number the cells" in text


@pytest.mark.parametrize(
    ("name", "label", "proposed"),
    [
        ("17/atac.h5ad", "perturbation", {"normalize": "tfidf", "n_components": 50}),
        ("17/adt.h5ad", "perturbation", {"normalize": "clr"}),
        ("18/gex_only.h5ad", "perturbation", {}),  # auto does what suits genes
        ("20/census.h5ad", "perturbation", {}),  # logged already
        (
            "04/profiles_clean.csv",
            "Metadata_gene",
            {
                "batch_scaling": "robust z",
                "batch_key": "Metadata_Plate",
                "batch_controls": ("NT",),
                "largest_correlation": 0.9,
            },
        ),
    ],
)
def test_a_preprocessing_that_suits_the_assay_is_proposed(name: str, label: str, proposed: dict[str, object]) -> None:
    summary = look(file(name), label)
    column = summary.column(label)
    found = proposal_for(summary.matrices[0], summary.columns, column.counts if column else {})
    assert found is not None
    assert found.open_changes(Preprocessing()) == proposed
