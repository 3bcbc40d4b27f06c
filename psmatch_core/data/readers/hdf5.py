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
    raise PsmatchError(
        f"{opening.shown} is an HDF5 file but not an AnnData (h5ad) file: it has no cell table (obs).",
        hint="Save it as h5ad from the program that wrote it.",
        code="PM-F43",
    )
