"""The reader of HDF5 files. The groups inside tell whether it is h5ad, h5mu, loom or a 10x matrix."""

from __future__ import annotations

from typing import Any

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers.base import Opening, Reader, Source
from psmatch_core.data.readers.h5_safety import attribute_text, open_scanned
from psmatch_core.data.readers.h5ad import H5adSource
from psmatch_core.data.readers.h5mu import H5muSource
from psmatch_core.data.readers.loom import LoomSource, is_loom
from psmatch_core.data.readers.signature import Signature
from psmatch_core.data.readers.tenx import TenxHdf5Source, tenx_groups


class Hdf5Reader(Reader):
    """Reads h5ad, h5mu and loom files, and 10x matrices."""

    name = "h5ad"

    def accepts(self, signature: Signature) -> bool:
        return signature.content == "hdf5" and not signature.is_gzipped

    def open(self, opening: Opening) -> Source:
        file = open_scanned(opening.path, opening.shown)
        try:
            return TenxHdf5Source(opening, file) if tenx_groups(file) else source_of(opening, file)
        except BaseException:
            file.close()
            raise


# Groups at the top of files of other programs.
_OTHER_PROGRAMS = {
    ("DataSet", "DataSetInfo"): "Imaris",
    ("barcode_idx", "feature_idx"): "Cell Ranger (molecules)",
    ("model_weights",): "Keras",
    ("geneExp",): "Stereo-seq (gef)",
}


def source_of(opening: Opening, root: Any) -> Source:
    """The source of a tree as anndata or mudata writes it, in HDF5 or zarr.

    Raises
    ------
    PsmatchError
        If it is another tree.
    """
    names, kind = set(root), attribute_text(root, "encoding-type").lower()
    if "mod" in names or kind == "mudata":
        return H5muSource(opening, root)
    if "obs" in names or kind == "anndata":
        return H5adSource(opening, root)
    if is_loom(root):
        return LoomSource(opening, root)
    if {"assays", "meta.data"} <= names:
        problem = f"{opening.shown} is an h5Seurat file, which only R reads."
        hint = "Convert it in R: SeuratDisk::Convert(file, dest = 'h5ad')."
        raise PsmatchError(problem, hint=hint, code="PM-F43")
    if "PYTABLES_FORMAT_VERSION" in getattr(root, "attrs", {}):
        problem = f"{opening.shown} holds tables of pandas (HDFStore), which could run code and are not read."
        hint = "Save it with table.to_parquet(path), one row for each cell."
        raise PsmatchError(problem, hint=hint, code="PM-F43")
    known = next((what for parts, what in _OTHER_PROGRAMS.items() if set(parts) <= names), None)
    if known is not None:
        problem = f"{opening.shown} is an HDF5 file of {known}, not an AnnData (h5ad) file."
        hint = "Read it there and save the cells as h5ad, or as parquet or csv with one row for each cell."
        raise PsmatchError(problem, hint=hint, code="PM-F43")
    raise PsmatchError(
        f"{opening.shown} is an HDF5 file but not an AnnData (h5ad) file: it has no cell table (obs).",
        hint="Save it as h5ad from the program that wrote it.",
        code="PM-F43",
    )
