"""What a run predicts of one modality from the other, and how well."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, cell_values, charts
from pages.shell.changed_settings import TRANSLATORS
from pages.shell.distributions import distribution_view
from pages.shell.name_search import find
from pages.shell.tables import label_table
from pages.shell.tabs import tabs
from pages.shell.text import count, number, plain
from pages.views.translate.feature_pairs import feature_view
from pages.views.translate.leave_out import leave_out_view
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.translation.translators import FittedTranslator

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
    inputs = cache.facts(folder, "inputs")
    if not inputs or not cache.has_exports(folder):
        st.info("The translation is still being made.", icon=":material/hourglass_top:")
        return
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
    fitted = cache.translator(folder, direction)
    views = {
        "One feature": partial(_one_feature, folder, direction, names[DIRECTIONS[direction][0]]),
        "All features": partial(_all_features, folder, fitted, direction),
        "Shifts by label": partial(_shifts, folder, direction, is_trained=fitted is not None),
        "Leave a perturbation out": partial(leave_out_view, folder),
        "Distributions": partial(_distributions, folder),
        "Feature pairs": partial(feature_view, folder),
    }
    tabs(views, key=f"translate.tabs.{folder.id}")


def _all_features(folder: RunFolder, fitted: FittedTranslator | None, direction: str) -> None:
    """How much of each feature is explained, and how the translator came about."""
    _by_feature(folder, direction, is_trained=fitted is not None)
    kind = TRANSLATORS.get(type(folder.recipe.translator), "Another translator")
    st.markdown(f"**How it was made: {kind}**")
    if fitted is not None:
        _trained(folder, fitted, direction)
    else:
        st.caption(
            "Features are read off the coupling for its own cells; nothing is trained. To predict cells measured "
            "later, choose a translator that is trained under “Settings” above."
        )


def _distributions(folder: RunFolder) -> None:
    """Clouds of translated cells against observed ones; a word where true pairs say more."""
    if cache.facts(folder, "distributions"):
        distribution_view(folder)
        return
    st.info(
        "Clouds of cells are compared where no cell's partner is known. Here true pairs are known, and say more: see "
        "“All features” and Evaluate. A perturbation left out is compared as a cloud in its own tab.",
        icon=":material/arrow_forward:",
    )


def _one_feature(folder: RunFolder, direction: str, at_name: str) -> None:
    """A feature as predicted against as measured: cell by cell where pairs are known, else label by label."""
    from psmatch_core.plotting import feature_scatter

    found = cell_values.predicted(folder, direction)
    if found is None:
        _nothing_kept()
        return
    names = found.features.tolist()
    table = cache.feature_r2_table(folder, direction)
    if table is not None and len(table) > 1:
        names = cell_values.best_first(names, table)
        st.caption("The best predicted feature comes first.")
    name = find(names, what="feature", key=f"feature.{folder.id}.{direction}")
    if name is None:
        return
    at, of, held_out = cell_values.paired(folder, direction)
    if at.size:
        x, y, labels = cell_values.pair_values(folder, found, name, at, of)
        what = "held-out cell" if held_out else "cell"
    else:
        shifts = cell_values.shifts(folder, direction)
        if shifts is None or not shifts.labels:
            st.info(
                f"No {at_name} cell's partner is known, and no label stands on both sides: there is nothing measured "
                "to hold the prediction against.",
                icon=":material/info:",
            )
            return
        x, y, labels = cell_values.label_means(shifts, name)
        what = "label"
    charts.show(
        feature_scatter(x, y, labels, feature=name, what=what),
        key=f"feature.figure.{folder.id}.{direction}.{name}",
        alt=f"{display(name)} as predicted against as measured",
    )
    if not at.size:
        st.caption(f"No {at_name} cell's partner is known, so each point is the mean of a label.")


def _nothing_kept() -> None:
    st.info(
        "This run left no predictions that can be looked at one by one: it was made by an earlier version, its "
        "features are pixels, or there are too many. Translate again, or open the exported h5ad.",
        icon=":material/arrow_forward:",
    )


def _shifts(folder: RunFolder, direction: str, *, is_trained: bool) -> None:
    """What each label does to all features, as predicted and as measured."""
    from psmatch_core.plotting import label_shift, shift_dots

    found = cell_values.shifts(folder, direction)
    if found is None:
        _nothing_kept()
        return
    if not is_trained:
        st.caption(
            "Careful: weighted means of matches, over all cells of a label, give the label's own mean, whatever the "
            "matching. These figures judge a trained translator; for this one, the next tab leaves a label out."
        )
    charts.show(shift_dots(found), key=f"shifts.{folder.id}.{direction}", alt="Share of each label's shift explained")
    if not found.labels:
        return
    label = st.selectbox(
        "Label",
        sorted(found.labels, key=lambda each: -found.size[found.labels.index(each)]),
        format_func=lambda each: display(each, 60),
        key=f"shifts.label.{folder.id}.{direction}",
        help="The label that moves the features most comes first.",
    )
    if label is not None:
        charts.show(
            label_shift(found, label),
            key=f"shift.{folder.id}.{direction}.{label}",
            alt=f"Predicted against measured shift of every feature for {display(label)}",
        )
    with st.expander("All labels as a table"):
        column = st.column_config
        label_table(
            found.table(),
            {
                "control": column.TextColumn("Against"),
                "n_predicted": column.NumberColumn("Predicted [cells]", format="localized"),
                "n_measured": column.NumberColumn("Measured [cells]", format="localized"),
                "size": column.NumberColumn(
                    "Shift [sd]", format="%.2f", help="Root mean square of the measured shift over features."
                ),
                "explained": column.NumberColumn("Explained", format="%.2f", help="1 perfect, 0 as “no change”."),
                "correlation": column.NumberColumn("Correlation", format="%.2f", help="Over features."),
            },
            key=f"shifts.{folder.id}.{direction}",
        )


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
    from psmatch_core.plotting import feature_r2_bars

    table = cache.feature_r2_table(folder, direction)
    if table is None:
        st.caption(
            "How well each feature is predicted was not worked out: no true pair is known, or an earlier version made "
            "this run."
        )
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
        feature_r2_bars(values, top=TOP_FEATURES),
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
