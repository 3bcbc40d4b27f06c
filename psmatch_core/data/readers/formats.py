"""File formats: the first bytes of a file decide which reader opens it; known other formats are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers.base import Opening, Reader, Source
from psmatch_core.data.readers.columnar import ColumnarReader
from psmatch_core.data.readers.data_spec import FORMATS_READ
from psmatch_core.data.readers.delimited import DelimitedReader
from psmatch_core.data.readers.feature_types import chosen_part
from psmatch_core.data.readers.hdf5 import Hdf5Reader
from psmatch_core.data.readers.npz import NpyReader, NpzReader
from psmatch_core.data.readers.signature import Signature, read_signature
from psmatch_core.data.readers.tenx_mtx import MtxReader
from psmatch_core.data.readers.zarr_files import ZarrReader
from psmatch_core.data.readers.zipped_table import ZippedTableReader

READERS: tuple[Reader, ...] = (
    Hdf5Reader(),
    DelimitedReader(),
    ColumnarReader(),
    NpzReader(),
    NpyReader(),
    MtxReader(),
    ZarrReader(),
    ZippedTableReader(),
)

_TO_H5AD = "Convert it to h5ad, for instance with scanpy, and load the h5ad file."
_TO_CSV = "Open it and use 'Save as' to export it as csv (UTF-8)."
_COUNT_FIRST = "Give the matrix of counts that the pipeline (such as Cell Ranger) made of them."
_UNPACK = "Unpack it first, then load the file inside."
# Format → what the message says about it, what to do, code.
_REFUSED: dict[str, tuple[str, str, str]] = {
    "html": (
        "is a web page (HTML) that was saved instead of the file",
        "Download it again with the 'raw' or 'download' button; sign in first if the site requires it.",
        "PM-F05",
    ),
    "xml": ("is an XML page, probably the error message of a server", "Download the file again.", "PM-F05"),
    "json": ("is a JSON text, not a table", _TO_H5AD, "PM-F06"),
    "git-lfs": (
        "is only a pointer to the file (git LFS)",
        "Fetch the content with 'git lfs pull', then load it again.",
        "PM-F06",
    ),
    "xlsx": ("is an Excel file (xlsx)", _TO_CSV, "PM-F08"),
    "xls": ("is an Excel file (xls)", _TO_CSV, "PM-F08"),
    "ods": ("is a spreadsheet (ods)", _TO_CSV, "PM-F08"),
    "rds": (
        "is an R file (RDS, as Seurat writes)",
        "Convert it in R: export it as h5ad, for instance with zellkonverter.",
        "PM-F09",
    ),
    "mtx": (
        "is a Matrix Market file without the names of its rows and columns",
        "Give the folder with matrix.mtx, barcodes.tsv and features.tsv, or a tar.gz of the three.",
        "PM-F39",
    ),
    "folder": (
        "is a folder, not a file, and holds no data that can be read as one",
        "Give the path of a file, of a zarr store, or of the folder with matrix.mtx, barcodes.tsv and features.tsv.",
        "PM-F00",
    ),
    "7z": ("is a 7z archive", _UNPACK, "PM-F10"),
    "rar": ("is a rar archive", _UNPACK, "PM-F10"),
    "lz4": ("is compressed with lz4", _UNPACK, "PM-F10"),
    "cut zip": (
        "is incomplete (cut off): it begins like a zip or npz file, but its end is missing",
        "Download or copy it again.",
        "PM-F30",
    ),
    "bzip2": ("is compressed with bzip2", _UNPACK, "PM-F10"),
    "xz": ("is compressed with xz", _UNPACK, "PM-F10"),
    "zstd": ("is compressed with zstd", _UNPACK, "PM-F10"),
    "pdf": ("is a PDF document", "Choose the data file itself.", "PM-F12"),
    "microscope": (
        "is a file of a microscope, with images and not with values of cells",
        "Measure the cells (for instance with CellProfiler), or save one image of each cell in an npz file.",
        "PM-F12",
    ),
    "torch": (
        "is a PyTorch file, which could run code and is not read",
        "Save the arrays with numpy: np.savez(path, X=embeddings.numpy(), obs_names=names).",
        "PM-F12",
    ),
    "safetensors": (
        "is a safetensors file, whose arrays have no cell names",
        "Save the arrays with numpy: np.savez(path, X=embeddings, obs_names=names).",
        "PM-F12",
    ),
    "statistics": ("is a file of SPSS or Stata", "Export the table as csv.", "PM-F12"),
    "columns": ("is an ORC or Avro table", "Save it as parquet or csv.", "PM-F12"),
    "adat": (
        "is an ADAT file of SomaScan, with annotation in lines and columns around the values",
        "Read it with SomaDataIO in R and save one row for each sample as csv.",
        "PM-F12",
    ),
    "soft": (
        "is a description of a series of GEO, not a table of cells",
        "Load the supplementary files of the series.",
        "PM-F12",
    ),
    "image": ("is an image", "Choose the data file itself.", "PM-F12"),
    "sqlite": ("is a database file", "Export the table as csv.", "PM-F12"),
    "matlab": ("is a MATLAB file", _TO_H5AD, "PM-F12"),
    "document": ("is a text document or a presentation", "Choose the data file itself.", "PM-F12"),
    "fcs": (
        "is an FCS file of a cytometer",
        "Export the gated events as csv with the markers in its first line, for instance from FlowJo or with flowCore.",
        "PM-F12",
    ),
    "gct": (
        "is a GCT file, with features in rows below two lines of sizes",
        "Read it with cmapPy or in R, transpose it, and save one row for each cell as csv.",
        "PM-F12",
    ),
    "reads": ("holds reads or variants of a sequencer, not values of cells", _COUNT_FIRST, "PM-F12"),
    "pickle": (
        "is a Python pickle, which could run code and is not read",
        "Save it in another format, for instance with adata.write_h5ad() or table.to_parquet().",
        "PM-F12",
    ),
}
_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".tab")
_HDF5_ENDINGS = (".h5ad", ".h5", ".hdf5", ".h5mu", ".loom")


def open_source(
    path: Path,
    shown: str,
    *,
    text_columns: tuple[str, ...],
    memory_mb: int,
    part: str = "",
    roles: Mapping[str, str] | None = None,
) -> tuple[Source, str]:
    """Open a file, or one part of it, with the reader of its format, and return the format's name too.

    Raises
    ------
    PsmatchError
        If the file does not exist, is empty, has a format that is not read, or the name of another format.
    """
    checked = checked_opening(path, shown, text_columns=text_columns, memory_mb=memory_mb)
    opening = replace(checked, part=part, roles=roles or {})
    reader = next((each for each in READERS if each.accepts(opening.signature)), None)
    if reader is None:
        raise _refusal(opening.signature, shown)
    opened = reader.open(opening)
    return chosen_part(opened, part), opened.format_name or reader.name


def checked_opening(path: Path, shown: str, *, text_columns: tuple[str, ...], memory_mb: int) -> Opening:
    """Check that a file exists, is not empty and has the format that its name says."""
    if not path.is_file() and not path.is_dir():
        raise PsmatchError(f"{shown} was not found.", hint="Check the path of the file.", code="PM-F00")
    try:
        signature = read_signature(path)
    except PermissionError:
        problem = f"{shown} cannot be opened: this program has no permission to read it."
        raise PsmatchError(problem, hint="Change the permissions of the file.", code="PM-F00") from None
    if signature.content == "empty":
        problem = f"{shown} is empty (0 bytes)."
        raise PsmatchError(problem, hint="Download or copy it again.", code="PM-F01")
    if signature.content == "blank":
        problem = f"{shown} is empty: it holds nothing, or only zero bytes."
        raise PsmatchError(problem, hint="Download or copy it again.", code="PM-F01")
    _refuse_wrong_name(signature, shown)
    return Opening(path, shown, signature, text_columns, memory_mb)


def _refuse_wrong_name(signature: Signature, shown: str) -> None:
    name = shown.lower().removesuffix(".gz")
    if signature.content == "hdf5" and signature.is_gzipped:
        problem = f"{shown} is an HDF5 file (h5ad) compressed with gzip."
        raise PsmatchError(problem, hint="Unpack it first (gunzip), then load it.", code="PM-F10")
    if signature.content == "hdf5" and name.endswith((*_TEXT_ENDINGS, ".npz")):
        problem = f"{shown} is not what its name says: its content is HDF5, as in h5ad files."
        raise PsmatchError(problem, hint="Rename it so that it ends in .h5ad.", code="PM-F07")
    if signature.content == "npz" and name.endswith((*_TEXT_ENDINGS, *_HDF5_ENDINGS)):
        problem = f"{shown} is not what its name says: its content is npz (numpy arrays)."
        raise PsmatchError(problem, hint="Rename it so that it ends in .npz.", code="PM-F07")
    if signature.content == "zip" and name.endswith(".npz"):
        problem = f"{shown} is damaged or invalid: it holds parts that are no arrays (npy)."
        raise PsmatchError(problem, hint="Download it again, or save it with numpy's savez.", code="PM-F50")
    if signature.content == "text" and name.endswith((*_HDF5_ENDINGS, ".npz", ".xlsx", ".xls")):
        problem = f"{shown} is a plain text file, despite its name."
        raise PsmatchError(
            problem,
            hint="If it is a table, rename it so that it ends in .csv or .tsv; otherwise download it again.",
            code="PM-F06",
        )


def _refusal(signature: Signature, shown: str) -> PsmatchError:
    known = _REFUSED.get(signature.content)
    if known is not None:
        what, hint, code = known
        return PsmatchError(f"{shown} {what}.", hint=hint, code=code)
    if signature.content == "gzip":
        return PsmatchError(
            f"{shown} is incomplete or damaged: its gzip content cannot be decompressed.",
            hint="Download or copy it again.",
            code="PM-F30",
        )
    if signature.is_gzipped:
        return PsmatchError(
            f"{shown} is compressed with gzip, but its content is binary and not a table.",
            hint="Download it again, or unpack it to see what it holds.",
            code="PM-F30",
        )
    return PsmatchError(
        f"{shown} has an unknown format. Read are {FORMATS_READ}.",
        hint="If it should be one of these, it is damaged: download it again.",
        code="PM-F12",
    )
