"""Translated against observed cells where no pair is known: the distances beside the uniform plan and the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.shell import cache, charts
from pages.shell.text import count, number
from psmatch_core.data.checks import display
from psmatch_core.workspace.run_folder import RunFolder

if TYPE_CHECKING:
    from psmatch_core.evaluation.distributions import Distributions

WAYS = {
    "target_to_source": "{target} features at {source} cells",
    "source_to_target": "{source} features at {target} cells",
}
MEASURES = {
    "energy": ("Energy distance", "How far two clouds of cells lie apart, in all their shape; 0 where they are alike."),
    "mmd2": ("MMD²", "The same by a smooth kernel, unbiased; about 0 where they are alike."),
    "w1": ("Wasserstein-1", "How far cells would have to move, in standard deviations."),
    "kl": ("Divergence (KL)", "How surprising translated cells are among observed ones, nats; ∞ for a single point."),
    "l2_mean": ("Difference of the means", "Length of the difference of the means, in standard deviations."),
}


def distribution_view(folder: RunFolder) -> None:
    """The distances of a run, one direction at a time; nothing where it has none."""
    facts = cache.facts(folder, "distributions")
    if not facts:
        return
    from psmatch_core.evaluation.distributions import Distributions

    st.subheader("Translated against observed cells")
    st.caption(
        "No cell's partner is known, so clouds of cells are compared within each label: those translated, the same "
        "through a uniform plan, and a floor, which is one half of the observed cells against the other."
    )
    inputs = cache.facts(folder, "inputs") or {}
    names = {side: display(inputs.get(side, {}).get("name", side), 24) for side in ("source", "target")}
    way = st.radio(
        "Direction",
        list(facts),
        format_func=lambda each: WAYS[each].format(**names),
        horizontal=True,
        key=f"distance.way.{folder.id}",
    )
    found = Distributions.from_dict(facts[way or next(iter(facts))])
    show(found, key=f"{folder.id}.{way}")
    st.caption(
        "Drawing cells of the label at random would reach the floor without any matching: these figures tell whether a "
        "translation keeps the spread, not whether each cell is right. For that, leave a perturbation out on Translate."
    )


def show(found: Distributions, *, key: str) -> None:
    """Figures of merit, one measure by label, and the table."""
    from psmatch_core.plotting import distance_dots

    if found.per_label:
        first = found.candidates[1]
        charts.metrics(
            (
                title,
                _figure(found.micro[found.candidates[0]][name]),
                f"{first} {_figure(found.micro[first][name])}, floor {_figure(found.micro['floor'][name])}",
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
            alt="The distance of each label beside the uniform plan and the floor",
        )
    with st.expander("All distances as a table"):
        rows = [
            {"": name.replace("_", " "), "over": over, **{MEASURES[each][0]: values[each] for each in MEASURES}}
            for over, means in (("cells (micro)", found.micro), ("labels (macro)", found.macro))
            for name, values in means.items()
        ]
        config: dict[str, Any] = {
            title: st.column_config.NumberColumn(title, format="%.3f") for title, _ in MEASURES.values()
        }
        st.dataframe(rows, hide_index=True, column_config=config)
        table = found.table()
        if len(table):
            table["label"] = [display(each, 60) for each in table["label"]]
            st.dataframe(table, hide_index=True)
    st.caption(
        f"Wasserstein-1 is {found.w1_kind}; KL by {count(found.n_neighbors, 'neighbour')}; measured in "
        f"{count(found.n_components, 'dimension')} that hold {found.explained:.0%} of the observed variance."
    )
    for note in found.notes:
        st.caption(f":material/info: {note}")
    if found.skipped:
        with st.expander(f"{count(len(found.skipped), 'label')} not compared", icon=":material/warning:"):
            rows = [{"label": display(label, 60), "reason": reason} for label, reason in found.skipped.items()]
            st.dataframe(rows, hide_index=True)


def _figure(value: float) -> str:
    return "∞" if value == float("inf") else number(value)
