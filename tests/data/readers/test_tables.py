"""Tables as people have them: what a column is, by name, content and the roles that were chosen."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.checks.not_measured import not_measured
from psmatch_core.data.readers import DataSpec
from psmatch_core.pipeline.inputs import read_input
from tests.data.readers.made_files import look, refusal

N = 48


def profiles(folder: Path, name: str = "profiles.csv", **changes: object) -> Path:
    """Objects of an image-based screen as CellProfiler and pycytominer write them."""
    draw = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "Metadata_Plate": np.array(["P1", "P2"])[np.arange(N) % 2],
            "Metadata_Well": np.array(["A01", "B02", "C03"])[np.arange(N) % 3],
            "ImageNumber": np.arange(N) // 4 + 1,
            "Metadata_gene": np.array(["STAT1", "MYC", "NT"])[np.arange(N) % 3],
            "Cells_Location_Center_X": draw.uniform(0, 100, N),
            "Nuclei_Number_Object_Number": np.arange(N) + 1,
            **{f"Cells_Texture_Contrast_{i}_00": draw.normal(size=N) for i in range(5)},
        }
    )
    for column, values in changes.items():
        frame[column] = values
    frame.to_csv(folder / name, index=False)
    return folder / name


def test_metadata_and_positions_are_annotation_and_cells_are_numbered(tmp_path: Path) -> None:
    summary = look(profiles(tmp_path), "Metadata_gene")
    assert (summary.n_cells, summary.n_features) == (N, 5)
    assert summary.cell_names[:2] == ("cell_1", "cell_2")
    assert {"Metadata_Plate", "Metadata_Well", "ImageNumber", "Cells_Location_Center_X"} <= {
        each.name for each in summary.columns
    }
    codes = {each.code: each.problem for each in summary.findings}
    assert "first column, Metadata_Plate, does not name single cells" in codes["PM-F29"]
    assert "2 columns are named like a position" in codes["PM-C06"]
    assert "ImageNumber" in codes["PM-F26"]


def test_a_role_that_was_chosen_has_the_last_word(tmp_path: Path) -> None:
    path = profiles(tmp_path, object_name=[f"o{i}" for i in range(N)])
    roles = (
        ("Cells_Location_Center_X", "feature"),
        ("Cells_Texture_Contrast_0_00", "ignored"),
        ("Cells_Texture_Contrast_1_00", "annotation"),
        ("object_name", "cell name"),
    )
    summary = look(path, "Metadata_gene", roles=roles)
    assert summary.n_features == 4
    assert summary.cell_names[0] == "o0"
    columns = {each.name for each in summary.columns}
    assert "Cells_Texture_Contrast_1_00" in columns
    assert "Cells_Texture_Contrast_0_00" not in columns
    modality = read_input(DataSpec(str(path), label_key="Metadata_gene", roles=roles), side="target")
    assert "Cells_Location_Center_X" in modality.var_names
    assert modality.obs_names[0] == "o0"


def two_lines(folder: Path, lines: list[str], name: str = "objects.csv") -> Path:
    """A table below these lines: two columns of an image, then four of cells and four of nuclei."""
    draw = np.random.default_rng(2)
    rows = [
        ",".join([str(i // 4 + 1), ["STAT1", "MYC", "NT"][i % 3], *map("{:.4f}".format, draw.normal(size=8))])
        for i in range(N)
    ]
    (folder / name).write_text("\n".join([*lines, *rows]) + "\n")
    return folder / name


TOP = "Image,Image,Cells,Cells,Cells,Cells,Nuclei,Nuclei,Nuclei,Nuclei"
NAMES = "ImageNumber,Metadata_gene,Area,Solidity,Entropy,Mean,Area,Solidity,Entropy,Mean"


def test_an_object_above_each_name_is_part_of_the_name(tmp_path: Path) -> None:
    summary = look(two_lines(tmp_path, [TOP, NAMES]), "Metadata_gene")
    assert (summary.n_cells, summary.n_features) == (N, 8)
    codes = {each.code: each.problem for each in summary.findings}
    assert "Cells above Area is Cells_Area" in codes["PM-F80"]
    modality = read_input(DataSpec(str(tmp_path / "objects.csv"), label_key="Metadata_gene"), side="target")
    expected = [f"{top}_{each}" for top in ("Cells", "Nuclei") for each in ("Area", "Solidity", "Entropy", "Mean")]
    assert list(modality.var_names) == expected
    plain = two_lines(tmp_path, [",".join(["ImageNumber", "Metadata_gene", *expected])], "plain.csv")
    same = read_input(DataSpec(str(plain), label_key="Metadata_gene"), side="target")
    np.testing.assert_array_equal(np.asarray(modality.X), np.asarray(same.X))


@pytest.mark.parametrize(
    "lines",
    [
        ["Plate 7,2024-05-01,,,,,,,,", NAMES],  # a title
        ["Plate 7,,,,,,,,,", NAMES],
        [NAMES.replace(",Area", ",Size", 1), "x,y,z,a,b,c,d,e,f,g"],  # a row of texts below the header
    ],
)
def test_a_title_and_a_row_of_texts_are_no_second_line_of_names(tmp_path: Path, lines: list[str]) -> None:
    assert "two lines of column names" not in refusal(two_lines(tmp_path, lines), label_key="Metadata_gene")


def test_an_unknown_role_is_told(tmp_path: Path) -> None:
    assert "is not a column and its role" in refusal(profiles(tmp_path), roles=(("Metadata_gene", "labels"),))


@pytest.mark.parametrize("missing", ["", "NA", "nan", "NaN", "N/A", "null", "None", "#DIV/0!", "<NA>"])
def test_missing_numbers_of_every_program_are_listed_and_filled(tmp_path: Path, missing: str) -> None:
    path = profiles(tmp_path, Cells_Texture_Contrast_2_00=with_two(missing))
    assert look(path, "Metadata_gene").matrix("X").bad_features == (("Cells_Texture_Contrast_2_00", 2),)
    filled = look(path, "Metadata_gene", bad_values="fill")
    assert (filled.n_cells, filled.n_features) == (N, 5)
    assert filled.matrix("X").bad_features == ()
    assert any(each.code == "PM-M37" for each in filled.findings)


def with_two(missing: str) -> list[str]:
    """Numbers of a feature, two of which are missing."""
    return [missing if i % 24 == 5 else f"{i / 7:.3f}" for i in range(N)]


@pytest.mark.parametrize(("how", "n_cells", "n_features"), [("drop features", N, 4), ("drop cells", N - 2, 5)])
def test_features_or_cells_with_missing_values_are_left_out_and_listed(
    tmp_path: Path, how: str, n_cells: int, n_features: int
) -> None:
    path = profiles(tmp_path, Cells_Texture_Contrast_2_00=with_two("NA"))
    modality = read_input(DataSpec(str(path), label_key="Metadata_gene", bad_values=how), side="source")
    assert (modality.n_cells, modality.n_features) == (n_cells, n_features)
    assert len(modality.excluded) == N - n_cells
    assert any(each.code == "PM-M37" for each in modality.findings)


def test_a_column_without_any_value_is_left_out_and_named(tmp_path: Path) -> None:
    path = profiles(tmp_path, Cells_Texture_Contrast_4_00=[np.nan] * N, notes=[""] * N)
    summary = look(path, "Metadata_gene")
    assert summary.n_features == 4
    (said,) = [each for each in summary.findings if each.code == "PM-C07"]
    assert "2 columns without any value left out: Cells_Texture" in said.problem


def test_a_table_of_an_embedding_keeps_its_features(tmp_path: Path) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 6)), columns=[f"PC_{i + 1}" for i in range(6)])
    frame.insert(0, "barcode", [f"AC{i}" for i in range(40)])
    frame.to_csv(tmp_path / "pcs.csv", index=False)
    summary = look(tmp_path / "pcs.csv", "")
    assert summary.n_features == 6
    assert not any(each.code == "PM-C06" for each in summary.findings)


MEASURED = (
    "CD19", "HLA-DRB1", "NKX2-1", "S100A8", "LOC100130417", "Parental1", "PCNA", "chr1-0-499", "chr1:1000-1500", "XIST",
    "Cells_Texture_Entropy_RNA_0_00", "Nuclei_AreaShape_Area", "Cells_Neighbors_NumberOfNeighbors_Adjacent", "UMPS",
    "Cytoplasm_Correlation_K_AGP_ER", "IgG1-isotype", "Hu.CD3-UCHT1", "XY1", "SITE1", "TSNE-binding", "MT-CO1", "Y-box",
)  # fmt: skip
NOT_MEASURED = (
    "nCount_RNA", "nFeature_ADT", "percent.mt", "percent_ribo", "pct_counts_mt", "UMAP_1", "umap_2", "tSNE_1",
    "t-sne 2", "total_counts", "n_genes_by_counts", "log1p_total_counts", "Cells_Location_Center_X", "image_x",
    "Nuclei_Parent_Cells", "Nuclei_AreaShape_Center_Y", "Cells_AreaShape_BoundingBoxMinimum_X", "ObjectNumber",
    "ImageNumber", "x_centroid", "array_row", "pxl_col_in_fullres", "doublet_score", "S.Score", "G2M.Score",
    "Children_Cells_Count", "NegControlProbe_00042", "NegControlCodeword_0500", "UnassignedCodeword_0001", "BLANK_0069",
    "Blank-12", "NegPrb3", "SystemControl7", "FalseCode12", "Event_length", "Event #", "beadDist",
)  # fmt: skip
# Of imaging, single-cell programs and ATAC, each in the spelling of the program that writes it.
ELSEWHERE = (
    "Centroid X µm", "centroid-0", "bbox-3", "Cell No.", "cg X", "Cell ID", "Cell: Position X", "XMin", "max_y",
    "Bounding Box Maximum Y", "Object No", "Number of Analyzed Fields", "RNA_snn_res.0.5", "leiden_res_0.25",
    "HTO_margin", "prediction.score.max", "size_factors", "dpt_pseudotime", "latent_time", "TSS.enrichment", "FRiP",
    "nucleosome_signal", "nFrags", "scDblFinder.score", "pANN_0.25_0.09_913", "transcript_counts", "log10GenesPerUMI",
    "control_probe_counts", "velocity_length", "Site ID", "Position X [µm]",
)  # fmt: skip
CYTOF = ("Event_length", "Time", "Center", "Offset", "Width", "Residual")


def test_names_of_measurements_raise_no_alarm_and_the_others_are_known() -> None:
    assert not_measured(MEASURED) == []
    assert not_measured([*MEASURED, *NOT_MEASURED]) == list(NOT_MEASURED)
    assert not_measured([*MEASURED, "x", "y"]) == ["x", "y"]
    assert not_measured([*MEASURED, "Y"]) == []


def test_times_and_pulses_are_known_beside_the_columns_of_a_cytometer() -> None:
    assert not_measured([*MEASURED, *CYTOF]) == list(CYTOF)
    for other in ("FSC-A", "ssc_h", "Comp-SSC-W", "Comp-FITC-A :: CD3"):
        assert not_measured([*MEASURED, "Time", other]) == ["Time"]
    assert not_measured([*MEASURED, "Time", "Width", "FSCN1"]) == []  # a gene, and what a screen of objects measures


@pytest.mark.parametrize("change", [str, str.lower, str.upper, lambda name: name.replace("_", " "), lambda n: f" {n} "])
def test_names_of_other_programs_are_known_in_any_case_and_with_any_mark(change) -> None:
    others = [change(each) for each in ELSEWHERE]
    assert not_measured([*MEASURED, *others]) == others
    assert not_measured([*MEASURED, "Row", "Column", "Plane", "Time [s]"]) == ["Row", "Column", "Plane", "Time [s]"]
    assert not_measured([*MEASURED, "Row", "Plane"]) == []


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(
    name=st.text("abcdefghijklmnopqrstuvwxyz_:. 0123456789", min_size=1, max_size=12).map(lambda each: f"n{each}n"),
    start=st.sampled_from([0, 1]),
    n_rows=st.integers(10, 60),
    at=st.integers(0, 3),
    is_float=st.booleans(),
)
def test_a_column_that_numbers_the_rows_is_no_feature_whatever_its_name(
    tmp_path: Path, name: str, start: int, n_rows: int, at: int, is_float: bool
) -> None:
    draw = np.random.default_rng(n_rows)
    frame = pd.DataFrame(draw.normal(size=(n_rows, 3)), columns=["ACTB", "MYC", "CD3E"])
    frame.insert(at, name, (np.arange(n_rows) + start) * (1.0 if is_float else 1))
    frame.insert(0, "barcode", [f"AC{i}G" for i in range(n_rows)])
    path = tmp_path / "counted.csv"
    frame.to_csv(path, index=False)
    summary = look(path, "")
    assert summary.matrix("X").feature_names == ("ACTB", "MYC", "CD3E")
    assert any("numbers the rows" in each.problem for each in summary.findings)
    shown = name.strip()
    assert look(path, "", roles=((shown, "feature"),)).n_features == 4
    frame.loc[0, name] += 2  # and one that only nearly does is one
    frame.to_csv(path, index=False)
    assert look(path, "").n_features == 4


def test_a_mean_per_well_is_measured_and_a_well_is_not(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        np.random.default_rng(0).integers(0, 9, (40, 3)), columns=["Well", "Nuclei - Area - Mean per Well", "b"]
    )
    frame.insert(0, "barcode", [f"AC{i}G" for i in range(40)])
    frame.to_csv(tmp_path / "wells.csv", index=False)
    assert look(tmp_path / "wells.csv", "").matrix("X").feature_names == ("Nuclei - Area - Mean per Well", "b")


def test_no_feature_left_is_told(tmp_path: Path) -> None:
    numbers = [f"Cells_Texture_Contrast_{i}_00" for i in range(5)]
    numbers += ["ImageNumber", "Cells_Location_Center_X", "Nuclei_Number_Object_Number"]
    roles = tuple((name, "ignored") for name in numbers)
    with pytest.raises(PsmatchError, match="has no features"):
        look(profiles(tmp_path), "Metadata_gene", roles=roles)


@pytest.mark.parametrize("name", ["fov", "ImageNumber", "plate", "Site", "batch_id", "Metadata_Site"])
def test_a_first_column_of_numbers_that_groups_cells_is_no_feature(tmp_path: Path, name: str) -> None:
    draw = np.random.default_rng(2)
    frame = pd.DataFrame({name: np.arange(N) // 6 + 1, "label": ["A", "B", "C"] * 16})
    values = pd.DataFrame(draw.normal(size=(N, 4)), columns=list("pqrs"))
    pd.concat([frame, values], axis=1).to_csv(tmp_path / "t.csv", index=False)
    summary = look(tmp_path / "t.csv", "label")
    assert (summary.n_features, summary.cell_names[0]) == (4, "cell_1")
    assert name in {each.name for each in summary.columns}
    assert not any("was read as a feature" in each.problem for each in summary.findings)


@pytest.mark.parametrize("ending", ["h5ad", "csv"])
def test_what_the_user_calls_a_feature_is_not_doubted_again(tmp_path: Path, ending: str) -> None:
    draw = np.random.default_rng(3)
    names = ["CD3", "CD4", "CD8", "nCount_RNA", "UMAP_1"]
    X = pd.DataFrame(draw.poisson(3.0, (N, 5)).astype(float), columns=names, index=[f"AC{i}" for i in range(N)])
    labels = ["A", "B", "C"] * (N // 3)
    path = tmp_path / f"protein.{ending}"
    if ending == "csv":
        X.assign(gene=labels).to_csv(path)
    else:
        obs = pd.DataFrame({"gene": labels}, index=X.index)
        anndata.AnnData(X.to_numpy(), obs=obs, var=pd.DataFrame(index=names)).write_h5ad(path)

    def said(*chosen: str) -> list[list[str]]:
        roles = tuple((each, "feature") for each in chosen)
        found = read_input(DataSpec(str(path), label_key="gene", roles=roles), side="source").findings
        sides = (look(path, "gene", roles=roles).findings, found)
        return [[each.problem for each in findings if each.code == "PM-C06"] for findings in sides]

    assert all("nCount_RNA, UMAP_1" in problem or "UMAP_1, nCount_RNA" in problem for (problem,) in said())
    assert all("UMAP_1" in problem and "nCount_RNA" not in problem for (problem,) in said("nCount_RNA"))
    assert said("nCount_RNA", "UMAP_1") == [[], []]


def test_columns_that_are_annotation_by_their_names_are_told_at_once(tmp_path):
    """A table of CellProfiler has dozens of them, and a warning for each would hide the others."""
    values = {f"Cells_Texture_{i}": np.arange(60) * (i + 1.5) for i in range(4)}
    numbers = {"ImageNumber": np.arange(60) // 5, "ObjectNumber": np.arange(60) % 5, "plate": np.arange(60) % 2}
    table = pd.DataFrame({"cell": [f"c{i}" for i in range(60)], **numbers, "gene": list("ABC") * 20, **values})
    table.to_csv(tmp_path / "profiles.csv", index=False)
    found = [each for each in look(tmp_path / "profiles.csv", "gene").findings if each.code == "PM-F26"]
    assert [each.problem.partition(": ")[2] for each in found] == [
        "3 columns hold numbers but count as annotation because of their names: ImageNumber, ObjectNumber, plate."
    ]


@pytest.mark.parametrize("header", ["barcode", "Cell_ID", "cell barcode", "CellName"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_cell_names_may_stand_in_any_column(tmp_path: Path, header: str, ending: str) -> None:
    path = profiles(tmp_path, **{header: [f"obj-{'abcdef'[i % 6]}{i // 6}" for i in range(N)]})
    if ending == "parquet":
        path = tmp_path / "profiles.parquet"
        pd.read_csv(tmp_path / "profiles.csv").to_parquet(path)
    found = look(path, "Metadata_gene")
    assert found.cell_names[1] == "obj-b0"
    assert [each.code for each in found.findings if each.code in ("PM-C10", "PM-F29")] == ["PM-C10"]
    roles = look(path, "Metadata_gene", roles=((header, "annotation"),))
    assert roles.cell_names[1] == "cell_2"


def test_a_column_of_repeated_or_numbered_names_names_no_cells(tmp_path: Path) -> None:
    for values in (["obj-a"] * 2 + [f"obj-{i}" for i in range(N - 2)], range(N)):
        found = look(profiles(tmp_path, cell_id=list(values)), "Metadata_gene")
        assert found.cell_names[0] == "cell_1"
    found = look(profiles(tmp_path, cell_id=[f"c{i}x" for i in range(N)]), "Metadata_gene", pair_key="cell_id")
    assert found.cell_names[0] == "cell_1"  # it is asked for as the pair column
