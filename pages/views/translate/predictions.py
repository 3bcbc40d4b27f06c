"""What a run predicts of one modality from the other, loaded for the tabs of this page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache
from psmatch_core.data.sides import SIDES
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.shifts import LabelShifts
    from psmatch_core.translation.translators import FittedTranslator
    from psmatch_core.workspace.predictions import Predicted


def trained_translator(folder: RunFolder, direction: str) -> FittedTranslator | None:
    """The translator of a direction; None if it was not trained."""
    return _translator(str(folder.path), direction, files.TRANSLATOR.times(folder))


def shifts(folder: RunFolder, direction: str) -> LabelShifts | None:
    """Predicted and measured shifts of all labels; None if the run saved no predictions."""
    return _shifts(str(folder.path), direction, files.PREDICTED.times(folder))


def known_pairs(folder: RunFolder, direction: str) -> tuple[Any, Any, bool]:
    """Rows of predicted and of measured cells that are the same cell, and whether they are held-out cells."""
    from psmatch_core.workspace.predictions import paired_cells

    fitted = trained_translator(folder, direction)
    predicted, measured = paired_cells(cache.coupling(folder), direction, fitted)
    return predicted, measured, fitted is not None


def values_in_pairs(folder: RunFolder, found: Predicted, name: str, rows: tuple[Any, Any]) -> tuple[Any, Any, Any]:
    """A feature as predicted and as measured in known pairs, and their labels, ``(n_pairs,)`` each.

    Parameters
    ----------
    rows
        Rows of the predicted and of the measured cells.
    """
    column = _column(found.features, name)
    model = cache.scored_modalities(folder)[SIDES.index(found.at)]
    return found.predicted[rows[0], column], found.measured[rows[1], column], model.modality.labels[rows[0]]


def label_means(found: LabelShifts, name: str) -> tuple[Any, Any, Any]:
    """Predicted and measured mean of a feature in each label, and the labels."""
    import numpy as np

    column = _column(found.features, name)
    return found.predicted_mean[:, column], found.measured_mean[:, column], np.array(found.labels)


def say_no_predictions() -> None:
    """Say why a run has no predictions to show, and what to do."""
    st.info(
        "This run saved no predictions to show here: an earlier version made it, its features are pixels, or there are "
        "too many features. Translate again, or open the exported h5ad.",
        icon=":material/arrow_forward:",
    )


def _column(features: Any, name: str) -> int:
    return int((features == name).nonzero()[0][0])


@st.cache_resource(max_entries=cache.KEPT, show_spinner=False)
def _translator(path: str, direction: str, times: tuple[int, ...]) -> FittedTranslator | None:
    return files.TRANSLATOR.read(RunFolder(Path(path)), which=direction)


@st.cache_resource(max_entries=cache.KEPT, show_spinner="Comparing shifts…")
def _shifts(path: str, direction: str, times: tuple[int, ...]) -> LabelShifts | None:
    from psmatch_core.workspace.predictions import load_shifts

    folder = RunFolder(Path(path))
    return load_shifts(folder, cache.scored_modalities(folder), direction)
