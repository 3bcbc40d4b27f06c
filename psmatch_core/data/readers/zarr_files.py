"""The reader of zarr stores of anndata and mudata, in a folder or a zip archive, formats 2 and 3.

All rules are those of h5ad files (``h5ad.py``, ``h5mu.py``): the store is only shown as such a tree.
"""

from __future__ import annotations

from psmatch_core.base.errors import PsmatchError
from psmatch_core.data.readers.base import Opening, Reader, Source
from psmatch_core.data.readers.hdf5 import source_of
from psmatch_core.data.readers.several_files import open_files
from psmatch_core.data.readers.signature import ZARR, ZARR_FOLDER, Signature
from psmatch_core.data.readers.zarr_tree import ZarrGroup, ZarrTree


class ZarrReader(Reader):
    """Reads zarr folders and zipped zarr stores."""

    name = "zarr"

    def accepts(self, signature: Signature) -> bool:
        return signature.content in (ZARR, ZARR_FOLDER)

    def open(self, opening: Opening) -> Source:
        files = open_files(opening.path, opening.shown)
        try:
            tree = ZarrTree(opening.path, opening.shown, files)
            tree.refuse_code()
            root = tree.node("")
            if isinstance(root, ZarrGroup) and set(root) & {"obs", "mod"}:
                return source_of(opening, root)
        except BaseException:
            files.close()
            raise
        files.close()
        if isinstance(root, ZarrGroup) and set(root) & {"tables", "table"}:
            problem = f"{opening.shown} is a SpatialData store, whose table of cells lies deeper."
            hint = f"Give the folder of its table, such as {opening.shown}/tables/table, or save that with write_h5ad."
            raise PsmatchError(problem, hint=hint, code="PM-F43")
        raise PsmatchError(
            f"{opening.shown} is a zarr store but not an AnnData one: it has no cell table (obs).",
            hint="Save the data with anndata's write_zarr.",
            code="PM-F43",
        )
