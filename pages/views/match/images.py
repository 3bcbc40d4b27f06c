"""A cell and its matches side by side as pictures, where a modality holds images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import accuracy, cache
from pages.shell.places import in_own_place
from pages.shell.text import number
from psmatch_core.data.images import picture
from psmatch_core.data.sides import SIDES
from psmatch_core.translation.translate import TO_SOURCE, TO_TARGET
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.data.modality import Modality
    from psmatch_core.exploration.matched_cell import MatchedCell
    from psmatch_core.matching.coupling import Coupling

TOP = 8  # matches that are shown
WIDTH = 100  # px: three fit side by side on a phone


@in_own_place
def show_images(folder: RunFolder, coupling: Coupling, cell: MatchedCell, *, partner: int | None) -> None:
    """The images of one cell, its matches, their mean and the true partner; nothing without images.

    Parameters
    ----------
    partner
        Row of the true partner in the other modality, if it is known.
    """
    models = (coupling.source, coupling.target)
    if all(model.modality.image_shape is None for model in models):
        return
    is_source = cell.side == "source"
    own, other = (cache.cells_as_read(folder, side) for side in (SIDES if is_source else SIDES[::-1]))
    if own is None or other is None:
        return
    shown: list[tuple[Modality, np.ndarray, str]] = []
    if own.image_shape is not None:
        shown.append((own, own.X[cell.cell], "this cell"))
    if other.image_shape is None:
        _pictures(shown)
        return
    from psmatch_core.exploration.matched_images import matched_images

    block, cells, columns = coupling[cell.label], coupling.source_cells[cell.label], coupling.target_cells[cell.label]
    if not is_source:
        block, cells, columns = block.T, columns, cells
    row = int(np.searchsorted(cells, cell.cell))
    found = matched_images(block, row, columns, other, top=TOP, partner=partner)
    compared = [(found.mean, "translation: mean of its matches"), (found.label_mean, "mean of its label")]
    compared.append((found.partner, "true partner"))
    _pictures([*shown, *((other, values, title) for values, title in compared if values is not None)])
    pairs = enumerate(zip(found.matches, found.weights, strict=True), 1)
    _pictures([(other, values, f"match {place}: {weight:.0%}") for place, (values, weight) in pairs])
    if found.r2 == found.r2:
        st.caption(
            f"Compared with the true partner, the translation has R² {number(found.r2, 2)} for this cell; the mean of "
            "the label has 0."
        )
    for each in accuracy.accuracy_of(folder, TO_SOURCE if is_source else TO_TARGET):
        accuracy.show_finding(each)


def _pictures(images: list[tuple[Modality, np.ndarray, str]]) -> None:
    """Images side by side, those of one modality in the same range of values; they wrap on a narrow screen."""
    with st.container(horizontal=True, gap="small"):
        for of, values, title in images:
            if of.image_shape is None:
                continue
            is_bytes = of.X.dtype == np.uint8
            low, high = (0.0, 255.0) if is_bytes else (float(of.X.min()), float(of.X.max()))
            image = picture(np.asarray(values), of.image_shape, low=low, high=high)
            st.image(image, caption=title, width=WIDTH)
