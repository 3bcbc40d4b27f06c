"""What a run predicts of one modality from the other, loaded for the tabs of this page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.shell import cache
from psmatch_core.data.sides import SIDES
from psmatch_core.translation.translate import TO_SOURCE
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.translation.translators import FittedTranslator
    from psmatch_core.workspace.predictions import Predicted


def trained_translator(folder: RunFolder, direction: str) -> FittedTranslator | None:
    """The translator of a direction; None if it was not trained."""
    return _translator(str(folder.path), direction, files.TRANSLATOR.times(folder))


def known_pairs(folder: RunFolder, direction: str) -> tuple[Any, Any, bool]:
    """Rows of predicted and of measured cells that are the same cell, and whether they are held-out cells."""
    from psmatch_core.workspace.predictions import paired_cells

    fitted = trained_translator(folder, direction)
    predicted, measured = paired_cells(cache.coupling(folder), direction, fitted)
    return predicted, measured, fitted is not None


def values_in_pairs(folder: RunFolder, found: Predicted, name: str, rows: tuple[Any, Any]) -> tuple[Any, ...]:
    """A feature as predicted and as measured in known pairs, its label means, and the labels, ``(n_pairs,)`` each.

    Parameters
    ----------
    rows
        Rows of the predicted and of the measured cells.
    """
    column = _column(found.features, name)
    labels = cache.scored_modalities(folder)[SIDES.index(found.of)].modality.labels
    measured = found.measured[:, column]
    means = {label: measured[labels == label].mean() for label in set(labels[rows[1]].tolist())}
    baseline = np.array([means[label] for label in labels[rows[1]].tolist()], dtype=float)
    return found.predicted[rows[0], column], measured[rows[1]], baseline, labels[rows[1]]


def are_pixels(folder: RunFolder, direction: str) -> bool:
    """Whether the predicted features of a direction are the pixels of images."""
    return cache.scored_modalities(folder)[direction == TO_SOURCE].modality.image_shape is not None


def say_no_predictions() -> None:
    """Say why a run has no predictions to show, and what to do."""
    st.info(
        "This run saved no predictions of single features: an earlier version made it, or there are too many cells and "
        "features. → Match again, or open the exported h5ad.",
        icon=":material/arrow_forward:",
    )


def _column(features: Any, name: str) -> int:
    return int((features == name).nonzero()[0][0])


@st.cache_resource(max_entries=cache.KEPT, show_spinner=False)
def _translator(path: str, direction: str, times: tuple[int, ...]) -> FittedTranslator | None:
    return files.TRANSLATOR.read(RunFolder(Path(path)), which=direction)
