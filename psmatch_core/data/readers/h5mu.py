"""The h5mu reader: one file of mudata with several modalities, each an AnnData object with cells of its own.

A modality is opened like an h5ad file. Its annotation columns are its own and those of the whole file (``obs`` beside
``mod``), found by cell name; a column of the file that only repeats one of the modality (``rna:cell_type``) is left
out. While none is chosen, the first one is shown; a run needs a choice. Matrices of the whole file (obsm beside
``mod``, such as joint embeddings) belong to no modality and are named.

Source: mudata, "The H5MU format"; h5py reads it, since importing mudata takes seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from psmatch_core.base.errors import plural
from psmatch_core.data.checks import label_texts, name_list
from psmatch_core.data.checks.findings import warning
from psmatch_core.data.readers.base import Opening, Part
from psmatch_core.data.readers.h5_safety import damaged
from psmatch_core.data.readers.h5_tables import Table
from psmatch_core.data.readers.h5ad import H5adSource

if TYPE_CHECKING:
    import pandas as pd

WHOLE = " (whole file)"  # behind a column of the file that differs from the modality's column of the same name


def modalities(file: Any) -> tuple[str, ...]:
    """Names of the modalities of an h5mu file in its order; empty if it is another file."""
    mod = file.get("mod")
    if not hasattr(mod, "keys"):
        return ()
    order = [
        each.decode() if isinstance(each, bytes) else str(each) for each in np.ravel(mod.attrs.get("mod-order", []))
    ]
    return tuple(each for each in dict.fromkeys((*order, *mod)) if hasattr(mod.get(each), "keys"))


class H5muSource(H5adSource):
    """One modality of an opened h5mu file."""

    format_name = "h5mu"

    def __init__(self, opening: Opening, file: Any) -> None:
        names = modalities(file)
        if not names:
            raise damaged(opening.shown, "it is an h5mu file without a modality")
        self._whole = file
        self._modality = opening.part if opening.part in names else names[0]
        super().__init__(opening, file[f"mod/{self._modality}"])
        self._parts = tuple(Part(each, *self._size(file[f"mod/{each}"])) for each in names)
        self._shared = self._columns_of_file()
        if len(names) > 2 and not opening.part:  # of two, each side takes one
            problem = f"{self.shown} holds {plural(len(names), 'modality', 'modalities')}: {name_list(names, 6)}."
            hint = f"Choose which one to use (part); {self._modality} is shown."
            self.findings.append(warning("PM-F41", problem, hint))
        joint = [each for each in file.get("obsm", ()) if each not in names]
        if joint:
            problem = f"{self.shown}: {name_list(f'obsm/{each}' for each in joint)} of the whole file cannot be chosen."
            hint = "Nothing, if you do not need it; otherwise save it in obsm of one modality."
            self.findings.append(warning("PM-F70", problem, hint))

    @property
    def parts(self) -> tuple[Part, ...]:
        return self._parts

    @property
    def needs_part(self) -> bool:
        return len(self._parts) > 1

    @property
    def column_names(self) -> tuple[str, ...]:
        return (*super().column_names, *self._shared)

    def column(self, name: str) -> pd.Series:
        return self._shared_column(name) if name in self._shared else super().column(name)

    def close(self) -> None:
        self._whole.close()

    def _size(self, group: Any) -> tuple[int, int]:
        """Cells and features of a modality."""
        sizes = []
        for place in ("obs", "var"):
            item = group.get(place)
            sizes.append(0 if item is None else Table(item, self.shown, self._max_bytes).n_rows)
        return sizes[0], sizes[1]

    def _columns_of_file(self) -> dict[str, str]:
        """Columns of the whole file that this modality does not have: the name here, and the name in the file."""
        if "obs" not in self._whole:
            return {}
        self._file_obs = Table(self._whole["obs"], self.shown, self._max_bytes, findings=self.findings)
        row = {name: at for at, name in enumerate(self._file_obs.names())}
        self._file_rows = np.array([row.get(each, -1) for each in self.obs_names], dtype=np.int64)  # (n_cells,)
        own, shared = super().column_names, {}
        for name in self._file_obs.columns:
            if name.removeprefix(f"{self._modality}:") not in own:
                shared[name] = name
            elif name in own:
                shared[name + WHOLE] = name
        return {name: stored for name, stored in shared.items() if name == stored or self._differs(stored)}

    def _differs(self, name: str) -> bool:
        here, there = label_texts(super().column(name)), label_texts(self._read_shared(name))
        return here.tolist() != there.tolist()

    def _shared_column(self, name: str) -> pd.Series:
        return self._read_shared(self._shared[name]).rename(name)

    def _read_shared(self, stored: str) -> pd.Series:
        column = self._file_obs.column(stored, self._file_obs.n_rows)
        return column.reindex(self._file_rows).reset_index(drop=True)  # -1 is no row: missing
