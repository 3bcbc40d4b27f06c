"""Distances between translated and observed cells, with those of a uniform plan and a floor to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import charts
from pages.shell.tables import EMPTY_FIGURE
from pages.shell.text import count, number, plain
from psmatch_core.data.checks import display
from psmatch_core.evaluation.distributions import CAVEAT
from psmatch_core.workspace import files
from psmatch_core.workspace.results import side_names
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.distributions import Distributions

DIRECTION_TITLES = {
    "target_to_source": "{target} features at {source} cells",
    "source_to_target": "{source} features at {target} cells",
}
MEASURES = {
    "energy": ("Energy distance", "How different two distributions of cells are; 0 if they are the same."),
    "mmd2": ("MMD²", "The same by a smooth kernel, unbiased; about 0 if they are the same."),
    "w1": ("Wasserstein-1", "How far cells would have to move to turn one into the other, in standard deviations."),
    "kl": (
        "Divergence (KL)",
        "How unexpected translated cells are among observed ones, in nats; ∞ for a single point.",
    ),
    "l2_mean": ("Distance of the means", "Distance between the means, in standard deviations."),
}


def translated_and_observed(folder: RunFolder) -> None:
    """The distances of a run, one direction at a time; nothing if it has none."""
    compared = files.DISTRIBUTIONS.read(folder)
    if not compared:
        return
    st.subheader("Translated and observed cells")
    st.caption(
        "No true pairs are known, so the distributions of translated and observed cells are compared within each "
        "label. Compare the distances with those of a uniform plan, and with the floor: the distance between two "
        "halves of the observed cells."
    )
    names = {side: plain(name, 24) for side, name in side_names(folder).items()}
    direction = st.radio(
        "Direction",
        list(compared),
        format_func=lambda each: DIRECTION_TITLES[each].format(**names),
        horizontal=True,
        key=f"distance.direction.{folder.id}",
    )
    show_distances(compared[direction or next(iter(compared))], key=f"{folder.id}.{direction}")
    st.caption(
        f"{CAVEAT} Random cells of the label would reach the floor without any matching. To test a translation, leave "
        "a perturbation out on Translate."
    )


def show_distances(found: Distributions, *, key: str) -> None:
    """All distances over labels, one distance by label, and the tables."""
    from psmatch_core.plotting import distance_dots

    if found.per_label:
        first = found.candidates[1]
        charts.metrics(
            (
                title,
                _value(found.micro[found.candidates[0]][name]),
                f"{first} {_value(found.micro[first][name])}, floor {_value(found.micro['floor'][name])}",
                meaning,
            )
            for name, (title, meaning) in MEASURES.items()
        )
        measure = st.selectbox(
            "Distance", list(MEASURES), format_func=lambda each: MEASURES[each][0], key=f"distance.{key}"
        )
        charts.show(
            distance_dots(found, measure or "energy"),
            key=f"distance.dots.{key}.{measure}",
            alt="Distance of each label, with those of the uniform plan and the floor",
        )
    with st.expander("All distances as a table"):
        rows = [
            {"": name.replace("_", " "), "mean over": over, **{MEASURES[each][0]: values[each] for each in MEASURES}}
            for over, means in (("cells (micro)", found.micro), ("labels (macro)", found.macro))
            for name, values in means.items()
        ]
        config: dict[str, Any] = {
            title: st.column_config.NumberColumn(title, format="%.3f") for title, _ in MEASURES.values()
        }
        st.dataframe(rows, hide_index=True, column_config=config, placeholder=EMPTY_FIGURE)
        table = found.table()
        if len(table):
            table["label"] = [display(each, 60) for each in table["label"]]
            st.dataframe(table, hide_index=True, placeholder=EMPTY_FIGURE)
    st.caption(
        f"Wasserstein-1 is {found.w1_kind}; KL uses {count(found.n_neighbors, 'neighbour')}; all are measured in "
        f"{count(found.n_components, 'dimension')} with {found.explained:.0%} of the observed variance."
    )
    for note in found.notes:
        st.caption(f":material/info: {note}")
    if found.skipped:
        with st.expander(f"{count(len(found.skipped), 'label')} not compared", icon=":material/warning:"):
            rows = [{"label": display(label, 60), "reason": reason} for label, reason in found.skipped.items()]
            st.dataframe(rows, hide_index=True, placeholder=EMPTY_FIGURE)


def _value(value: float) -> str:
    return "∞" if value == float("inf") else number(value)
