"""What a run predicts of one modality from the other, and how well."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages._shared import charts, results
from pages._shared.settings import TRANSLATORS
from pages._shared.text import count, number, plain
from psmatch_core.checks import display
from psmatch_core.folder import RunFolder

DIRECTIONS = {"target_to_source": ("source", "target"), "source_to_target": ("target", "source")}
AGAINST = {
    "r2_against_true_pairs": (
        "true pairs",
        "Measured in the cell's own partner. 1 is perfect, 0 as good as the feature's mean, below 0 worse.",
    ),
    "r2_against_matched_cells": (
        "matched cells",
        "Measured in the cells that held-out cells were matched to, each by its weight. These are inferred, and "
        "their spread counts as error: low for a soft coupling even where the prediction is right.",
    ),
}
TOP_FEATURES = 25


def translate_view(folder: RunFolder) -> None:
    """The translator of each direction: what it is, how it trained, and how much of each feature it explains."""
    inputs = results.facts(folder, "inputs")
    if not inputs or not results.has_exports(folder):
        return
    st.subheader("Translation")
    names = {side: plain(inputs[side]["name"]) for side in ("source", "target")}
    direction = (
        st.segmented_control(
            "Direction",
            list(DIRECTIONS),
            default="target_to_source",
            required=True,
            format_func=lambda each: f"{names[DIRECTIONS[each][1]]} features of {names[DIRECTIONS[each][0]]} cells",
            key=f"direction.{folder.id}",
        )
        or "target_to_source"
    )
    st.markdown(f"**{TRANSLATORS.get(type(folder.recipe.translator), 'Another translator')}** ({plain(direction)})")
    fitted = results.translator(folder, direction)
    if fitted is not None:
        _trained(folder, fitted, direction)
    else:
        st.caption(
            "Features are read off the coupling for its own cells; nothing is trained. To predict cells measured "
            "later, choose a translator that is trained under “Translator” on the Match page."
        )
    _by_feature(folder, direction, is_trained=fitted is not None)


def _trained(folder: RunFolder, fitted: Any, direction: str) -> None:
    figures = []
    for each in fitted.quality:
        against, meaning = AGAINST[each.column]
        figures.append((f"R², against {against}", number(each.pooled), count(each.n_cells, "held-out cell"), meaning))
    cells = ("Cells that trained", f"{fitted.n_training:,}", f"{len(fitted.held_out):,} held out", "")
    charts.metrics([*figures, cells])
    for note in fitted.notes:
        st.caption(plain(note))
    if not fitted.curves:
        st.caption("This translator has no epochs: there is no curve to draw.")
        return
    from psmatch_core.plotting import translator_curves

    charts.show(
        translator_curves(fitted.curves),
        key=f"translator.{folder.id}.{direction}",
        alt="Loss of the translator by epoch, on training and on held-out cells",
    )


def _by_feature(folder: RunFolder, direction: str, *, is_trained: bool) -> None:
    from psmatch_core.plotting import feature_r2

    table = results.feature_r2_table(folder, direction)
    if table is None:
        st.caption("It could not be judged: no true pair is known.")
        return
    columns = [name for name in AGAINST if name in table]
    which = columns[0]
    if len(columns) > 1:
        which = (
            st.segmented_control(
                "Measured against",
                columns,
                default=columns[0],
                required=True,
                format_func=lambda each: AGAINST[each][0],
                key=f"against.{folder.id}",
            )
            or which
        )
    where = "held-out cells, which never trained" if is_trained else "all matched cells"
    st.caption(f"{AGAINST[which][1]} On {where}.")
    values = dict(zip(table["feature"][1:], table[which][1:], strict=True))
    charts.show(
        feature_r2(values, top=TOP_FEATURES),
        key=f"translate.r2.{folder.id}.{direction}.{which}",
        alt="Variance explained of each predicted feature",
    )
    with st.expander("All features as a table"):
        shown = table.copy()
        shown["feature"] = [display(each, 60) for each in shown["feature"]]
        config: dict[str, Any] = {
            name: st.column_config.NumberColumn(f"R², against {AGAINST[name][0]}", format="%.3f") for name in columns
        }
        st.dataframe(shown, hide_index=True, column_config=config, height=320)
