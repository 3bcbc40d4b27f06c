"""A cell and its matches side by side as pictures, where a modality holds images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.shell import accuracy, cache
from pages.shell.text import number
from psmatch_core.data.images import picture
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.data.modality import Modality
    from psmatch_core.matching.coupling import Coupling

TOP = 8  # matches that are shown
WIDTH = 100  # px: three fit side by side on a phone


def show_images(folder: RunFolder, coupling: Coupling, label: str, *, row: int, partner: str | None) -> None:
    """The images of one source cell, its matches, their mean and the true partner; nothing without images.

    Parameters
    ----------
    row
        Row of the cell in the plan of the label.
    partner
        Name of the true partner, if it is known.
    """
    models = (coupling.source, coupling.target)
    if all(model.modality.image_shape is None for model in models):
        return
    source, target = cache.cells_as_read(folder, "source"), cache.cells_as_read(folder, "target")
    if source is None or target is None:
        return
    own = coupling.source_cells[label][row]
    shown: list[tuple[Modality, np.ndarray, str]] = []
    if source.image_shape is not None:
        shown.append((source, source.X[own], "this cell"))
    if target.image_shape is None:
        _pictures(shown)
        return
    from psmatch_core.exploration.matched_images import matched_images

    at = np.flatnonzero(target.obs_names == partner) if partner is not None else np.zeros(0, dtype=int)
    found = matched_images(
        coupling[label], row, coupling.target_cells[label], target, top=TOP, partner=int(at[0]) if at.size else None
    )
    compared = [(found.mean, "translation: mean of its matches"), (found.label_mean, "mean of its label")]
    compared.append((found.partner, "true partner"))
    _pictures([*shown, *((target, values, title) for values, title in compared if values is not None)])
    pairs = enumerate(zip(found.matches, found.weights, strict=True), 1)
    _pictures([(target, values, f"match {place}: {weight:.0%}") for place, (values, weight) in pairs])
    if found.r2 == found.r2:
        st.caption(
            f"Compared with the true partner, the translation has R² {number(found.r2, 2)} for this cell; the mean of "
            "the label has 0."
        )
    for each in accuracy.accuracy_of(folder, TO_SOURCE):
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
