"""How well features are predicted: one feature against its measurement, and R² of all features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts
from pages.shell.name_search import name_search
from pages.shell.text import count, number, plain
from pages.views.translate import predictions
from psmatch_core.data.checks import display
from psmatch_core.workspace import files
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from psmatch_core.translation.translators import FittedTranslator

COMPARED_WITH = {
    "r2_against_true_pairs": (
        "true pairs",
        "Compared with the measurement in the cell's true partner: 1 is perfect, 0 is no better than the feature's "
        "mean, below 0 is worse.",
    ),
    "r2_against_matched_cells": (
        "matched cells",
        "Compared with the cells to which held-out cells were matched, by weight. These matches are inferred, and "
        "their spread counts as error: R² is low for a soft coupling even if the prediction is right.",
    ),
}
TOP_FEATURES = 25


def one_feature_tab(folder: RunFolder, direction: str, cells_of: str) -> None:
    """A feature as predicted and as measured: by cell if pairs are known, otherwise by label.

    Parameters
    ----------
    cells_of
        Name of the modality whose cells get the features.
    """
    from psmatch_core.plotting import feature_scatter
    from psmatch_core.workspace.predictions import load_predictions

    found = load_predictions(folder, direction)
    if found is None:
        predictions.say_no_predictions()
        return
    names = found.features.tolist()
    table = _r2_table(folder, direction)
    if table is not None and len(table) > 1:
        names = _best_first(names, table)
        st.caption("The best predicted feature comes first.")
    name = name_search(names, what="feature", key=f"feature.{folder.id}.{direction}")
    if name is None:
        return
    *rows, held_out = predictions.known_pairs(folder, direction)
    has_pairs = bool(rows[0].size)
    if has_pairs:
        x, y, labels = predictions.values_in_pairs(folder, found, name, (rows[0], rows[1]))
        what = "held-out cell" if held_out else "cell"
    else:
        shifts = predictions.shifts(folder, direction)
        if shifts is None or not shifts.labels:
            st.info(
                f"No true partner of any {cells_of} cell is known, and the modalities share no label, so there is no "
                "measurement to compare the prediction with.",
                icon=":material/info:",
            )
            return
        x, y, labels = predictions.label_means(shifts, name)
        what = "label"
    charts.show(
        feature_scatter(x, y, labels, feature=name, what=what),
        key=f"feature.figure.{folder.id}.{direction}.{name}",
        alt=f"{display(name)} as predicted and as measured",
    )
    if not has_pairs:
        st.caption(f"No true partner of any {cells_of} cell is known, so each point is the mean of a label.")


def all_features_tab(folder: RunFolder, fitted: FittedTranslator | None, direction: str) -> None:
    """R² of each feature, and how the translator was trained."""
    _r2(folder, direction, is_trained=fitted is not None)
    kind = type(folder.recipe.translator).menu_title or "Another translator"
    st.markdown(f"**Translator: {kind}**")
    if fitted is not None:
        _training(folder, fitted, direction)
    else:
        st.caption(
            "The features of a cell are the weighted mean of its matches; nothing is trained. To predict cells that "
            "are measured later, choose a trained translator under “Settings” above."
        )


def _training(folder: RunFolder, fitted: FittedTranslator, direction: str) -> None:
    rows = []
    for each in fitted.quality:
        title, meaning = COMPARED_WITH[each.column]
        rows.append((f"R², {title}", number(each.pooled), count(each.n_cells, "held-out cell"), meaning))
    rows.append(("Training cells", f"{fitted.n_training:,}", f"{len(fitted.held_out):,} held out", ""))
    charts.metrics(rows)
    for note in fitted.notes:
        st.caption(plain(note))
    if not fitted.curves:
        st.caption("This translator has no epochs, so there is no curve.")
        return
    from psmatch_core.plotting import translator_curves

    charts.show(
        translator_curves(fitted.curves),
        key=f"translator.{folder.id}.{direction}",
        alt="Loss of the translator by epoch, on training and on held-out cells",
    )


def _r2(folder: RunFolder, direction: str, *, is_trained: bool) -> None:
    from psmatch_core.plotting import feature_r2_bars

    table = _r2_table(folder, direction)
    if table is None:
        st.caption("R² was not computed: no true pairs are known, or an earlier version made this run.")
        return
    columns = [name for name in COMPARED_WITH if name in table]
    chosen = columns[0]
    if len(columns) > 1:
        chosen = (
            st.segmented_control(
                "Compared with",
                columns,
                default=columns[0],
                required=True,
                format_func=lambda each: COMPARED_WITH[each][0],
                key=f"against.{folder.id}",
            )
            or chosen
        )
    cells = "held-out cells, which were not used for training" if is_trained else "all matched cells"
    st.caption(f"{COMPARED_WITH[chosen][1]} Evaluated on {cells}.")
    values = dict(zip(table["feature"][1:], table[chosen][1:], strict=True))
    charts.show(
        feature_r2_bars(values, top=TOP_FEATURES),
        key=f"translate.r2.{folder.id}.{direction}.{chosen}",
        alt="Variance explained (R²) of each predicted feature",
    )
    with st.expander("All features as a table"):
        shown = table.copy()
        shown["feature"] = [display(each, 60) for each in shown["feature"]]
        config: dict[str, Any] = {
            name: st.column_config.NumberColumn(f"R², {COMPARED_WITH[name][0]}", format="%.3f") for name in columns
        }
        st.dataframe(shown, hide_index=True, column_config=config, height=320)


def _r2_table(folder: RunFolder, direction: str) -> pd.DataFrame | None:
    return files.TRANSLATION_R2.read(folder, which=direction)


def _best_first(names: list[str], table: pd.DataFrame) -> list[str]:
    """Features by their R², those without one last."""
    r2 = dict(zip(table["feature"][1:].astype(str), table.iloc[1:, 1], strict=True))
    known = {name: float(value) for name, value in r2.items() if value == value}
    return sorted(names, key=lambda name: -known.get(name, float("-inf")))
