"""What a map on a canvas says of a cell under the pointer, made once for all visitors of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st

from pages.shell import cache
from pages.shell.cell_canvas import MapPart, part_name
from pages.shell.map_colors import confidence_by_label
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder


def texts_name(folder: RunFolder) -> str:
    """The name of the part, before it is made."""
    return part_name(repr((folder.id, _times(folder))).encode("utf-8"))


def cell_texts(folder: RunFolder) -> MapPart:
    """Names, labels and best matches by the run's own plan."""
    return MapPart(texts_name(folder), _texts(str(folder.path), _times(folder)))


def _times(folder: RunFolder) -> tuple[int, ...]:
    return (*files.PROPENSITY.times(folder), *files.COUPLING.times(folder), *files.MONITOR_REPORT.times(folder))


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Looking up the best matches…")
def _texts(path: str, times: tuple[int, ...]) -> bytes:
    from psmatch_core.exploration.projection import heaviest_match
    from psmatch_core.plotting.map_layers import map_texts

    folder = RunFolder(Path(path))
    models = cache.scored_modalities(folder)
    if not cache.has_matching(folder):
        return map_texts(models)
    coupling = cache.coupling(folder)
    matches = [
        heaviest_match(coupling, side, np.arange(model.modality.n_cells))
        for side, model in zip(SIDES, models, strict=True)
    ]
    return map_texts(models, matches, confidence_by_label(folder))
